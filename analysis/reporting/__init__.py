"""The rooms of the report: its parts as data, what it says of them, and the page."""
