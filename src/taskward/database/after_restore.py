"""What has to be done when an older state of a database has come back, from a backup or a point in time."""

import psycopg

from taskward.database.tables import Tables


def begin_again(conninfo: str, tables: Tables) -> None:
    """Do what the features with these `tables` want done after a restore, all of it or nothing.

    `conninfo` (libpq) is of the tables' owner, and of a migrated database. It may be done again, and need not be.
    Raises psycopg.Error.
    """
    with psycopg.connect(conninfo) as owner:
        for statement in tables.after_restore:
            owner.execute(statement.encode())
