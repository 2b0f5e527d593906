"""Personal tokens as scripts and their owners know them."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.administration import Administration
from taskward.accounts.personal_token_statements import MOST_TOKENS
from taskward.api.state import state_of
from taskward.settings import Settings
from tests.accounts.conftest import logged_in
from tests.accounts.people import delete_me, log_in
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.database.transactions import waiting_for
from tests.service import Service
from tests.workers import connected_to_each, statuses

PROMISED_SECONDS = 5.0
TITLE = {"title": "Buy milk"}


async def make(client: Client, *scopes: str, **more: Any) -> dict[str, Any]:
    body = {"name": "Backup script", "scopes": scopes or ["tasks:read"], **more}
    response = await client.post("/auth/tokens", json=body)
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    made: dict[str, Any] = response.json()
    return made


@asynccontextmanager
async def bearing(app: FastAPI, token: str) -> AsyncIterator[Client]:
    async with connect(app) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@asynccontextmanager
async def script(app: FastAPI, owner: Client, *scopes: str) -> AsyncIterator[Client]:
    async with bearing(app, (await make(owner, *scopes))["token"]) as client:
        yield client


async def refused(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def tokens_of(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/auth/tokens")).json()["tokens"]
    return found


async def looked(app: FastAPI) -> None:
    await state_of(app).log_ins.look()


@pytest.mark.quick
async def test_nobody_makes_or_sees_tokens_without_a_log_in(anonymous: Client) -> None:
    for method, path in (("POST", "/auth/tokens"), ("GET", "/auth/tokens"), ("DELETE", "/auth/tokens/x")):
        assert await refused(await anonymous.request(method, path)) == (401, "TOKEN_MISSING")


@pytest.mark.quick
async def test_a_token_is_shown_once_and_its_hash_is_all_that_is_kept(
    alice: Client, superuser: psycopg.Connection
) -> None:
    made = await make(alice, "tasks:write", "tasks:read", "tasks:read", expires_in_days=366)
    token = made.pop("token")
    assert made["scopes"] == ["tasks:read", "tasks:write"]
    assert made["last_used_on"] is None
    assert await tokens_of(alice) == [made]
    kept = superuser.execute("SELECT * FROM personal_tokens").fetchall()
    assert hashlib.sha256(token.encode()).digest() in kept[0]
    assert not any(token[begin : begin + 10] in repr(kept) for begin in range(len(token) - 10))
    days = superuser.execute("SELECT expires_at - created_at FROM personal_tokens").fetchone()
    assert days is not None
    assert days[0].days == 366


@pytest.mark.quick
async def test_bob_neither_sees_nor_revokes_alices_tokens(alice: Client, bob: Client) -> None:
    made = await make(alice)
    await make(bob)
    assert [each["id"] for each in await tokens_of(alice)] == [made["id"]]
    assert made["id"] not in [each["id"] for each in await tokens_of(bob)]
    assert await refused(await bob.delete(f"/auth/tokens/{made['id']}")) == (404, "TOKEN_NOT_FOUND")
    assert len(await tokens_of(alice)) == 1


@pytest.mark.quick
@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []}, {"scopes": ["admin"]}, {"scopes": ["calendar", "tasks:read"]}, {"scopes": "tasks:read"},
        {"name": ""}, {"name": " "}, {"name": "a\nb"}, {"name": "x" * 101}, {"name": None},
        {"expires_in_days": 0}, {"expires_in_days": 367}, {"expires_in_days": 1.5}, {"expires_in_days": None},
        {"user_id": "bob"}, {"token": "x"},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_makes_no_token(alice: Client, wrong: dict[str, Any]) -> None:
    body = {"name": "Backup script", "scopes": ["tasks:read"], **wrong}
    assert await refused(await alice.post("/auth/tokens", json=body)) == (400, "VALIDATION_ERROR")
    assert await tokens_of(alice) == []


@pytest.mark.quick
async def test_a_token_acts_for_its_owner_and_nobody_else(app: FastAPI, alice: Client, bob: Client) -> None:
    bobs_task = (await bob.post("/tasks", json=TITLE)).json()["id"]
    async with script(app, alice, "tasks:write") as client:
        created = await client.post("/tasks", json=TITLE)
        assert (created.status_code, created.json()["user_id"]) == (201, "alice")
        assert (await client.get("/api/alice/tasks")).json()["count"] == 1
        assert await refused(await client.get("/api/bob/tasks")) == (403, "FORBIDDEN")
        assert await refused(await client.get(f"/tasks/{bobs_task}")) == (403, "FORBIDDEN")
    assert (await alice.get("/tasks")).json()["count"] == 1


@pytest.mark.quick
async def test_a_token_that_only_reads_is_refused_by_postgresql_also_without_the_fast_route(
    app: FastAPI, alice: Client
) -> None:
    async with script(app, alice, "tasks:read") as client:
        for overrides in ({}, {make: make}):  # any: then FastAPI asks the dependencies
            app.dependency_overrides = {**overrides}
            response = await client.post("/tasks", json=TITLE)
            assert await refused(response) == (403, "SCOPE_MISSING")
            assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
            assert (await client.get("/tasks")).json()["count"] == 0
    app.dependency_overrides = {}
    assert (await alice.post("/tasks", json=TITLE)).status_code == 201


@pytest.mark.quick
async def test_requests_at_the_same_time_each_have_their_own_rights(app: FastAPI, alice: Client) -> None:
    async with script(app, alice, "tasks:read") as reads, script(app, alice, "tasks:write") as writes:
        clients = [reads, writes, alice] * 10
        found = await asyncio.gather(*(client.post("/tasks", json=TITLE) for client in clients))
    assert [response.status_code for response in found] == [403, 201, 201] * 10


@pytest.mark.quick
async def test_a_token_that_has_expired_is_refused_and_listed(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    async with script(app, alice) as client:
        superuser.execute("UPDATE personal_tokens SET expires_at = now()")
        for _ in range(2):
            assert await refused(await client.get("/tasks")) == (401, "TOKEN_EXPIRED")
        assert len(await tokens_of(alice)) == 1
        superuser.execute("UPDATE personal_tokens SET expires_at = now() - interval '31 days'")
        await make(alice)
        assert len(await tokens_of(alice)) == 1, "a month later it is gone"


ONE_LESS = """
    INSERT INTO personal_tokens (user_id, id, token_hash, name, scopes, expires_at)
    SELECT 'alice', n, sha256(n::text::bytea), n, '{tasks:read}', now() + interval '1 day'
      FROM generate_series(2, %s::int) AS n
