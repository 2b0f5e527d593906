"""What account operations do to user data: owner-scoped statements and row-level security each hold alone."""

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts import statements
from taskward.api.state import state_of
from taskward.database.driver.statement import Statement
from tests.client import Client
from tests.database.statements import is_on_user_data, of_accounts

pytestmark = pytest.mark.quick

ON_USER_DATA = {
    "read": statements.READ_USER,
    "delete": statements.DELETE_USER,
}
OWNER_CONDITIONS = ("user_id = %(owner)s::text", "id = %(owner)s::text")


async def run_as_bob(app: FastAPI, statement: Statement) -> list[dict[str, object]]:
    async with state_of(app).database.acting_as("bob") as transaction:
        rows = transaction.execute(statement)
    return [row for row in rows.all if row != {"count": 0}]


def alices_rows(superuser: psycopg.Connection) -> list[tuple[object, ...]]:
    return superuser.execute("SELECT * FROM tasks JOIN users ON users.id = user_id").fetchall()


def test_every_statement_on_user_data_is_tried() -> None:
    wanted = {statement.sql for _, statement in of_accounts() if is_on_user_data(statement)}
    assert {statement.sql for statement in ON_USER_DATA.values()} == wanted


@pytest.mark.parametrize("name", ON_USER_DATA)
@pytest.mark.parametrize("left", ["neither", "the statement", "the database"])
async def test_alices_rows_are_out_of_bobs_reach_while_a_wall_stands(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, name: str, left: str
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    before = alices_rows(superuser)
    sql = ON_USER_DATA[name].sql
    if left != "the statement":
        for condition in OWNER_CONDITIONS:
            sql = sql.replace(condition, "true")
        assert "owner" not in sql
    if left != "the database":
        for table in ("users", "tasks", "idempotency_keys"):
            superuser.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    reached = await run_as_bob(app, Statement(sql))
    assert bool(reached) is (left == "neither"), reached  # without either, it was they that held
    assert (alices_rows(superuser) == before) is (left != "neither" or name != "delete")
