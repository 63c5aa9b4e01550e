"""Ramps of containers until a host has enough."""
