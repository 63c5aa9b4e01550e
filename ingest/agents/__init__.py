"""netdata agents: how they are reached, what they say, and what is made of it."""
