"""What an account is that comes from a provider: itself, never an e-mail address, and as good as any other."""

import asyncio

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import AccountError, Administration
from taskward.api.state import state_of
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.mailing import NOWHERE
from tests.accounts.people import PASSWORD, ask, register
from tests.better_auth.node import NodeServer
from tests.client import Client
from tests.oidc.people import AtProvider, begin, code_of, come_back, exchange

ALICE = {"email": "Alice@example.com", "email_verified": True, "name": "Alice"}
ACCOUNTS = "SELECT email, name, email_verified_at IS NOT NULL FROM accounts ORDER BY created_at"


async def tokens_of(client: Client, name: str) -> dict[str, str]:
    tokens: dict[str, str] = (await exchange(client, await code_of(client, name))).json()
    return tokens


async def test_an_address_is_kept_where_it_is_verified_and_free(
    anonymous: Client, provider: NodeServer, superuser: psycopg.Connection
) -> None:
    provider.tell("knows", "verified", ALICE)
    provider.tell("knows", "same-address", ALICE | {"name": "Another"})
    provider.tell("knows", "unverified", ALICE | {"email": "bob@example.com", "email_verified": False})
    provider.tell("knows", "in-words", ALICE | {"email": "charlie@example.com", "email_verified": "true"})
    provider.tell("knows", "no-address", {"email": "\r\nBcc: x", "email_verified": True, "name": "\x00"})
    users = [(await tokens_of(anonymous, name))["user_id"] for name in (
        "verified", "same-address", "unverified", "in-words", "no-address")]  # fmt: skip
    assert len(set(users)) == 5
    rows = superuser.execute(ACCOUNTS).fetchall()
    assert rows == [
        ("Alice@example.com", "Alice", True),
        (None, "Another", False),
        (None, "Alice", False),
        (None, "Alice", False),
        (None, None, False),
    ]


async def test_nobody_gets_the_account_of_their_address(
    app: FastAPI, anonymous: Client, provider: NodeServer, superuser: psycopg.Connection
) -> None:
    quicken(app)
    local = await register(anonymous, "alice")
    provider.tell("knows", "alice", ALICE)
    came = await tokens_of(anonymous, "alice")
    assert came["user_id"] != local["id"]
    assert superuser.execute(ACCOUNTS).fetchall() == [("alice@example.com", None, False), (None, "Alice", False)]


async def test_two_first_log_ins_at_once_are_one_account(
    anonymous: Client, other_browser: Client, superuser: psycopg.Connection
) -> None:
    addresses = []
    for client in (anonymous, other_browser):
        with AtProvider("alice") as browser:
            addresses.append(browser.log_in(await begin(client)))
    both = zip((anonymous, other_browser), addresses, strict=True)
    told = await asyncio.gather(*(come_back(client, address) for client, address in both))
    assert all("code" in said for said in told)
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (1,)


async def test_there_is_no_password_to_log_in_with_to_change_or_to_reset(
    app: FastAPI, anonymous: Client, provider: NodeServer
) -> None:
    quicken(app)
    provider.tell("knows", "bob", {"email": "bob@example.com", "email_verified": True})
    tokens = await tokens_of(anonymous, "bob")
    for password in ("", PASSWORD, "None"):
        refused = await ask(anonymous, grant_type="password", username="bob@example.com", password=password or "x")
        assert (refused.status_code, refused.json()["code"]) == (401, "CREDENTIALS_INVALID")
    async with logged_in(app, tokens) as bob:
        change = await bob.post("/auth/password", json={"current": "x", "new": "correct horse battery"})
        assert (change.status_code, change.json()["detail"]) == (401, "You have no password here.")
    administration = Administration(state_of(app).database)
    with pytest.raises(AccountError, match="no password"):
        await administration.reset_link("bob@example.com", b"x", "https://tasks.example.com")


