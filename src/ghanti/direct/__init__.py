"""Calls and messages that are ordered by number, outside of a campaign's run."""
