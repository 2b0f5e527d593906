"""PostgreSQL: where it is, who runs it, and `acting_as`, the one door to user data."""
