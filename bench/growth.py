"""Ten times the users and tasks: what actions cost, what the tables weigh, and what a million updates leave."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench import rows, servers
from bench.data import Shape
from bench.databases import Databases
from bench.markdown import table
from bench.rows import Figures
from bench.usage import Tree
from bench.users import users_of

ACTIONS = ("read", "list", "create", "update")
TASKS_PER_USER = 100
TIMES = 10
MOST_UPDATES = 1_000_000
UPDATES_PER_TRANSACTION = 1000

# In random order, and beside the tasks: nothing more is kept up with the updates. The service starts again after
# them, and refuses a database with a table that it does not know.
PICK = """
    CREATE TEMPORARY TABLE picked AS
    SELECT row_number() OVER () AS number, user_id, id
      FROM (SELECT user_id, id FROM tasks ORDER BY random() LIMIT %(updates)s) AS shuffled;
    ALTER TABLE picked ADD PRIMARY KEY (number);
    ANALYZE picked;
"""
UPDATE = """
    UPDATE tasks SET title = 'Buy bread ' || number
      FROM picked
     WHERE number > %(before)s AND number <= %(last)s
           AND tasks.user_id = picked.user_id AND tasks.id = picked.id
"""
SIZES = """
    SELECT relname, pg_table_size(pg_class.oid)
      FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
     WHERE relname IN ('tasks', 'users') OR indrelid IN ('tasks'::regclass, 'users'::regclass)
     ORDER BY coalesce(indrelid, pg_class.oid), indrelid IS NOT NULL, relname
"""
ROWS = """
    SELECT relname, n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count
      FROM pg_stat_user_tables WHERE relname IN ('tasks', 'users') ORDER BY relname
"""


@dataclass(frozen=True)
class Churn:
    """What PostgreSQL counted of a table's rows."""

    name: str
    updates: int
    hot: int
    dead: int
    autovacuums: int


@dataclass
class Growth:
    """What was measured of two sizes. The first figures of each action are the larger one's."""

    large: Shape
    small: Shape
    actions: dict[str, list[Figures]] = field(default_factory=dict)
    later: dict[str, list[Figures]] = field(default_factory=dict)  # after the updates of the larger one
    sizes: list[dict[str, int]] = field(default_factory=list)  # small, large, after updates, after vacuum
    churn: list[Churn] = field(default_factory=list)
    update_seconds: float = 0
    vacuum_seconds: float = 0

    @property
    def updates(self) -> int:
        """How many tasks of the larger one are updated."""
        return min(MOST_UPDATES, self.large.tasks)

    def markdown(self) -> str:
        """Return the tables."""
        return "\n\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"### {self.large.tasks:,} tasks against {self.small.tasks:,}"
        yield self._speeds(self.actions, "")
        if self.later:
            yield (
                f"{self.updates:,} updates, each of another task, took {self.update_seconds:,.0f} s in"
                f" transactions of {UPDATES_PER_TRANSACTION:,}. {' '.join(map(_sentence, self.churn))} A VACUUM of"
                f" both then took {self.vacuum_seconds:,.0f} s. Before it, the same actions:"
            )
            yield self._speeds(self.later, " after the updates")
        yield self._weights()

    def _speeds(self, found: dict[str, list[Figures]], when: str) -> str:
        small = f"of {self.small.tasks:,}"
        return table(
            ("action", f"requests/s of {self.large.tasks:,} tasks{when}", small, "ratio", "processor µs", small,
             "ratio"),
            [
                (action, *_beside(*(of.per_second for of in figures)),
                 *_beside(*(of.service_cpu + of.database_cpu for of in figures)))
                for action, figures in found.items()
            ],
        )  # fmt: skip

    def _weights(self) -> str:
        headings = (
            f"MB with {self.small.tasks:,} tasks", f"with {self.large.tasks:,}", f"after {self.updates:,} updates",
            "after VACUUM",
        )  # fmt: skip
        weights = [(name, *(f"{sizes[name] / 1e6:,.1f}" for sizes in self.sizes)) for name in self.sizes[0]]
        total = ("all of it", *(f"{sum(sizes.values()) / 1e6:,.1f}" for sizes in self.sizes))
        return table(("table or index", *headings[: len(self.sizes)]), [*weights, total])


