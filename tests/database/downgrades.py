"""A database as an earlier version left it."""

from alembic import command

from taskward.database.migrate import alembic_config, engine


def downgrade(address: str, revision: str = "base") -> None:
    """Take the migrations behind `revision` back, at an address (libpq)."""
    with engine(address).begin() as connection:
        command.downgrade(alembic_config(connection), revision)
