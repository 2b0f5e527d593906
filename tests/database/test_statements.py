"""Every statement as a real PostgreSQL reads it, so that no mistake in one waits for a request to be found."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import psycopg
import pytest
from psycopg import pq, sql

from taskward.database.driver.statement import Effect, Statement
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE
from taskward.tables import METADATA
from taskward.tasks import statements
from taskward.tasks.list_statements import SORT_KEYS
from tests.database.statements import changes, feeds, is_on_user_data, lists, of_accounts, of_tasks

pytestmark = pytest.mark.quick


def everything() -> Iterator[tuple[str, Statement[Any], str]]:
    """Every statement, with the role that it is for."""
    for name, statement in of_tasks():
        yield name, statement, APP_ROLE
    for name, statement in of_accounts():
        yield name, statement, APP_ROLE if is_on_user_data(statement) else ACCOUNTS_ROLE


def columns(connection: psycopg.Connection, statement: Statement[Any]) -> list[str]:
    """Prepare a statement as it is sent; return the names of the columns that it answers."""
    for answer in (
        connection.pgconn.prepare(b"", statement.text),
        described := connection.pgconn.describe_prepared(b""),
    ):
        assert answer.status == pq.ExecStatus.COMMAND_OK, answer.error_message.decode()
    return [(described.fname(number) or b"").decode() for number in range(described.nfields)]


def plan_as(role: str, connection: psycopg.Connection, statement: Statement[Any]) -> None:
    """Plan a statement without running it; raise InsufficientPrivilege where the role may not run it."""
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        connection.execute(b"EXPLAIN (GENERIC_PLAN) " + statement.text)


def writes_or_locks(connection: psycopg.Connection, statement: Statement[Any]) -> bool:
    """Tell whether PostgreSQL refuses a statement where nothing may be written, and no row locked."""
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute(statement.sql.encode(), dict.fromkeys(statement.parameters) | statement.constants)
    except psycopg.errors.ReadOnlySqlTransaction:
        return True
    return False


def test_postgresql_prepares_every_statement(superuser: psycopg.Connection) -> None:
    for name, statement, _ in everything():
        assert columns(superuser, statement), f"{name} answers nothing"


def test_every_statement_is_for_one_role_and_the_other_is_denied(superuser: psycopg.Connection) -> None:
    for _, statement, role in everything():
        plan_as(role, superuser, statement)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            plan_as(ACCOUNTS_ROLE if role == APP_ROLE else APP_ROLE, superuser, statement)


def test_a_statement_that_says_it_has_no_effect_has_none(superuser: psycopg.Connection) -> None:
    """And one that has none says so: only then reads travel together."""
    for name, statement, _ in everything():
        assert (statement.effect == Effect.READ_ONLY) is not writes_or_locks(superuser, statement), name


def test_what_is_sent_again_when_no_answer_came_does_the_same_twice() -> None:
    """Whoever adds a name to this list has thought about it."""
    once = [name for name, statement, _ in everything() if statement.effect == Effect.IDEMPOTENT]
    assert once == ["CREATE_TASK_ONCE", "CREATE_NAMED_TASK", "LOCK_OWNER", "LOCK_USER", "NOTE_USE", "LOCK_ACCOUNT"]


def test_no_function_that_makes_statements_is_left_out() -> None:
    makers = {
        name
        for name, value in vars(statements).items()
        if callable(value)
        and not isinstance(value, type)
        and value.__module__ == statements.__name__
        and not name.startswith("_")
    }
    assert makers == {"update_task", "flip_task", "delete_task"}


def test_a_task_is_answered_with_the_same_columns_by_all(superuser: psycopg.Connection) -> None:
    response = list(statements.RESPONSE_COLUMNS)
    for statement in (statements.CREATE_TASK, statements.READ_TASK, *(statement for _, statement in changes())):
        assert columns(superuser, statement) == response, statement.sql
    for _, statement in feeds():
        assert columns(superuser, statement) == ["owner_revision", "task_count", "expired", "deleted", *response]
    for wanted, statement in lists():
        key = [part.name for part in SORT_KEYS[wanted["sort"]] if part.name not in response]
        assert columns(superuser, statement) == ["owner_revision", "matching", *response, *key], wanted


def test_the_columns_that_are_answered_and_sorted_by_are_those_of_the_model() -> None:
    sorted_by = {part.name for part in chain.from_iterable(SORT_KEYS.values()) if not part.expression}
    assert {*statements.RESPONSE_COLUMNS, *sorted_by} == set(METADATA.tables["tasks"].c.keys())