def _beside(large: float, small: float) -> tuple[str, ...]:
    return f"{large:,.0f}", f"{small:,.0f}", f"{large / small:.2f}"


def _sentence(of: Churn) -> str:
    hot = of.hot / of.updates if of.updates else 0
    return (
        f"Of `{of.name}`, {hot:.0%} of the updates touched no index, {of.dead:,} dead rows were left, and"
        f" autovacuum had come {of.autovacuums} times."
    )


def shapes(tasks: int) -> tuple[Shape, Shape]:
    """Return the larger shape and the smaller one."""
    return Shape(tasks // TASKS_PER_USER, tasks), Shape(tasks // TASKS_PER_USER // TIMES, tasks // TIMES)


def measure(databases: Databases, folder: Path, tasks: int, *, rounds: int, seconds: int) -> Growth:
    """Measure two sizes in turn; then update the larger one, and measure again.

    Raises BadResponsesError where a server answers badly, ServerFailedError where it does not start.
    """
    found = Growth(*shapes(tasks))
    databases.clone(databases.kept(found.large), "large")
    databases.clone(databases.kept(found.small), "small")
    with closing(databases.superuser("large")) as large, closing(databases.superuser("small")) as small:
        found.sizes = [sizes(small), sizes(large)]
        found.actions = speeds(databases, folder, found, rounds=rounds, seconds=seconds)
        found.update_seconds = update_many(large, found.updates)
        found.churn = churn(large)
        found.later = speeds(databases, folder, found, rounds=rounds, seconds=seconds)
        found.sizes.append(sizes(large))
        found.vacuum_seconds = vacuum(large)
        found.sizes.append(sizes(large))
    return found


def speeds(
    databases: Databases, folder: Path, of: Growth, *, rounds: int, seconds: int
) -> dict[str, list[Figures]]:
    """Return the figures of each action: of the database `large`, then of `small`."""
    with (
        servers.taskward(folder, "large", DATABASE_URL=databases.url("large")) as large,
        servers.taskward(folder, "small", DATABASE_URL=databases.url("small")) as small,
    ):
        subjects = [
            rows.Subject(large, users_of(databases, "large", of.large)),
            rows.Subject(small, users_of(databases, "small", of.small)),
        ]
        database = Tree.of(databases.server.pid)
        return {
            action: rows.measure(action, subjects, database, folder, rounds=rounds, seconds=seconds)
            for action in ACTIONS
        }


def update_many(superuser: psycopg.Connection, updates: int) -> float:
    """Give so many tasks another title, each once, with all triggers; return how many seconds it took."""
    with psycopg.ClientCursor(superuser) as cursor:
        cursor.execute(PICK, {"updates": updates})
    start = time.perf_counter()
    for before in range(0, updates, UPDATES_PER_TRANSACTION):
        superuser.execute(UPDATE, {"before": before, "last": before + UPDATES_PER_TRANSACTION})
    seconds = time.perf_counter() - start
    superuser.execute("DROP TABLE picked")
    return seconds


def sizes(superuser: psycopg.Connection) -> dict[str, int]:
    """Return how many bytes tables and indexes take."""
    return dict(superuser.execute(SIZES).fetchall())


def churn(superuser: psycopg.Connection) -> list[Churn]:
    """Return what became of the rows that were updated."""
    superuser.execute("SELECT pg_stat_force_next_flush()")
    return [Churn(*row) for row in superuser.execute(ROWS).fetchall()]


def vacuum(superuser: psycopg.Connection) -> float:
    """Have PostgreSQL clean up; return how many seconds it took."""
    start = time.perf_counter()
    superuser.execute("VACUUM users, tasks")
    return time.perf_counter() - start