"""


@pytest.mark.quick
async def test_nobody_has_more_than_fifty_also_not_by_asking_at_once(
    alice: Client, superuser: psycopg.Connection
) -> None:
    await alice.post("/tasks", json=TITLE)
    superuser.execute(ONE_LESS, [MOST_TOKENS])
    body = {"name": "x", "scopes": ["tasks:read"]}
    with superuser.transaction():
        superuser.execute("SELECT FROM users WHERE id = 'alice' FOR UPDATE")
        asked = [asyncio.create_task(alice.post("/auth/tokens", json=body)) for _ in range(2)]
        for waits in ("transactionid", "tuple"):  # the first for the row, the second behind it
            await waiting_for(superuser, waits)
    found = await asyncio.gather(*asked)
    assert sorted(response.status_code for response in found) == [201, 403]
    assert {response.json().get("code") for response in found} == {None, "QUOTA_EXCEEDED"}
    assert (await alice.delete("/auth/tokens/2")).status_code == 204
    await make(alice)


@pytest.mark.quick
async def test_the_day_of_the_last_use_is_noted_once(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    async with script(app, alice) as client:  # although it only reads
        assert (await client.get("/tasks")).status_code == 200
        await state_of(app).database.background.finish(seconds=30)
        versions = "SELECT xmin::text, last_used_on = timezone('UTC', now())::date FROM personal_tokens"
        first = superuser.execute(versions).fetchall()
        assert first[0][1] is True
        await state_of(app).verifier.verify(client.headers["Authorization"][7:])
        await state_of(app).database.background.finish(seconds=30)
        assert superuser.execute(versions).fetchall() == first
        superuser.execute("UPDATE personal_tokens SET last_used_on = last_used_on - 1")
        await state_of(app).verifier.verify(client.headers["Authorization"][7:])
        await state_of(app).database.background.finish(seconds=30)
        assert superuser.execute(versions).fetchall()[0][1] is True


@pytest.mark.quick
async def test_a_token_in_use_asks_the_database_nothing(
    app: FastAPI, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = state_of(app).verifier
    monkeypatch.setattr(state_of(app).log_ins, "_clock", lambda: 1000.0)
    async with script(app, alice) as client:
        for _ in range(2):  # the first look forgets all, as nobody knows what came before it
            assert (await client.get("/tasks")).status_code == 200
        monkeypatch.setattr(verifier, "_find_token", None)
        for _ in range(20):
            assert (await client.get("/tasks")).status_code == 200


@pytest.mark.quick
async def test_a_revoked_token_is_refused_by_every_worker_once_it_has_looked(
    app: FastAPI, alice: Client, settings: Settings
) -> None:
    revoked, kept = await make(alice), await make(alice)
    async with (
        started(settings) as elsewhere,
        bearing(app, revoked["token"]) as here,
        bearing(elsewhere, revoked["token"]) as there,
        bearing(elsewhere, kept["token"]) as other,
    ):
        for client in (here, there, other, here, there, other):
            assert (await client.get("/tasks")).status_code == 200
        assert (await alice.delete(f"/auth/tokens/{revoked['id']}")).status_code == 204
        for worker in (app, elsewhere):
            await looked(worker)
        for client in (here, there):
            assert await refused(await client.get("/tasks")) == (401, "TOKEN_INVALID")
        assert (await other.get("/tasks")).status_code == 200
        assert await refused(await alice.delete(f"/auth/tokens/{revoked['id']}")) == (404, "TOKEN_NOT_FOUND")


@pytest.mark.quick
async def test_the_tokens_of_a_deleted_user_of_a_provider_bring_nobody_back(
    app: FastAPI, alice: Client, superuser: psycopg.Connection
) -> None:
    async with script(app, alice, "tasks:write") as client:
        assert [(await client.get("/tasks")).status_code for _ in range(2)] == [200, 200]
        assert (await delete_me(alice)).status_code == 204
        await looked(app)
        assert await refused(await client.post("/tasks", json=TITLE)) == (401, "TOKEN_INVALID")
    assert superuser.execute("SELECT count(*) FROM users").fetchone() == (0,)
    assert superuser.execute("SELECT count(*) FROM personal_tokens").fetchone() == (0,)


@pytest.mark.quick
async def test_the_tokens_of_a_deleted_account_are_refused_at_once(app: FastAPI, registered_alice: Client) -> None:
    async with script(app, registered_alice, "tasks:write") as client:
        assert [(await client.get("/tasks")).status_code for _ in range(2)] == [200, 200]
        assert (await delete_me(registered_alice)).status_code == 204
        for response in (await client.get("/tasks"), await client.post("/tasks", json=TITLE)):
            assert await refused(response) == (401, "TOKEN_INVALID")


@pytest.mark.quick
async def test_the_tokens_of_a_disabled_account_are_revoked_and_stay_so(
    app: FastAPI, registered_alice: Client, superuser: psycopg.Connection
) -> None:
    administration = Administration(state_of(app).database)
    async with script(app, registered_alice) as client:
        assert (await client.get("/tasks")).status_code == 200
        await administration.disable("alice@example.com")
        await looked(app)
        assert await refused(await client.get("/tasks")) == (401, "TOKEN_INVALID")
        await administration.enable("alice@example.com")
        assert await refused(await client.get("/tasks")) == (401, "TOKEN_INVALID")


@pytest.mark.quick
async def test_a_token_that_was_made_meanwhile_is_refused_while_the_account_is_disabled(
    app: FastAPI, registered_alice: Client, superuser: psycopg.Connection
) -> None:
    async with script(app, registered_alice) as client:
        superuser.execute("UPDATE accounts SET disabled_at = now()")
        assert await refused(await client.get("/tasks")) == (401, "TOKEN_INVALID")


@pytest.mark.quick
async def test_a_log_in_that_ends_while_it_makes_a_token_has_none(
    app: FastAPI, registered_alice: Client, superuser: psycopg.Connection
) -> None:
    """What ends a log-in, and perhaps every token, has looked before this one is there."""
    await registered_alice.post("/tasks", json=TITLE)
    with superuser.transaction():
        superuser.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [registered_alice.user_id])
        body = {"name": "x", "scopes": ["tasks:read"]}
        asked = asyncio.create_task(registered_alice.post("/auth/tokens", json=body))
        await waiting_for(superuser, "transactionid")
        superuser.execute("UPDATE refresh_tokens SET expires_at = now()")
    assert await refused(await asked) == (401, "TOKEN_EXPIRED")
    assert superuser.execute("SELECT count(*) FROM personal_tokens").fetchone() == (0,)


@pytest.mark.quick
async def test_disabling_waits_for_a_token_that_is_being_made_and_revokes_it(
    app: FastAPI, registered_alice: Client, superuser: psycopg.Connection
) -> None:
    """The first thing that she ever does, so that there was no row of hers to wait for."""
    administration = Administration(state_of(app).database)
    with superuser.transaction():
        user = {"user": registered_alice.user_id}
        superuser.execute("INSERT INTO users (id) VALUES (%(user)s)", user)
        superuser.execute(ANOTHERS_TOKEN, user)
        disabling = asyncio.create_task(administration.disable("alice@example.com"))
        await waiting_for(superuser, "transactionid")
    await disabling
    assert superuser.execute("SELECT count(*) FROM personal_tokens").fetchone() == (0,)


ANOTHERS_TOKEN = """
    INSERT INTO personal_tokens (user_id, id, token_hash, name, scopes, expires_at)
    VALUES (%(user)s, 'x', sha256('x'), 'x', '{tasks:read}', now() + interval '1 day')
