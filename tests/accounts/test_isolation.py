"""What account operations do to user data: owner-scoped statements and row-level security each hold alone."""

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts import personal_token_statements as of_tokens
from taskward.accounts import statements
from taskward.api.state import state_of
from taskward.database.driver.statement import Statement
from taskward.errors import ForbiddenError
from tests.citus.cluster import one_server
from tests.client import Client
from tests.database.statements import is_on_user_data, of_accounts

pytestmark = pytest.mark.quick

ON_USER_DATA = {
    "read": statements.READ_USER,
    "lock": of_tokens.LOCK_USER,
    "list tokens": of_tokens.LIST_TOKENS,
    "note use": of_tokens.NOTE_USE,
    "forget expired": of_tokens.FORGET_EXPIRED,
    "revoke": of_tokens.REVOKE_TOKEN,
    "revoke all": of_tokens.REVOKE_TOKENS,
    "delete": statements.DELETE_USER,
}
MAKE = {"make": of_tokens.MAKE_USER, "create": of_tokens.CREATE_TOKEN}  # of which a test is below
LOCK = pytest.param("lock", marks=one_server("Citus locks rows of a user who is named, and else none"))
READS = {"read", "lock", "list tokens"}
OWNER_CONDITIONS = ("user_id = %(owner)s::text", "id = %(owner)s::text")
HERS = {"id": "hers", "hash": bytes(32), "name": "x", "scopes": ["tasks:read"], "days": -40}  # since long expired


async def run_as_bob(app: FastAPI, statement: Statement, **values: object) -> list[dict[str, object]]:
    async with state_of(app).database.acting_as("bob") as transaction:
        rows = transaction.execute(statement, **values)
    return [row for row in rows.all if row != {"count": 0}]


def alices_rows(superuser: psycopg.Connection) -> list[tuple[object, ...]]:
    return [
        *superuser.execute("SELECT * FROM tasks JOIN users ON users.id = user_id").fetchall(),
        *superuser.execute("SELECT * FROM personal_tokens WHERE user_id = 'alice'").fetchall(),
    ]


def disable_row_level_security(superuser: psycopg.Connection) -> None:
    for table in ("users", "tasks", "idempotency_keys", "personal_tokens"):
        superuser.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")


async def make_alices_token(app: FastAPI) -> None:
    async with state_of(app).database.acting_as("alice") as transaction:
        transaction.execute(of_tokens.CREATE_TOKEN, **HERS)


def test_every_statement_on_user_data_is_tried() -> None:
    wanted = {statement.sql for _, statement in of_accounts() if is_on_user_data(statement)}
    assert {statement.sql for statement in (ON_USER_DATA | MAKE).values()} == wanted


@pytest.mark.parametrize("name", [*(name for name in ON_USER_DATA if name != "lock"), LOCK])
@pytest.mark.parametrize("left", ["neither", "the statement", "the database"])
async def test_alices_rows_are_out_of_bobs_reach_while_a_wall_stands(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, name: str, left: str
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    await make_alices_token(app)
    before = alices_rows(superuser)
    sql = ON_USER_DATA[name].sql
    if left != "the statement":
        for condition in OWNER_CONDITIONS:
            sql = sql.replace(condition, "true")
        assert "owner" not in sql
    if left != "the database":
        disable_row_level_security(superuser)
    reached = await run_as_bob(app, Statement(sql), **HERS)
    assert bool(reached) is (left == "neither"), reached  # without either, it was they that held
    assert (alices_rows(superuser) == before) is (left != "neither" or name in READS)


async def test_bob_makes_no_token_of_alices_with_row_level_security_alone(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    for statement in MAKE.values():
        forged = Statement(statement.sql.replace("%(owner)s", "%(victim)s"), statement.constants)
        with pytest.raises(ForbiddenError) as refusal:
            await run_as_bob(
                app, forged, **HERS, victim="alice" if statement is of_tokens.CREATE_TOKEN else "charlie"
            )
        assert "row-level security" in str(refusal.value.__cause__)
    assert superuser.execute("SELECT user_id FROM personal_tokens").fetchall() == []


async def test_bob_makes_no_token_of_alices_with_the_statement_alone(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    await alice.post("/tasks", json={"title": "Buy milk"})
    disable_row_level_security(superuser)
    for statement in MAKE.values():
        await run_as_bob(app, statement, **HERS, victim="alice")
    assert superuser.execute("SELECT user_id FROM personal_tokens").fetchall() == [("bob",)]


async def test_whose_a_token_is_nobody_learns_without_it(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    """The one statement across users answers for one hash, and its function cannot be asked without any."""
    await alice.post("/tasks", json={"title": "Buy milk"})
    await make_alices_token(app)
    for tried, found in ((bytes(32), ["alice"]), (bytes(31), []), (b"%", []), (None, [])):
        async with state_of(app).database.acting_for_accounts() as transaction:
            rows = transaction.execute(of_tokens.FIND_TOKEN, hash=tried)
        assert [row["user_id"] for row in rows.all] == found
    async with state_of(app).database.acting_for_accounts("alice") as transaction:
        rows = transaction.execute(Statement("SELECT user_id FROM find_token(NULL)"))
    assert rows.all == []
