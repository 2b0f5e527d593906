"""What tests do with purges, which run in the background."""

import asyncio

import psycopg

from taskward.database.purge import TASK_NAME

INTERVAL = "taskward.database.purge.INTERVAL_SECONDS"


async def purges_end() -> None:
    """Wait until no purge is under way."""
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == TASK_NAME))


# What the transaction has read so far.
READ = "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = %s"


def rows_read(superuser: psycopg.Connection, purge: str, table: str) -> int:
    """Return how many rows a call of a purge's function reads of a table by its indexes; it must not scan it."""
    with superuser.transaction():
        superuser.execute("SET LOCAL ROLE taskward_app")
        superuser.execute(f"SELECT {purge}".encode())
        superuser.execute("RESET ROLE")
        read = superuser.execute(READ, [table]).fetchone()
    assert read is not None
    scans, rows = read
    assert scans == 0
    return int(rows)
