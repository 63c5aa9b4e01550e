"""Profiles of functions: traces, sampled stacks, what Go writes; latencies beside them."""
