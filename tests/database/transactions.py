"""Transactions seen from both sides: who a transaction is, where it hangs, and what it left behind."""

import asyncio
import time

import psycopg

from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import Database
from tests.citus.cluster import on_all_servers

WHO = Statement(
    "SELECT current_user::text AS role, current_setting('app.user_id', true) AS user_id", effect=Effect.READ_ONLY
)
BACKEND = Statement("SELECT pg_backend_pid() AS pid")
SLEEP = Statement("SELECT pg_sleep(60)")
WAITS_FOR = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = '{}' AND datname = current_database()"


async def read_as(database: Database, user_id: str) -> None:
    async with database.acting_as(user_id) as transaction:
        transaction.execute(WHO)


async def dawdle(database: Database) -> None:
    """Be alice for a minute."""
    async with database.acting_as("alice") as transaction:
        transaction.execute(SLEEP)


async def asleep(superuser: psycopg.Connection) -> int:
    """Wait until a statement sleeps in the database; return its backend's process id."""
    await waiting_for(superuser, "PgSleep")
    return backend_that_waits(superuser, "PgSleep")


def backend_that_waits(superuser: psycopg.Connection, event: str) -> int:
    """Return the process id of the backend that waits for `event` on the server that was asked."""
    (pid,) = superuser.execute(WAITS_FOR.replace("count(*)", "pid").format(event).encode()).fetchone() or (None,)
    assert pid is not None
    return int(pid)


async def waiting_for(superuser: psycopg.Connection, event: str) -> None:
    """Wait until a statement waits for `event` in the database, on whichever server of it."""
    deadline = time.monotonic() + 10
    query = on_all_servers(WAITS_FOR.format(event)).encode()
    while superuser.execute(query).fetchone() == (0,):
        assert time.monotonic() < deadline, "the statement never reached the database"
        await asyncio.sleep(0.01)
        superuser.execute("SELECT pg_stat_clear_snapshot()")  # or in a transaction new sessions stay unseen


async def nothing_is_left_of_alice(database: Database) -> None:
    """The pool still has its connection, and bob is bob on it."""
    async with database.acting_as("bob") as transaction:
        who = transaction.execute(WHO)
        seen = transaction.execute(Statement("SELECT user_id FROM tasks"))
    assert who.all == [{"role": "taskward_app", "user_id": "bob"}]
    assert seen.all == []
