"""PocketBase, a task service of another kind: one Go process with SQLite inside. Built from its registry."""
