import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import psycopg
import pytest

from taskward.database.driver.statement import Statement
from taskward.tasks.calendar_statements import PAGE, READ_CALENDAR
from taskward.tasks.changes_statements import changes
from taskward.tasks.list_statements import COMPLETED, SORTED_IN_HALVES, list_tasks
from tests.citus.cluster import one_server

pytestmark = one_server("plans of shards are made on their servers, from the same indexes")

USERS, TASKS_EACH = 5, 2000
ME = "user_3"

INDEXES = {
    ("created", False): "pk_tasks",
    ("updated", False): "uq_tasks_user_id_revision",
    ("title", False): "ix_tasks_user_id_completed_title",
    ("created", True): "ix_tasks_user_id_completed_id",
    ("updated", True): "ix_tasks_user_id_completed_revision",
    ("title", True): "ix_tasks_user_id_completed_title",
    ("due", False): "ix_tasks_user_id_completed_due",
    ("due", True): "ix_tasks_user_id_completed_due",
}
BOUNDS: dict[str, dict[str, Any]] = {
    "created": {"after_0": 4321},
    "updated": {"after_0": 1234},
    "title": {"after_0": "task 9", "after_1": 4321},
    "due": {"after_0": 66_860_000, "after_1": 4321},
}
CONDITIONS = {"created": "id", "updated": "revision", "title": "ROW(folded_title, id)", "due": "ROW(due_key, id)"}


@pytest.fixture
def filled(superuser: psycopg.Connection) -> psycopg.Connection:
    """A connection that is taskward_app acting for one of several users with many tasks."""
    superuser.execute("ALTER TABLE tasks DISABLE TRIGGER take_the_next_revision")  # 10,000 times is slow
    superuser.execute(
        "INSERT INTO users (id, revision) SELECT 'user_' || n, %s FROM generate_series(1, %s) AS n",
        [TASKS_EACH, USERS],
    )
    superuser.execute(
        "INSERT INTO tasks (user_id, id, title, completed, due_date, revision)"
        " SELECT 'user_' || u, nextval('tasks_id_seq'), 'Task ' || md5(random()::text), n %% 3 = 0,"
        " CASE WHEN n %% 2 = 0 THEN date '2026-11-27' + n %% 90 END, n"
        " FROM generate_series(1, %s) AS n, generate_series(1, %s) AS u",
        [TASKS_EACH, USERS],
    )
    superuser.execute("ANALYZE users, tasks")
    superuser.execute(
        "SELECT set_config('role', 'taskward_app', false), set_config('app.user_id', %s, false)", [ME]
    )
    return superuser


def plan(connection: psycopg.Connection, sql: str, values: dict[str, Any] | None) -> dict[str, Any]:
    """The plan for these values; without values, the one for any (a prepared statement gets to use it)."""
    if values is None:
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
        sql = re.sub(r"%\((\w+)\)s", lambda name: f"${names.index(name[1]) + 1}", sql)
    options = "FORMAT JSON" if values else "FORMAT JSON, GENERIC_PLAN"
    row = connection.execute(f"EXPLAIN ({options}) {sql}".encode(), values).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("generic", [False, True], ids=["values", "generic"])
def test_a_page_is_read_from_an_index_that_has_its_order(filled: psycopg.Connection, generic: bool) -> None:
    either = (False, True)
    for status, *rest in product(COMPLETED, BOUNDS, either, either, either, either):
        sort, descending, after, known, bounded = rest
        statement = list_tasks(
            status=status, sort=sort, descending=descending, after=after, known=known, bounded=bounded
        )
        values = {
            **statement.constants,
            **(BOUNDS[sort] if after else {}),
            "owner": ME,
            "limit": 51,
            "max_bytes": 2**20,
            "known": "{0}",
        }
        found = plan(filled, statement.sql, None if generic else values)
        case = f"{status=} {sort=} {descending=} {after=} {known=} {bounded=}: {found}"

        page = next(node for node in nodes(found) if node["Node Type"] == "Limit")
        in_halves = status == "all" and sort in SORTED_IN_HALVES
        merged = {"Merge Append", "Subquery Scan"} if in_halves else set()
        kinds = {node["Node Type"] for node in nodes(page)} - ({"WindowAgg"} if bounded else set())
        assert merged <= kinds <= {"Limit", "Result", "Index Scan", "Index Only Scan"} | merged, case
        scans = [node for node in nodes(found) if node.get("Relation Name") == "tasks"]
        assert len(scans) == (2 if in_halves else 1), case
        beyond = f"{CONDITIONS[sort]} {'<' if descending else '>'}"
        for scan in scans:
            assert scan["Index Name"] == INDEXES[sort, status != "all"], case
            assert "Filter" not in scan, case  # or pages would cost the more the deeper they are
            completed = in_halves or status != "all"
            for condition, expected in (("user_id =", True), ("completed", completed), (beyond, after)):
                assert (condition in scan["Index Cond"]) is expected, case
        halves = {re.search("completed = (true|false)", scan["Index Cond"])[1] for scan in scans if in_halves}  # type: ignore[index]
        assert halves == ({"true", "false"} if in_halves else set()), case


