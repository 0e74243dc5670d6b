"""The trackers: a module each, found by registry.py."""
