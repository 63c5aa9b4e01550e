"""A page that is alive on a store: `minion serve`."""
