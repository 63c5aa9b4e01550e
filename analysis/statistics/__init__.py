"""Methods on plain arrays: they know nothing of stores, frames or platforms.

Each is held against an oracle, another program's value written into its test, and by simulation.
"""
