"""Each feature registers its tables and constraints, and `database` knows none of them by name."""

import ast
import re

import psycopg
import pytest

from taskward.database.tables import Tables
from taskward.features import TABLES
from taskward.tasks.tables import TABLES as OF_TASKS
from tests.docs.documents import SOURCE

pytestmark = pytest.mark.quick

THERE = """
    SELECT relname, EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_id')
      FROM pg_class AS c
     WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""


def unregistered(connection: psycopg.Connection, tables: Tables) -> set[str]:
    there = {name for name, _ in connection.execute(THERE)}
    assert set(tables.names) <= there
    return there - set(tables.names)


def test_every_table_is_registered_for_the_startup_check(superuser: psycopg.Connection) -> None:
    assert unregistered(superuser, TABLES) == set()
    of_accounts = {"accounts", "identities", "refresh_tokens", "personal_tokens", "ended_tokens"}
    assert unregistered(superuser, OF_TASKS) == of_accounts


def test_every_table_with_a_user_id_is_registered_as_one_of_users(superuser: psycopg.Connection) -> None:
    with_user_id = {name for name, has_user_id in superuser.execute(THERE) if has_user_id}
    assert with_user_id | {"users"} == set(TABLES.of_users)


def test_every_constraint_and_trigger_that_is_registered_is_there(superuser: psycopg.Connection) -> None:
    constraints = {name for (name,) in superuser.execute("SELECT conname FROM pg_constraint")}
    texts = "".join(text for (text,) in superuser.execute("SELECT prosrc FROM pg_proc"))
    raised = {name for name in TABLES.broken if f"USING CONSTRAINT = '{name}'" in texts}
    assert set(TABLES.broken) <= constraints | raised
    triggers = superuser.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal")
    assert {(counted.table, counted.trigger) for counted in TABLES.counted} <= set(triggers)


def test_the_database_folder_is_without_the_names_of_features() -> None:
    names = re.compile(rf"\b({'|'.join([*TABLES.names, *TABLES.broken])})\b")
    for path in (SOURCE / "database").rglob("*.py"):
        if "migrations" not in path.parts:
            assert not [text for text in texts(ast.parse(path.read_text())) if names.search(text)], path


def test_whoever_checks_a_database_checks_all_tables() -> None:
    """That is everybody but `restore_backup`, which is given them."""
    checking = [path for path in SOURCE.rglob("*.py") if "check_isolation(" in path.read_text()]
    for path in [*checking, SOURCE / "app.py", SOURCE / "cli" / "backup.py"]:
        if path.parent.name not in ("database", "embedded"):
            assert "from taskward.features import TABLES\n" in path.read_text(), path


def texts(module: ast.Module) -> list[str]:
    """Every text in a module but its docstrings."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
