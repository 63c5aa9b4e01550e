"""Tables that people have, and what a mapping says of their columns."""