@pytest.mark.parametrize("status", COMPLETED)
def test_what_is_due_between_two_days_is_read_from_an_index_alone(filled: psycopg.Connection, status: str) -> None:
    statement = list_tasks(
        status=status, sort="due", descending=False, after=False, known=False, bounded=False,
        filters=frozenset({"due_from", "due_to"}),
    )  # fmt: skip
    values = {"owner": ME, "limit": 51, "max_bytes": 2**20, "due_from": "2026-11-27", "due_to": "2026-11-29"}
    found = plan(filled, statement.sql, values)
    (matching,) = (node for node in nodes(found) if node["Node Type"] == "Index Only Scan")
    assert matching["Index Name"] == "ix_tasks_user_id_completed_due"
    assert all(part in matching["Index Cond"] for part in ("user_id =", "completed =", "due_key >=", "due_key <="))


def test_whether_a_task_exists_at_all_is_asked_of_an_index(filled: psycopg.Connection) -> None:
    filled.execute("RESET role")
    filled.execute("SET ROLE taskward_witness")
    found = plan(filled, "SELECT EXISTS (SELECT 1 FROM tasks WHERE tasks.id = %(task_id)s)", {"task_id": 7})
    assert [node["Index Name"] for node in nodes(found) if node.get("Relation Name") == "tasks"] == ["ix_tasks_id"]


def read_of(node: dict[str, Any]) -> dict[str, int]:
    """How many rows were read of each table, by EXPLAIN ANALYZE; none where a part was never executed."""
    found: dict[str, int] = {}
    for scan in nodes(node):
        if table := scan.get("Relation Name"):
            rows = scan["Actual Loops"] * (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0))
            found[table] = found.get(table, 0) + round(rows)
    return found


@pytest.fixture
def fed(filled: psycopg.Connection) -> psycopg.Connection:
    """The same with half as many deletions, between the tasks and after them, and the first of them expired."""
    filled.execute("RESET role")
    filled.execute("TRUNCATE deleted_tasks")  # the markers of users who begin above zero
    filled.execute("UPDATE users SET revision = %s", [3 * TASKS_EACH])
    filled.execute("UPDATE tasks SET revision = -2 * revision")
    filled.execute("UPDATE tasks SET revision = -revision")
    filled.execute(
        "INSERT INTO deleted_tasks (user_id, revision, task_id, deleted_at) SELECT 'user_' || u, n * 4 + 1, n,"
        " CASE n WHEN 1 THEN now() - interval '31 days' ELSE now() END"
        " FROM generate_series(1, %s) AS n, generate_series(1, %s) AS u",
        [TASKS_EACH, USERS],
    )
    filled.execute("ANALYZE users, tasks, deleted_tasks")
    filled.execute("SET ROLE taskward_app")
    return filled


LIMIT = 50


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(
    ("since", "most"),
    [
        (3 * TASKS_EACH, {"users": 1, "tasks": 0, "deleted_tasks": 0}),  # nothing is newer
        (4 * TASKS_EACH, {"users": 1, "tasks": 0, "deleted_tasks": 0}),  # nor can it be
        (0, {"users": 1, "tasks": 0, "deleted_tasks": 1}),  # not all is known any more
        (9, {"users": 1, "tasks": LIMIT, "deleted_tasks": LIMIT + 1}),  # whatever comes after a page
        (2 * TASKS_EACH, {"users": 1, "tasks": 0, "deleted_tasks": LIMIT + 1}),
    ],
)
def test_changes_read_a_page_of_them_and_where_nothing_is_newer_one_row(
    fed: psycopg.Connection, mode: str, bounded: bool, since: int, most: dict[str, int]
) -> None:
    values = {"owner": ME, "since": since, "limit": LIMIT, "max_bytes": 2**20}
    reads_at_most(fed, changes(bounded=bounded), values, mode, most)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("known", "most"),
    [
        ("{}", {"users": 1, "tasks": 2 * PAGE + 2}),  # as every second task has a day
        ("{1}", {"users": 1, "tasks": 2 * PAGE + 2}),
        (f"{{1,{TASKS_EACH}}}", {"users": 1, "tasks": 0}),
    ],
)
def test_a_calendar_reads_a_page_and_where_nothing_is_newer_one_row(
    filled: psycopg.Connection, mode: str, known: str, most: dict[str, int]
) -> None:
    values = {"owner": ME, "known": known, "after": 4321, "page": PAGE}
    reads_at_most(filled, READ_CALENDAR, values, mode, most)


def reads_at_most(
    connection: psycopg.Connection,
    statement: Statement[Any],
    values: dict[str, Any],
    mode: str,
    most: dict[str, int],
) -> None:
    connection.execute(f"SET plan_cache_mode = {mode}; SET enable_seqscan = off".encode())
    connection.execute(b"PREPARE feed AS " + statement.text)
    arguments = ", ".join(f"'{values[name]}'" for name in statement.parameters)
    row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE feed ({arguments})".encode()).fetchone()
    assert row is not None
    found = read_of(row[0][0]["Plan"])
    assert found.keys() == most.keys()
    assert all(found[table] <= most[table] for table in most), (found, row)
