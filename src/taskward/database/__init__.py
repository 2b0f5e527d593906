"""PostgreSQL: where it is, what is wrong with it, and `acting_as`, the one way to user data."""
