"""Accounts: for people without an identity provider of their own."""
