"""Hints that a user's data has changed, from whoever writes to whoever waits. The database alone is the truth."""
