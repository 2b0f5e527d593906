"""Signing out ends access as well: at once where it is looked at anew, and within five seconds everywhere."""

import time
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import httpx2
import jwt
import psycopg
import pytest
from fastapi import FastAPI
from jwt.types import Options

from taskward.api.state import state_of
from taskward.auth.log_ins import MAX_SECONDS
from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, log_in, refresh
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.service import Service
from tests.workers import connected_to_each, statuses

Tokens = dict[str, str]

PROMISED_SECONDS = 5.0
REFUSED = {"detail": "The log-in of this token has ended. Log in again.", "code": "TOKEN_EXPIRED"}
LATER = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'"
UNREAD: Options = {"verify_signature": False}


async def revoke(client: Client, tokens: Tokens) -> None:
    assert (await client.post("/auth/revoke", data={"token": tokens["refresh_token"]})).status_code == 200


async def status(client: Client) -> int:
    return (await client.get("/tasks")).status_code


@pytest.fixture
async def elsewhere(app: FastAPI, settings: Settings) -> AsyncIterator[FastAPI]:
    """Another worker on the same database."""
    async with started(settings) as other:
        quicken(other)
        yield other


async def looked(*apps: FastAPI) -> None:
    """Have workers look, as they do every two seconds while there are requests."""
    for app in apps:
        await state_of(app).log_ins.look()


@pytest.mark.quick
async def test_an_access_token_names_its_log_in_and_nothing_that_opens_it(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    other = await log_in(anonymous, "alice")
    all_tokens = (alices_tokens, (await refresh(anonymous, alices_tokens["refresh_token"])).json(), other)
    sids = [jwt.decode(tokens["access_token"], options=UNREAD)["sid"] for tokens in all_tokens]
    assert sids[0] == sids[1] != sids[2]
    assert not any(sid in tokens["refresh_token"] for sid in sids for tokens in all_tokens)
    for sid in sids:
        assert (await anonymous.post("/auth/revoke", data={"token": sid.ljust(64, "A")})).status_code == 200
    going_on = "SELECT count(*) FROM refresh_tokens WHERE expires_at > now()"
    assert superuser.execute(going_on).fetchone() == (2,)


@pytest.mark.quick
async def test_a_token_that_no_worker_has_seen_is_refused_at_once(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens
) -> None:
    await revoke(anonymous, alices_tokens)
    async with logged_in(app, alices_tokens) as alice:
        for _ in range(2):
            response = await alice.get("/tasks")
            assert (response.status_code, response.json()) == (401, REFUSED)


@pytest.mark.quick
async def test_a_token_in_use_is_refused_by_every_worker_once_it_has_looked(
    app: FastAPI, elsewhere: FastAPI, anonymous: Client, alices_tokens: Tokens
) -> None:
    other = await log_in(anonymous, "alice")
    async with (
        logged_in(app, alices_tokens) as here,
        logged_in(elsewhere, alices_tokens) as there,
        logged_in(elsewhere, other) as another,
    ):
        for client in (here, there, another, here, there, another):
            assert await status(client) == 200
        await revoke(anonymous, alices_tokens)
        await looked(app, elsewhere)
        for _ in range(2):
            assert [await status(client) for client in (here, there, another)] == [401, 401, 200]


@pytest.mark.quick
async def test_whatever_ends_a_log_in_ends_its_access(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    async with logged_in(app, alices_tokens) as alice:
        assert await status(alice) == 200
        await refresh(anonymous, alices_tokens["refresh_token"])
        superuser.execute(LATER)
        assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401, "it was copied"
        await looked(app)
        assert await status(alice) == 401


@pytest.mark.quick
@pytest.mark.parametrize("minutes", [1, 8, 30])
async def test_an_idle_worker_learns_what_ended_meanwhile(
    app: FastAPI, alices_tokens: Tokens, superuser: psycopg.Connection, minutes: int
) -> None:
    """Also of what is not in the database any more."""
    async with logged_in(app, alices_tokens) as alice:
        assert [await status(alice) for _ in range(3)] == [200] * 3
        log_ins = state_of(app).log_ins
        row = superuser.execute(f"SELECT (now() - interval '{minutes} min')::text").fetchone()
        assert row is not None
        log_ins._known_until = row[0]
        superuser.execute(f"UPDATE refresh_tokens SET expires_at = now() - interval '{minutes} min' * 0.9")
        superuser.execute("DELETE FROM refresh_tokens WHERE expires_at < now() - interval '10 minutes'")
        await looked(app)
        assert await status(alice) == 401


@pytest.mark.quick
async def test_a_token_without_a_log_in_is_as_before_and_nobody_has_anothers(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens
) -> None:
    async with connect(app, alices_tokens["user_id"], SECRET) as alice:
        assert await status(alice) == 200
        await revoke(anonymous, alices_tokens)
        await looked(app)
        assert await status(alice) == 200, "made by hand, or by an earlier version"
    bobs = await log_in_as_bob(anonymous)
    sid = jwt.decode(bobs["access_token"], options=UNREAD)["sid"]
    claims = jwt.decode(alices_tokens["access_token"], options=UNREAD) | {"sid": sid}
    forged = jwt.encode(claims, SECRET, algorithm="HS256")
    async with logged_in(app, alices_tokens | {"access_token": forged}) as alice:
        assert await status(alice) == 401


async def log_in_as_bob(client: Client) -> Tokens:
    account = {"email": "bob@example.com", "password": PASSWORD}
    assert (await client.post("/auth/register", json=account)).status_code == 201
    return await log_in(client, "bob")


@pytest.mark.quick
async def test_nobody_asks_at_each_request(
    app: FastAPI, alices_tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    log_ins = state_of(app).log_ins
    ended_since, goes_on = log_ins._ended_since, log_ins._goes_on

    async def counted_ended_since(moment: str | None) -> tuple[str, Collection[bytes] | None]:
        asked.append("which ended")
        return await ended_since(moment)

    async def counted_goes_on(user_id: str, log_in: bytes) -> bool:
        asked.append("this one")
        return await goes_on(user_id, log_in)

    monkeypatch.setattr(log_ins, "_ended_since", counted_ended_since)
    monkeypatch.setattr(log_ins, "_goes_on", counted_goes_on)
    monkeypatch.setattr(log_ins, "_clock", lambda: 1000.0)
    async with logged_in(app, alices_tokens) as alice:
        for _ in range(50):
            assert await status(alice) == 200
    # The first look forgets all, as nobody knows what came before it.
    assert asked == ["this one", "which ended", "this one"]


def test_within_five_seconds_no_worker_takes_the_token_of_a_log_in_that_was_ended(tmp_path: Path) -> None:
    assert MAX_SECONDS < PROMISED_SECONDS
    with Service(tmp_path / "data", {"WORKERS": "2"}) as service:
        account = {"email": "alice@example.com", "password": PASSWORD}
        assert httpx2.post(f"{service.url}/auth/register", json=account).status_code == 201
        form = {"grant_type": "password", "username": account["email"], "password": PASSWORD}
        tokens = httpx2.post(f"{service.url}/auth/token", data=form).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        with connected_to_each(service, headers) as clients:
            assert statuses(clients) == {200}
            revoked = time.monotonic()
            httpx2.post(f"{service.url}/auth/revoke", data={"token": tokens["refresh_token"]})
            while statuses(clients) != {401}:
                assert time.monotonic() - revoked < PROMISED_SECONDS
            assert statuses(clients) == {401}
