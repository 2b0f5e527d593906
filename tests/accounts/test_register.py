import asyncio
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.service import AccountService
from taskward.api.state import state_of
from taskward.auth.account_ids import is_account_id
from taskward.auth.new_passwords import COMMON, OWN_ADDRESS
from tests.accounts.people import PASSWORD, register
from tests.client import Client

pytestmark = pytest.mark.usefixtures("quick_passwords")

ALICE = {"email": "Alice@Example.com", "password": PASSWORD}

ADDRESSES = [
    "a@b", "alice@localhost", "alice+tasks@example.com", "alice.o'hara@sub.example.co", "ALICE@EXAMPLE.COM",
    "x" * 64 + "@example.com", "alice@" + ".".join(["x" * 60] * 4),
]  # fmt: skip

NO_ADDRESSES = [
    "", "alice", "alice@", "@example.com", "alice@@example.com", "alice@bob@example.com", "alice@example..com",
    "alice@-example.com", "alice@example.com.", "alice @example.com", " alice@example.com", "alice@example.com ",
    "alice@example.com\n", "alice\t@example.com", "alice\u0000@example.com", "alice\u007f@example.com",
    "\u0430lice@example.com", "alice\u212a@example.com", "alice@ex\u200bample.com", '"alice"@example.com',
    "alice@[127.0.0.1]", "<alice@example.com>", "x" * 65 + "@example.com",
    "alice@" + ".".join(["x" * 61] * 4) + ".x", "alice@" + "x" * 64 + ".com",
]  # fmt: skip

REFUSED: list[tuple[str, dict[str, Any]]] = [
    *(("email", {"email": address}) for address in NO_ADDRESSES),
    ("email", {"email": None}),
    ("email", {"email": ["alice@example.com"]}),
    ("password", {"password": "1234567"}),
    ("password", {"password": "x" * 129}),
    ("password", {"password": "1234567\u0000"}),
    ("password", {"password": 12345678}),
    ("password", {"password": None}),
    ("password", {"password": "password"}),
    ("password", {"password": "alice@example.COM"}),
    ("name", {"name": ""}),
    ("name", {"name": "  "}),
    ("name", {"name": "x" * 201}),
    ("name", {"name": "Ali\u0000ce"}),
    ("name", {"name": 1}),
    ("id", {"id": "usr_" + "a" * 28}),
    ("admin", {"admin": True}),
]


async def test_a_new_account_is_answered_as_it_was_written(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    response = await anonymous.post("/auth/register", json={**ALICE, "name": "  Alice "})
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    user = response.json()
    assert user.keys() == {"id", "email", "name", "created_at", "has_password", "email_verified_at"}
    assert is_account_id(user["id"])
    assert (user["email"], user["name"]) == ("Alice@Example.com", "Alice")
    assert user["created_at"].endswith("Z")
    stored = superuser.execute("SELECT id, email, folded_email, name FROM accounts").fetchall()
    assert stored == [(user["id"], "Alice@Example.com", "alice@example.com", "Alice")]


async def test_two_accounts_have_two_ids(anonymous: Client) -> None:
    assert (await register(anonymous, "alice"))["id"] != (await register(anonymous, "bob"))["id"]


@pytest.mark.parametrize("address", ["Alice@Example.com", "alice@example.com", "ALICE@EXAMPLE.COM"])
async def test_an_address_in_use_is_taken_in_any_case(
    anonymous: Client, superuser: psycopg.Connection, address: str
) -> None:
    await anonymous.post("/auth/register", json=ALICE)
    before = superuser.execute("SELECT * FROM accounts").fetchall()
    response = await anonymous.post("/auth/register", json={"email": address, "password": "another password"})
    assert response.status_code == 409
    assert response.json()["code"] == "EMAIL_TAKEN"
    assert superuser.execute("SELECT * FROM accounts").fetchall() == before


async def test_of_many_who_register_one_address_at_once_one_has_it(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    responses = await asyncio.gather(*(anonymous.post("/auth/register", json=ALICE) for _ in range(10)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 9
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (1,)


async def test_a_taken_address_costs_a_hash_as_a_free_one_does(
    app: FastAPI, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    hash_password = state_of(app).service(AccountService).passwords.hash

    async def counted(password: str) -> Any:
        hashed.append(password)
        return await hash_password(password)

    monkeypatch.setattr(state_of(app).service(AccountService).passwords, "hash", counted)
    for number in (1, 2):
        await anonymous.post("/auth/register", json=ALICE)
        assert len(hashed) == number


@pytest.mark.parametrize("address", ADDRESSES)
async def test_an_address_is_taken_for_one(anonymous: Client, address: str) -> None:
    response = await anonymous.post("/auth/register", json=ALICE | {"email": address})
    assert response.status_code == 201
    assert response.json()["email"] == address


async def test_what_is_no_account_is_refused_by_field(anonymous: Client, superuser: psycopg.Connection) -> None:
    for field, change in REFUSED:
        response = await anonymous.post("/auth/register", json=ALICE | change)
        assert response.status_code == 400, change
        assert response.json()["code"] == "VALIDATION_ERROR"
        assert [error["field"] for error in response.json()["errors"]] == [field], change
    for missing in ALICE:
        body = {name: value for name, value in ALICE.items() if name != missing}
        response = await anonymous.post("/auth/register", json=body)
        assert response.json()["errors"] == [{"field": missing, "message": "is missing"}]
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


async def test_a_lone_surrogate_is_no_text(anonymous: Client) -> None:
    for body in (
        b'{"email": "alice\\ud800@example.com", "password": "12345678"}',
        b'{"email": "alice@example.com", "password": "1234567\\udfff"}',
    ):
        response = await anonymous.post(
            "/auth/register", content=body, headers={"Content-Type": "application/json"}
        )
        assert response.json()["code"] == "MALFORMED_JSON"


@pytest.mark.parametrize(
    "password", ["1234567\u202f", "x" * 128, "        ", "密" * 8, "🐎" * 128, "'; DROP TABLE--"]
)
async def test_any_characters_make_a_password(anonymous: Client, password: str) -> None:
    await register(anonymous, "alice", password)


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("1234567", "A password has 8 to 128 characters"),
        ("🐎" * 7, "A password has 8 to 128 characters"),
        ("🐎" * 129, "A password has 8 to 128 characters"),
        ("password", COMMON),
        ("PassWord1", COMMON),
        ("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44", COMMON),
        ("Alice@Example.com", OWN_ADDRESS),
        ("ALICE@EXAMPLE.COM", OWN_ADDRESS),
    ],
)
async def test_what_is_wrong_with_a_password_is_said_in_one_sentence(
    anonymous: Client, password: str, sentence: str
) -> None:
    body = (await anonymous.post("/auth/register", json=ALICE | {"password": password})).json()
    assert body["errors"] == [{"field": "password", "message": sentence}]
    assert body["detail"] == f"{sentence}."


async def test_nothing_of_a_password_is_trimmed(anonymous: Client) -> None:
    """Spaces make of a common password another one, and are wanted again."""
    await register(anonymous, "alice", " password ")
    for password, status in (("password", 401), (" password", 401), (" password ", 200)):
        form = {"grant_type": "password", "username": "alice@example.com", "password": password}
        assert (await anonymous.post("/auth/token", data=form)).status_code == status


async def test_the_database_keeps_an_argon2id_hash_and_no_password(
    anonymous: Client, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "alice")
    ((stored,),) = superuser.execute("SELECT accounts::text FROM accounts").fetchall()
    assert "$argon2id$" in stored
    assert PASSWORD not in stored
