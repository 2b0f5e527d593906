"""Tokens: bytes in, a user out. Knows no database and no web framework."""
