"""Everything that brings data in: netdata agents, lifecycle events, the simulated study."""
