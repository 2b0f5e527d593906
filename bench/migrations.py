"""How long each migration takes where there are data already, and for how long it keeps everybody else out."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg
from alembic.script import ScriptDirectory

from bench.data import Shape, load
from bench.databases import Databases
from bench.markdown import table
from taskward.database.migrate import alembic_config, migrate
from taskward.database.url import conninfo

FIRST = "0003"  # the first that has the tables, the numbers and the trigger of what is loaded
COLUMNS = 8  # of a task, that it has
WATCH_SECONDS = 0.01

# A table that is written anew gets another file; one that is read for its checks tells how many rows were.
TABLES = """
    SELECT pg_class.relname, pg_relation_filenode(relid), seq_tup_read
      FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid WHERE pg_class.relname IN ('tasks', 'users')
"""
OTHERS = """
    SELECT 1
      FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
LOCKED = """
    SELECT count(*)
      FROM pg_locks
     WHERE mode = 'AccessExclusiveLock' AND granted
           AND relation IN (SELECT to_regclass(name) FROM unnest(ARRAY['tasks', 'users']) AS name)
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass
class Step:
    """One migration: its seconds, and those with a lock on tasks or users that lets nobody read them."""

    revision: str
    seconds: float = 0
    locked_seconds: float = 0
    rewritten: list[str] = field(default_factory=list)  # which of both were written anew
    read: list[str] = field(default_factory=list)  # which were read from end to end


@dataclass
class Migrations:
    """All of them, on data of one shape."""

    shape: Shape
    steps: list[Step] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the table."""
        lines = [
            (
                step.revision,
                f"{step.seconds:.1f}",
                f"{step.locked_seconds:.1f}",
                ", ".join(step.rewritten),
                ", ".join(step.read),
            )
            for step in self.steps
        ]
        return "\n\n".join((
            f"### Migrations of {self.shape.tasks:,} tasks",
            table(("migration", "seconds", "nobody else reads for", "written anew", "read whole"), lines),
        ))  # fmt: skip


def measure(databases: Databases, tasks: int) -> Migrations:
    """Fill a database as it was at first, and bring it up to the newest revision, one by one."""
    found = Migrations(Shape(tasks // 100, tasks))
    databases.create("old")
    migrate(conninfo(databases.url("old")), revision=FIRST)
    with closing(databases.superuser("old")) as superuser:
        load(superuser, found.shape, columns=COLUMNS)
        for revision in after(FIRST):
            found.steps.append(_migrate(databases, superuser, found.shape, revision))
    databases.drop("old")
    return found


def after(first: str) -> list[str]:
    """Return the revisions after this one, oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions(first, "head")
    return [script.revision for script in scripts if script.revision != first][::-1]


def _migrate(databases: Databases, superuser: psycopg.Connection, shape: Shape, revision: str) -> Step:
    step, rows = Step(revision), {"tasks": shape.tasks, "users": shape.users}
    before = _tables(superuser)
    superuser.execute("CHECKPOINT")  # else one migration pays for what another wrote
    with closing(databases.superuser("old")) as watcher, _watched(watcher, step):
        start = time.perf_counter()
        migrate(conninfo(databases.url("old")), revision=revision)
        step.seconds = time.perf_counter() - start
    _wait_until_alone(superuser)
    for name, (file, rows_read) in _tables(superuser).items():
        if file != before[name][0]:
            step.rewritten.append(name)
        if rows_read - before[name][1] >= rows[name]:
            step.read.append(name)
    return step


def _wait_until_alone(superuser: psycopg.Connection) -> None:
    while superuser.execute(OTHERS).fetchall():
        time.sleep(0.005)  # a session counts what it has read as it ends, for which there is no event


def _tables(superuser: psycopg.Connection) -> dict[str, tuple[int, int]]:
    superuser.execute("SELECT pg_stat_force_next_flush()")  # what this session itself has read
    return {name: (file, rows_read) for name, file, rows_read in superuser.execute(TABLES).fetchall()}


@contextmanager
def _watched(connection: psycopg.Connection, step: Step) -> Iterator[None]:
    ended = threading.Event()

    def watch() -> None:
        since: float | None = None
        while not ended.wait(WATCH_SECONDS):
            row = connection.execute(LOCKED).fetchone()
            if row and row[0]:
                since = since or time.perf_counter()
                step.locked_seconds = time.perf_counter() - since

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
