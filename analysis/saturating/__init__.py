"""Ramps: what a system gives while its load grows, and where it gives no more."""
