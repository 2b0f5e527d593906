"""The SQL of lists: which tasks, in which order, and from where. Owner-scoped, as all of `statements.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from taskward.database.driver.statement import Effect, Statement
from taskward.tasks.fields import SETTABLE, TaskRead
from taskward.tasks.statements import RESPONSE, RESPONSE_COLUMNS


class ListRow(TaskRead):
    """A row of a list: the owner's revision and the count beside a task, whose columns may all be null."""

    owner_revision: int
    matching: int


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a way of sorting compares before the id: a column of the response or an expression, and its type."""

    name: str
    sql_type: str
    expression: str = ""

    @property
    def sql(self) -> str:
        """The column, or the expression."""
        return self.expression or self.name


ID = SortKey("id", "bigint")
BY_PRIORITY = "CASE priority WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END"
BY_COMPLETION = "coalesce((extract(epoch FROM completed_at) * 1000000)::bigint, 0)"

# What each way of sorting compares: unique within one user's tasks, and but for the last two in the order of an
# index. Ids and revisions are given in the order of creation and of change, whatever the clock did meanwhile.
SORT_KEYS = {
    "created": (ID,),
    "updated": (SortKey("revision", "bigint"),),
    "title": (SortKey("folded_title", 'text COLLATE "C"'), ID),
    "due": (SortKey("due_key", "bigint"), ID),
    "priority": (SortKey("priority_key", "integer", BY_PRIORITY), ID),
    "completed": (SortKey("completed_key", "bigint", BY_COMPLETION), ID),
}

COMPLETED = {"all": "true", "pending": "NOT completed", "completed": "completed"}
HALVES = ("pending", "completed")
# Their indexes begin with `completed`, so a page of all tasks is read from both halves and merged. Each index more
# would be written to with every change of a task (migration 0018).
SORTED_IN_HALVES = ("title", "due")
COUNTED = {"all": "task_count", "pending": "task_count - completed_count", "completed": "completed_count"}

# Each filter as a condition, with its parameter. All that is due is below what never is.
NEVER = "9223372036854775807"
FILTERS = {
    "due_from": f"due_key >= (%(due_from)s::date - '1899-12-31'::date)::bigint * 1441 AND due_key < {NEVER}",
    "due_to": "due_key <= (%(due_to)s::date - '1899-12-31'::date)::bigint * 1441 + 1440",
    "due": f"CASE %(due)s::text WHEN 'none' THEN due_key = {NEVER} ELSE due_key < {NEVER} END",
    "priority": "priority = ANY (%(priority)s::text[])",
    "tags": "string_to_array(folded(array_to_string(tags, ',')), ',')"
    " @> string_to_array(folded(%(tags)s::text), ',')",
    "uid": "uid = %(uid)s::text",
    "q": "folded(concat_ws(E'\\n', title, description, array_to_string(tags, E'\\n')))"
    " LIKE ALL ((SELECT folded(%(q)s::text)::text[])::text[])",
}

BY_DAY = {"due_from", "due_to", "due"}
EITHER_HALF = (
    "completed IN (true, false)"  # two ranges of the index of both, also before PostgreSQL 18 skips by itself
)

# What the texts of a task take, in bytes: as JSON it takes more.
BYTES = {"text": "octet_length({})", "text[]": "octet_length(array_to_string({}, ','))"}
TEXT_BYTES = " + ".join(
    f"coalesce({BYTES[field.sql_type].format(name)}, 0)"
    for name, field in SETTABLE.items()
    if field.sql_type in BYTES
)


@cache
def list_tasks(
    *,
    status: str,
    sort: str,
    descending: bool,
    after: bool,
    known: bool,
    bounded: bool,
    filters: frozenset[str] = frozenset(),
) -> Statement[ListRow]:
    """Return the statement for one page: the owner's revision and the count, beside each of up to `limit` tasks.

    One statement and so one snapshot, in which count and tasks agree. An owner without tasks is one row
    with a null id; a user who never wrote anything is no row. `after` wants the sort key of the last row of
    the page before in `after_0` (and `after_1`), so that a page costs the same wherever it begins. `known` wants
    revisions in `known`: when the owner's is among them, no task is read. `bounded` wants a number of bytes in
    `max_bytes`: the first task with which the texts are longer is the last one. Each of `filters` wants a
    parameter of its name.
    """
    key, order = SORT_KEYS[sort], "DESC" if descending else "ASC"
    more_columns = {part.name: part.sql for part in key if part.name not in RESPONSE_COLUMNS}
    unknown = "NOT (users.revision = ANY (%(known)s::bigint[]))" if known else "true"
    names, expressions = [part.name for part in key], [part.sql for part in key]
    ordered = _ordered(expressions, order)
    read = [RESPONSE, *(f"{expression} AS {name}" for name, expression in more_columns.items())]
    if bounded:
        before = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
        read.append(f"coalesce(sum({TEXT_BYTES}) OVER (ORDER BY {ordered} {before}), 0) AS bytes_before")

    with_matching, count = "", COUNTED[status]
    condition = f"{COMPLETED[status]} AND {_beyond(expressions, key, order) if after else 'true'}"
    if filters:
        half = EITHER_HALF if status == "all" and filters & BY_DAY else COMPLETED[status]
        with_matching = _matching(key, [half, *(FILTERS[name] for name in sorted(filters))])
        count = f"CASE WHEN {unknown} THEN (SELECT count(*) FROM matching) END"
        beyond = _beyond(names, key, order) if after else "true"
        of_page = f"WHERE {beyond} ORDER BY {_ordered(names, order)} LIMIT %(limit)s::bigint"
        condition = f"id IN (SELECT id FROM matching {of_page})"

    tasks = "tasks"
    if status == "all" and sort in SORTED_IN_HALVES and not filters:
        columns = ", ".join((*RESPONSE_COLUMNS, *more_columns))
        tasks, condition = _halves(columns, f"{condition} AND {unknown}", ordered), "true"
    return Statement(
        f"""
        {with_matching}
        SELECT users.revision AS owner_revision, {count} AS matching,
               {", ".join(f"page.{column}" for column in (*RESPONSE_COLUMNS, *more_columns))}
          FROM users
          LEFT JOIN LATERAL (
                   SELECT {", ".join(read)}
                     FROM {tasks}
                    WHERE user_id = %(owner)s::text AND {condition} AND {unknown}
                    ORDER BY {ordered}
                    LIMIT %(limit)s::bigint
               ) AS page ON {"page.bytes_before <= %(max_bytes)s::bigint" if bounded else "true"}
         WHERE users.id = %(owner)s::text
         ORDER BY {_ordered([f"page.{name}" for name in names], order)}
        """,
        effect=Effect.READ_ONLY,
        prepared=not filters,
        lazy=True,
    )


def _halves(columns: str, condition: str, ordered: str) -> str:
    """Return the tasks of which a page of all consists, from an index of each half, in order."""
    halves = (
        f"""(
                         SELECT {columns}
                           FROM tasks
                          WHERE user_id = %(owner)s::text AND {COMPLETED[half]} AND {condition}
                          ORDER BY {ordered}
                          LIMIT %(limit)s::bigint)"""
        for half in HALVES
    )
    return f"({' UNION ALL '.join(halves)}) AS tasks"


def _matching(key: Sequence[SortKey], conditions: Sequence[str]) -> str:
    """Return the ids that match, and what sorts them: looked for once, for the count and for the page."""
    columns = dict.fromkeys(["id", *(f"{part.sql} AS {part.name}" for part in key if part is not ID)])
    where = " AND ".join(["user_id = %(owner)s::text", *conditions])
    return f"WITH matching AS MATERIALIZED (SELECT {', '.join(columns)} FROM tasks WHERE {where})"


def _beyond(expressions: Sequence[str], key: Sequence[SortKey], order: str) -> str:
    bounds = ", ".join(f"%(after_{number})s::{part.sql_type}" for number, part in enumerate(key))
    return f"({', '.join(expressions)}) {'<' if order == 'DESC' else '>'} ({bounds})"


def _ordered(expressions: Sequence[str], order: str) -> str:
    return ", ".join(f"{expression} {order}" for expression in expressions)
