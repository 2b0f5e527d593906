"""Nothing here turns an INSERT into an UPDATE: before 18.7, PostgreSQL could then forget a policy.

MERGE is kept out as well. It had such a gap before, and nothing needs it.
"""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.database.test_statements import everything
from tests.docs.documents import SOURCE

UPSERT = re.compile(r"\bDO\s+UPDATE\b|\bMERGE\s+INTO\b", re.IGNORECASE)
SQLALCHEMYS = re.compile(r"\bon_(?:conflict_do|duplicate_key)_update\b|\bmerge\b")
PROCEDURES = """
    SELECT oid::regprocedure::text, coalesce(pg_get_functiondef(oid), prosrc) FROM pg_proc
     WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""


def texts(tree: ast.AST) -> Iterator[str]:
    """What a module may say to PostgreSQL: every string in it, without comments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield without_comments(str(node.value))


def without_comments(sql: str) -> str:
    return re.sub(r"--.*", "", sql)


def names(tree: ast.AST) -> Iterator[str]:
    return (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def steps(plan: Any) -> Iterator[dict[str, Any]]:
    """Every step of a plan, those that only make rows for others included."""
    yield plan
    for step in plan.get("Plans", ()):
        yield from steps(step)


def test_no_string_of_the_program_and_of_its_migrations_says_so() -> None:
    modules = {path: ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}
    assert any("ON CONFLICT" in text for tree in modules.values() for text in texts(tree)), "none is looked at"
    for path, tree in modules.items():
        assert not [text for text in texts(tree) if UPSERT.search(text)], path
        assert not [name for name in names(tree) if SQLALCHEMYS.fullmatch(name)], path


def test_no_function_in_the_database_says_so(superuser: psycopg.Connection) -> None:
    found = superuser.execute(PROCEDURES).fetchall()
    assert found, "none is looked at"
    assert [name for name, text in found if UPSERT.search(without_comments(text))] == []


def test_postgresql_plans_none_in_any_statement(superuser: psycopg.Connection) -> None:
    """However the statement was put together."""
    operations = set()
    for name, statement, _ in everything():
        (plans,) = superuser.execute(b"EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + statement.text).fetchone() or ()
        for step in steps(plans[0]["Plan"]):
            operations.add(step.get("Operation"))
            assert step.get("Conflict Resolution") in {None, "NOTHING"}, name
            assert step.get("Operation") != "Merge", name
    assert {"Insert", "Update", "Delete"} <= operations, json.dumps(sorted(map(str, operations)))
