"""Function profiles: what functions cost, how that differs between runs, and pictures of it."""