async def test_deleting_oneself_needs_no_password_and_leaves_no_identity(
    app: FastAPI, anonymous: Client, superuser: psycopg.Connection
) -> None:
    tokens = await tokens_of(anonymous, "alice")
    async with logged_in(app, tokens) as alice:
        assert (await alice.delete("/auth/me")).status_code == 204
    for table in ("accounts", "identities", "refresh_tokens"):
        assert superuser.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert (await tokens_of(anonymous, "alice"))["user_id"] != tokens["user_id"]


async def test_the_operator_finds_an_account_without_an_address_by_its_id(
    app: FastAPI, anonymous: Client, provider: NodeServer
) -> None:
    user_id = (await tokens_of(anonymous, "alice-without-address"))["user_id"]
    administration = Administration(state_of(app).database)
    (listed,) = [account async for account in administration.accounts()]
    assert listed == await administration.account(user_id)
    assert (listed["provider"], listed["email"], listed["log_ins"]) == (provider.url, None, 1)
    await administration.disable(user_id)
    with AtProvider("alice-without-address") as browser:
        assert await come_back(anonymous, browser.log_in(await begin(anonymous))) == {"error": "disabled"}
    await administration.enable(user_id)
    code = await code_of(anonymous, "alice-without-address")
    await administration.disable(user_id)  # between code and tokens
    assert (await exchange(anonymous, code)).status_code == 401


@pytest.mark.parametrize("more_settings", [{"REGISTRATION": "closed"}, {"REGISTRATION": "invite"}])
async def test_where_registration_is_not_open_nobody_comes_for_the_first_time(
    anonymous: Client, provider: NodeServer, superuser: psycopg.Connection
) -> None:
    with AtProvider("alice") as browser:
        assert await come_back(anonymous, browser.log_in(await begin(anonymous))) == {"error": "closed"}
    alice = "usr_" + "a" * 28
    superuser.execute("INSERT INTO accounts (id) VALUES (%s)", [alice])
    superuser.execute("INSERT INTO identities VALUES (%s, 'alice', %s)", [provider.url, alice])
    assert (await tokens_of(anonymous, "alice"))["user_id"] == alice


MAIL = {"SMTP_URL": NOWHERE, "MAIL_FROM": "tasks@example.com"}


@pytest.mark.parametrize("more_settings", [{"OIDC_ONLY": "true", **MAIL}])
async def test_with_the_provider_alone_there_are_no_passwords(app: FastAPI, anonymous: Client) -> None:
    tokens = await tokens_of(anonymous, "alice")
    account = {"email": "alice@example.com", "password": PASSWORD}
    reset = {"token": f"usr_{'a' * 28}.9999999999.{'A' * 43}", "password": PASSWORD}
    async with logged_in(app, tokens) as alice:
        refused = [
            await anonymous.post("/auth/register", json=account),
            await ask(anonymous, grant_type="password", username="alice@example.com", password=PASSWORD),
            await anonymous.post("/auth/password/reset", json=reset),
            await anonymous.post("/auth/password/forgot", json={"email": "alice@example.com"}),
            await alice.post("/auth/password", json={"current": "x", "new": PASSWORD}),
        ]
        assert {(each.status_code, each.json()["code"]) for each in refused} == {(403, "PASSWORDS_OFF")}
        assert (await alice.get("/auth/me")).status_code == 200


PROOF = {"EMAIL_VERIFICATION": "true", **MAIL}


@pytest.mark.parametrize("more_settings", [PROOF])
async def test_where_addresses_are_to_be_proven_a_provider_has_said_who_it_is(
    app: FastAPI, anonymous: Client, provider: NodeServer
) -> None:
    """Also of somebody without an address. Who has a password proves theirs: no provider does that for them."""
    quicken(app)
    await register(anonymous, "alice")
    provider.tell("knows", "alice", ALICE)
    provider.tell("knows", "bob", {"email": "bob@example.com", "email_verified": True})
    for name, proven in (("alice", False), ("bob", True)):
        tokens = await tokens_of(anonymous, name)
        async with logged_in(app, tokens) as client:
            assert ((await client.get("/auth/me")).json()["email_verified_at"] is not None) is proven
    refused = await ask(anonymous, grant_type="password", username="alice@example.com", password=PASSWORD)
    assert (refused.status_code, refused.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
