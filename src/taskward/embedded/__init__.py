"""The PostgreSQL that the service brings, and the backups of it."""
