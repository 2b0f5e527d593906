"""A password that was forgotten: a link from the operator, good once."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import AccountError, Administration
from taskward.accounts.service import AccountService
from taskward.api.state import state_of
from taskward.auth.links import LinkTokens, reset_state
from taskward.auth.new_passwords import COMMON, OWN_ADDRESS
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, ask, log_in, refresh, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.patience import WAITING

pytestmark = pytest.mark.quick

Tokens = dict[str, str]

NEW = "another correct horse"
STATE = "SELECT id, password_hash, extract(epoch FROM reset_link_at)::text FROM accounts"
PUBLIC = "https://tasks.example.com/tw"
OVER = {"detail": "This link is not valid, or no longer. Ask for another one.", "code": "CREDENTIALS_INVALID"}


@pytest.fixture
async def operator(database_url: str) -> AsyncIterator[Administration]:
    database = Database(conninfo(database_url), pool_size=1, max_overflow=0, precondition=Database.find_engine)
    yield Administration(database)
    await database.close()


async def token_for(operator: Administration, person: str = "alice") -> str:
    link = await operator.reset_link(f"{person}@example.com", SECRET.encode(), PUBLIC)
    address, _, token = link.address.partition("#reset=")
    assert address == f"{PUBLIC}/"
    return token


async def reset(client: Client, token: str, password: str = NEW) -> httpx2.Response:
    return await client.post("/auth/password/reset", json={"token": token, "password": password})


async def knows(client: Client, password: str) -> bool:
    form = {"grant_type": "password", "username": "alice@example.com", "password": password}
    return (await ask(client, **form)).status_code == 200


async def test_a_link_gives_a_new_password_and_ends_every_log_in(
    app: FastAPI, anonymous: Client, operator: Administration, alices_tokens: Tokens
) -> None:
    async with logged_in(app, alices_tokens) as alice:
        assert (await alice.get("/tasks")).status_code == 200
        response = await reset(anonymous, await token_for(operator))
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["cache-control"] == "no-store"
        assert [await knows(anonymous, password) for password in (PASSWORD, NEW)] == [False, True]
        assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
        await state_of(app).log_ins.look()
        assert (await alice.get("/tasks")).status_code == 401


async def test_a_link_is_good_once(anonymous: Client, operator: Administration, alices_tokens: Tokens) -> None:
    token = await token_for(operator)
    assert (await reset(anonymous, token)).status_code == 204
    for password in (NEW, "yet another horse"):
        response = await reset(anonymous, token, password)
        assert (response.status_code, response.json()) == (401, OVER)
    assert await knows(anonymous, NEW)


async def test_of_many_who_come_at_once_with_one_link_one_gets_through(
    anonymous: Client, operator: Administration, alices_tokens: Tokens
) -> None:
    token = await token_for(operator)
    passwords = [f"correct horse {number}" for number in range(10)]
    responses = await asyncio.gather(*(reset(anonymous, token, password) for password in passwords))
    assert sorted(response.status_code for response in responses) == [204] + [401] * 9
    good = [
        password for password, response in zip(passwords, responses, strict=True) if response.status_code == 204
    ]
    assert [password for password in passwords if await knows(anonymous, password)] == good


async def test_a_link_is_void_once_the_password_has_changed(
    registered_alice: Client, anonymous: Client, operator: Administration
) -> None:
    token = await token_for(operator)
    body = {"current": PASSWORD, "new": NEW}
    assert (await registered_alice.post("/auth/password", json=body)).status_code == 204
    assert (await reset(anonymous, token, "yet another horse")).json() == OVER
    assert await knows(anonymous, NEW)


async def test_a_link_ends_after_half_an_hour(
    anonymous: Client, operator: Administration, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    link = await operator.reset_link("alice@example.com", SECRET.encode(), PUBLIC)
    ((account_id, *state),) = superuser.execute(STATE).fetchall()
    ends = int(link.address.split(".")[-2])
    assert ends == pytest.approx(time.time() + 1800, abs=60) == pytest.approx(link.ends.timestamp(), abs=120)

    def made(seconds_ago: float) -> str:
        links = LinkTokens(SECRET.encode(), lambda: time.time() - seconds_ago)
        return links.new("reset", account_id, reset_state(*state), 1800)

    assert (await reset(anonymous, made(1801))).json() == OVER
    assert (await reset(anonymous, made(1700))).status_code == 204


async def test_a_link_is_good_for_one_account_and_with_one_secret(
    anonymous: Client, operator: Administration, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    bob = (await register(anonymous, "bob"))["id"]
    other = await operator.reset_link("alice@example.com", b"y" * 32, PUBLIC)
    token = await token_for(operator)
    before = superuser.execute("SELECT * FROM accounts ORDER BY id").fetchall()
    _, rest = token.split(".", 1)
    invitation = await operator.invitation("charlie@example.com", SECRET.encode(), PUBLIC)
    for wrong in (f"{bob}.{rest}", other.address.partition("=")[2], invitation.address.partition("=")[2], "x"):
        assert (await reset(anonymous, wrong)).json() == OVER
    assert superuser.execute("SELECT * FROM accounts ORDER BY id").fetchall() == before


async def test_a_disabled_account_has_no_link_and_uses_none(
    anonymous: Client, operator: Administration, alices_tokens: Tokens
) -> None:
    token = await token_for(operator)
    await operator.disable("alice@example.com")
    assert (await reset(anonymous, token)).json() == OVER
    with pytest.raises(AccountError):
        await token_for(operator)
    await operator.enable("alice@example.com")
    assert await knows(anonymous, PASSWORD)


async def test_what_cannot_be_a_password_is_refused_and_the_link_stays_good(
    anonymous: Client, operator: Administration, alices_tokens: Tokens
) -> None:
    token = await token_for(operator)
    for wrong, sentence in (("iloveyou", COMMON), ("alice@EXAMPLE.com", OWN_ADDRESS)):
        response = await reset(anonymous, token, wrong)
        assert response.status_code == 400
        assert response.json()["errors"] == [{"field": "password", "message": sentence}]
    assert (await reset(anonymous, token)).status_code == 204


async def test_what_is_made_up_is_counted_for_its_address(settings: Settings) -> None:
    limited = settings.model_copy(update={"auth_rate_limit": "2/minute"})
    async with started(limited) as app, connect(app) as stranger:
        assert [(await reset(stranger, "x")).status_code for _ in range(3)] == [401, 401, 429]


async def test_a_disabled_account_is_as_good_as_a_wrong_password(
    app: FastAPI, anonymous: Client, operator: Administration, alices_tokens: Tokens
) -> None:
    async with logged_in(app, alices_tokens) as alice:
        assert (await alice.get("/tasks")).status_code == 200
        account = await operator.disable("alice@example.com")
        assert (account["disabled_at"] is not None, account["log_ins"]) == (True, 0)
        wrong, right = [
            await ask(anonymous, grant_type="password", username="alice@example.com", password=password)
            for password in ("wrong horse", PASSWORD)
        ]
        assert (right.status_code, right.json()) == (wrong.status_code, wrong.json()) == (401, wrong.json())
        assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
        await state_of(app).log_ins.look()
        assert (await alice.get("/tasks")).status_code == 401
    account = await operator.enable("ALICE@example.com")
    assert account["disabled_at"] is None
    assert await knows(anonymous, PASSWORD)


async def test_a_disabled_account_costs_one_hash_also_with_the_right_password(
    app: FastAPI,
    anonymous: Client,
    operator: Administration,
    alices_tokens: Tokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await operator.disable("alice@example.com")
    passwords = state_of(app).service(AccountService).passwords
    verify, verified = passwords.verify, []

    async def counted(password: str, *arguments: Any, **options: Any) -> tuple[bool, str | None]:
        verified.append(password)
        return await verify(password, *arguments, **options)

    monkeypatch.setattr(passwords, "verify", counted)
    assert not await knows(anonymous, PASSWORD)
    assert len(verified) == 1


async def test_an_operator_ends_log_ins_and_deletes_one_account_and_no_other(
    anonymous: Client, operator: Administration, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "bob")
    bobs = await log_in(anonymous, "bob")
    await log_in(anonymous, "alice")
    assert (await operator.account("alice@example.com"))["log_ins"] == 2
    assert (await operator.sign_out("alice@example.com"))["log_ins"] == 0
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401
    assert await knows(anonymous, PASSWORD)
    await operator.delete("alice@example.com")
    assert [account["email"] async for account in operator.accounts()] == ["bob@example.com"]
    assert (await refresh(anonymous, bobs["refresh_token"])).status_code == 200
    for work in (operator.account, operator.disable, operator.enable, operator.sign_out, operator.delete):
        with pytest.raises(AccountError):
            await work("alice@example.com")


async def test_an_operator_sees_every_account_in_order(
    app: FastAPI, operator: Administration, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        INSERT INTO accounts (id, email, password_hash)
        SELECT 'usr_' || translate(lpad(n::text, 28, 'z'), '0189', 'abcd'), 'Person' || n || '@example.com', 'x'
          FROM generate_series(1, 1201) AS n
    """)
    seen = [account["email"] async for account in operator.accounts()]
    assert len(seen) == 1201
    assert seen == sorted(seen, key=str.lower)


async def test_no_log_in_begins_while_its_account_is_being_disabled(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    quicken(app)
    with superuser.transaction():
        superuser.execute("UPDATE accounts SET disabled_at = now()")
        waiting = asyncio.create_task(knows(anonymous, PASSWORD))
        while not waiting.done() and superuser.execute(WAITING).fetchone() == (0,):  # noqa: ASYNC110  # has no event
            await asyncio.sleep(0.01)
    assert not await waiting
