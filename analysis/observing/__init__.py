"""What an observer sees of what happens, and what it costs: percentiles, capture, cost per node."""
