"""The commands that bring other people's experiments in, one module for each study."""