"""


@pytest.mark.quick
async def test_whoever_registered_with_anothers_address_keeps_no_token_and_its_owner_keeps_theirs(
    app: FastAPI, anonymous: Client, registered_alice: Client
) -> None:
    """The first link that her mailbox gets shows whose the address is. From then on, her scripts go on."""
    administration = Administration(state_of(app).database)

    async def reset(password: str) -> int:
        link = await administration.reset_link("alice@example.com", SECRET.encode(), "https://tasks.example.com")
        body = {"token": link.address.partition("=")[2], "password": password}
        return (await anonymous.post("/auth/password/reset", json=body)).status_code

    async with script(app, registered_alice) as strangers:
        assert (await strangers.get("/tasks")).status_code == 200
        assert await reset("another correct horse") == 204
        await looked(app)
        assert await refused(await strangers.get("/tasks")) == (401, "TOKEN_INVALID")
    tokens = await log_in(anonymous, "alice", "another correct horse")
    async with logged_in(app, tokens) as alice, script(app, alice) as hers:
        assert await reset("yet another horse") == 204
        await looked(app)
        assert (await hers.get("/tasks")).status_code == 200


@pytest.mark.quick
async def test_a_guess_counts_for_the_address_and_a_good_token_for_its_user(
    app: FastAPI, alice: Client, settings: Settings
) -> None:
    token = (await make(alice))["token"]
    limits = {"AUTH_RATE_LIMIT": "2/minute", "RATE_LIMIT": "3/minute"}
    limited = settings.model_copy(update={name.lower(): value for name, value in limits.items()})
    async with started(limited) as strict:
        async with bearing(strict, token[:-1] + "-") as guessing:
            found = [(await guessing.get("/tasks")).status_code for _ in range(3)]
        assert found == [401, 401, 429]
        async with bearing(strict, token) as client, connect(strict, "alice", SECRET) as herself:
            found = [(await each.get("/tasks")).status_code for each in (client, herself, client, herself, client)]
        assert found == [200, 200, 200, 429, 429]


def test_within_five_seconds_no_worker_takes_a_token_that_was_revoked(tmp_path: Path) -> None:
    with Service(tmp_path / "data", {"WORKERS": "2"}) as service:
        account = {"email": "alice@example.com", "password": "correct horse battery staple"}
        assert httpx2.post(f"{service.url}/auth/register", json=account).status_code == 201
        form = {"grant_type": "password", "username": account["email"], "password": account["password"]}
        access = httpx2.post(f"{service.url}/auth/token", data=form).json()["access_token"]
        owner = {"Authorization": f"Bearer {access}"}
        body = {"name": "x", "scopes": ["tasks:read"]}
        made = httpx2.post(f"{service.url}/auth/tokens", json=body, headers=owner).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        with connected_to_each(service, headers) as clients:
            assert statuses(clients) == {200}
            revoked = time.monotonic()
            httpx2.delete(f"{service.url}/auth/tokens/{made['id']}", headers=owner)
            while statuses(clients) != {401}:
                assert time.monotonic() - revoked < PROMISED_SECONDS
            assert statuses(clients) == {401}
