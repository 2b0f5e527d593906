"""The data: users and tasks as the API would have left them, written by COPY in a minute instead of an hour."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

WITH_MANY = "user_00000"
WITH_100 = "user_00001"
WITH_SOME = "user_00002"
FEW = 100
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=30)
TITLES = (
    "Buy milk",
    "Water the plants",
    "Answer the letter",
    "Pay the rent",
    "Call the dentist",
    "Mend the bicycle",
)
DESCRIPTIONS = (
    "\\N",
    "Two litres, and bread if there is any",
    "Before the end of the week, and not in the evening",
)

DUE = (  # date, time and zone
    ("\\N", "\\N", "\\N"),
    ("2026-11-27", "\\N", "\\N"),
    ("2026-12-24", "18:00", "Europe/Berlin"),
    ("2027-01-31", "09:30", "\\N"),
)
PRIORITIES = ("\\N", "\\N", "high", "medium", "low")
TAGS = ("{}", "{}", "{home}", "{home,plants}", "{work}")

TASK_COLUMNS = (
    "user_id", "id", "title", "description", "completed", "created_at", "updated_at", "revision",
    "due_date", "due_time", "due_zone", "priority", "tags",
)  # fmt: skip
SECONDARY = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM pg_index WHERE indrelid = 'tasks'::regclass AND NOT indisunique
"""
USER_COLUMNS = "id, revision, task_count, completed_count, created_at"


class DataDisagreeError(Exception):
    """The data are not such as the API would have left them; the message says what is wrong."""


@dataclass(frozen=True)
class Shape:
    """How many users and tasks: one has a tenth of all tasks, one a hundredth, one 100; others share the rest."""

    users: int
    tasks: int

    def counts(self) -> dict[str, int]:
        """Return how many tasks each user has."""
        first = {WITH_MANY: self.tasks // 10, WITH_100: FEW, WITH_SOME: self.tasks // 100}
        others, rest = self.users - len(first), self.tasks - sum(first.values())
        return first | {
            f"user_{len(first) + number:05}": rest // others + (number < rest % others) for number in range(others)
        }

    def typical(self, count: int) -> list[str]:
        """Return users with neither many tasks nor few, evenly spread over all of them."""
        others = list(self.counts())[3:]
        return others[:: max(1, len(others) // count)][:count]


def load(superuser: psycopg.Connection, shape: Shape, *, columns: int = len(TASK_COLUMNS)) -> None:
    """Fill the empty tables of a migrated database. The connection must be a superuser's, in autocommit.

    The trigger that keeps the counters is off inside this one transaction, because it would overwrite the ids and
    times; the rows carry what it would have written. Foreign keys and constraints are checked as ever. An older
    schema has only the first `columns` of a task.
    """
    with superuser.transaction():
        superuser.execute("ALTER TABLE tasks DISABLE TRIGGER take_the_next_revision")
        indexes = superuser.execute(SECONDARY).fetchall()
        for name, _ in indexes:  # made at the end, as pg_restore does: that takes less than half the time
            superuser.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        _copy(superuser, f"COPY users ({USER_COLUMNS}) FROM STDIN", _user_lines(shape))
        _copy(
            superuser, f"COPY tasks ({', '.join(TASK_COLUMNS[:columns])}) FROM STDIN", _task_lines(shape, columns)
        )
        for _, definition in indexes:
            superuser.execute(definition)
        superuser.execute("ALTER TABLE tasks ENABLE TRIGGER take_the_next_revision")
        superuser.execute("SELECT setval('tasks_id_seq', (SELECT max(id) FROM tasks))")
    superuser.execute("VACUUM (ANALYZE) users, tasks")
    check(superuser, shape)


def _user_lines(shape: Shape) -> Iterator[str]:
    for owner, tasks in shape.counts().items():
        completed = _completed_of(tasks)
        yield f"{owner}\t{tasks + completed}\t{tasks}\t{completed}\t{FIRST}\n"


def _task_lines(shape: Shape, columns: int) -> Iterator[str]:
    for cells in tasks(shape):
        yield "\t".join(map(str, cells[:columns])) + "\n"


def tasks(shape: Shape) -> Iterator[tuple[Any, ...]]:
    """Give the tasks in the order of their creation: users take turns at random, as they do in life.

    So a user's tasks lie scattered over the table. Every third task was completed by a second write, soon after.
    Each is the values of TASK_COLUMNS as COPY wants them. Ten million need no more memory than their turns.
    """
    chance = random.Random(1)  # the same data every time
    made = dict.fromkeys(shape.counts(), 0)
    turns = [owner for owner, count in shape.counts().items() for _ in range(count)]
    chance.shuffle(turns)
    for number, owner in enumerate(turns, 1):
        created_at = FIRST + number * STEP
        completed = made[owner] % 3 == 0
        made[owner] += 1
        revision = made[owner] + _completed_of(made[owner])
        updated_at = created_at + completed * STEP / 2
        title, description = f"{chance.choice(TITLES)} {number}", chance.choice(DESCRIPTIONS)
        yield (
            owner, number, title, description, completed, created_at, updated_at, revision,
            *chance.choice(DUE), chance.choice(PRIORITIES), chance.choice(TAGS),
        )  # fmt: skip


def _completed_of(tasks: int) -> int:
    return (tasks + 2) // 3  # the first, the fourth, …


def _copy(superuser: psycopg.Connection, command: str, lines: Iterator[str]) -> None:
    with superuser.cursor() as cursor, cursor.copy(command.encode()) as copy:
        for line in lines:
            copy.write(line)


def check(superuser: psycopg.Connection, shape: Shape | None = None) -> None:
    """Raise DataDisagreeError unless counters, ids and times agree with the tasks, and with `shape` if given."""
    wrong = superuser.execute("""
        SELECT count(*)
          FROM users AS u
          FULL JOIN (SELECT user_id, count(*) AS tasks, count(*) FILTER (WHERE completed) AS completed,
                            max(revision) AS revision, min(created_at) AS created_at
                       FROM tasks GROUP BY user_id) AS t ON t.user_id = u.id
         WHERE (u.task_count, u.completed_count, u.revision) IS DISTINCT FROM (t.tasks, t.completed, t.revision)
            OR u.created_at > t.created_at
    """).fetchall()[0][0]
    if wrong:
        raise DataDisagreeError(f"the counters of {wrong} users do not agree with their tasks")
    users, tasks, newest = superuser.execute("""
        SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tasks), (SELECT last_value FROM tasks_id_seq)
    """).fetchall()[0]
    if shape and (users, tasks, newest) != (shape.users, shape.tasks, shape.tasks):
        raise DataDisagreeError(f"there are {users} users and {tasks} tasks, and the newest id is {newest}")
