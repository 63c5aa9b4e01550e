"""Where the variance lies, and how many runs the next experiment needs."""
