"""The SQL of tasks. Builds, and holds no connection.

Every statement says `user_id = :owner`, which is the first of the two walls. `acting_as` gives `owner`.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    lateral,
    literal,
    literal_column,
    not_,
    select,
    true,
    tuple_,
    update,
)

from taskward.database.compiled import Statement, compiled
from taskward.tasks.model import tasks, users

OWNER: Any = bindparam("owner", type_=Text)
TASK_ID: Any = bindparam("task_id", type_=BigInteger)
TITLE: Any = bindparam("title", type_=Text)
DESCRIPTION: Any = bindparam("description", type_=Text)
COMPLETED: Any = bindparam("completed", type_=Boolean)
EXPECTED: Any = any_(bindparam("expected", type_=ARRAY(BigInteger)))
KNOWN: Any = any_(cast(bindparam("known", type_=Text), ARRAY(BigInteger)))
LIMIT: Any = bindparam("limit", type_=BigInteger)

UTC: Any = literal_column("'UTC'")

THE_TASK = and_(tasks.c.user_id == OWNER, tasks.c.id == TASK_ID)

# Times leave the database as UTC without a zone, whatever time zone the session has.
ANSWER: tuple[Any, ...] = (
    tasks.c.id,
    tasks.c.user_id,
    tasks.c.title,
    tasks.c.description,
    tasks.c.completed,
    func.timezone(UTC, tasks.c.created_at).label("created_at"),
    func.timezone(UTC, tasks.c.updated_at).label("updated_at"),
    tasks.c.revision,
)

ANSWER_COLUMNS = tuple(column.name for column in ANSWER)

CREATE_TASK = compiled(
    insert(tasks)
    .values(user_id=OWNER, title=TITLE, description=DESCRIPTION, completed=COMPLETED)
    .returning(*ANSWER)
)

READ_TASK = compiled(select(*ANSWER).where(THE_TASK))

# Answers for all users' tasks, with yes or no: a function of the one role that may look behind the wall.
TASK_EXISTS = compiled(select(func.task_exists(TASK_ID).label("it_does")))


@cache
def update_task(fields: frozenset[str], *, conditional: bool) -> Statement:
    """Return the statement that sets just `fields`, each from the parameter of its name.

    `conditional` statements change nothing unless the task's revision is in the parameter `expected`.
    """
    parameters = {"title": TITLE, "description": DESCRIPTION, "completed": COMPLETED}
    return compiled(
        update(tasks)
        .where(_the_task(conditional=conditional))
        .values({name: parameters[name] for name in fields})
        .returning(*ANSWER)
    )


@cache
def flip_task(*, conditional: bool) -> Statement:
    """Return the statement that completes or reopens a task, by what it is when its lock is taken."""
    flipped = update(tasks).where(_the_task(conditional=conditional)).values(completed=not_(tasks.c.completed))
    return compiled(flipped.returning(*ANSWER))


@cache
def delete_task(*, conditional: bool) -> Statement:
    """Return the statement that deletes a task."""
    return compiled(delete(tasks).where(_the_task(conditional=conditional)).returning(tasks.c.id))


def _the_task(*, conditional: bool) -> ColumnElement[bool]:
    return and_(THE_TASK, tasks.c.revision == EXPECTED) if conditional else THE_TASK


# What each way of sorting compares: unique within one user's tasks, and in the order of an index. Ids and
# revisions are given in the order of creation and of change, whatever the clock did meanwhile.
SORT_KEYS: dict[str, tuple[Any, ...]] = {
    "created": (tasks.c.id,),
    "updated": (tasks.c.revision,),
    "title": (tasks.c.folded_title, tasks.c.id),
}
SORT_KEY_COLUMNS = {sort: tuple(column.name for column in key) for sort, key in SORT_KEYS.items()}


@cache
def list_tasks(*, completed: bool | None, sort: str, descending: bool, after: bool, known: bool) -> Statement:
    """Return the statement for one page: the owner's counters, repeated beside each of up to `limit` tasks.

    One statement and so one snapshot, in which counters and tasks agree. An owner without tasks is one row
    with a null id; a user who never wrote anything is no row. `after` wants the sort key of the last row of
    the page before in `after_0` (and `after_1`), so that a page costs the same wherever it begins. `known` wants
    revisions in `known`: when the owner's is among them, no task is read.
    """
    key = SORT_KEYS[sort]
    page = select(*dict.fromkeys((*ANSWER, *key))).where(tasks.c.user_id == OWNER)
    if completed is not None:
        page = page.where(tasks.c.completed == literal(completed))
    if after:
        page = page.where(_beyond(key, descending=descending))
    if known:
        page = page.where(not_(users.c.revision == KNOWN)).correlate(users)
    page = page.order_by(*(column.desc() if descending else column.asc() for column in key)).limit(LIMIT)
    rows = lateral(page, "page")
    ordered = [rows.c[column.name] for column in key]
    return compiled(
        select(users.c.revision.label("owner_revision"), users.c.task_count, users.c.completed_count, rows)
        .select_from(users.join(rows, true(), isouter=True))
        .where(users.c.id == OWNER)
        .order_by(*(column.desc() if descending else column.asc() for column in ordered))
    )


def _beyond(key: tuple[Any, ...], *, descending: bool) -> ColumnElement[bool]:
    bounds = [bindparam(f"after_{index}", type_=column.type) for index, column in enumerate(key)]
    here: Any = key[0] if len(key) == 1 else tuple_(*key)
    there: Any = bounds[0] if len(key) == 1 else tuple_(*bounds)
    beyond: ColumnElement[bool] = here < there if descending else here > there
    return beyond
