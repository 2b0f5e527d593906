"""The log-ins of an account: seen and ended by their owner alone, and over after 90 days."""

import re
from typing import Any

import httpx2
import jwt
import psycopg
import pytest
from fastapi import FastAPI

from taskward.api.state import state_of
from taskward.auth.log_ins import id_of
from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, ask, delete_me, log_in, refresh, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.observability.test_audit import Read, read

__all__ = ["read"]

pytestmark = pytest.mark.quick

Tokens = dict[str, str]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"
AGED = "UPDATE refresh_tokens SET created_at = created_at - make_interval(days => %s)"
GOING_ON = "SELECT count(*) FROM refresh_tokens WHERE expires_at > now()"
DAYS_LEFT = "SELECT extract(epoch FROM expires_at - now()) / 86400 FROM refresh_tokens"


async def sessions(client: Client) -> list[dict[str, Any]]:
    response = await client.get("/auth/sessions")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = response.json()["sessions"]
    return found


async def end(client: Client, session_id: str = "") -> httpx2.Response:
    return await client.delete(f"/auth/sessions/{session_id}" if session_id else "/auth/sessions")


async def log_in_from(client: Client, user_agent: str, person: str = "alice") -> Tokens:
    form = {"grant_type": "password", "username": f"{person}@example.com", "password": PASSWORD}
    response = await client.post("/auth/token", data=form, headers={"User-Agent": user_agent})
    tokens: Tokens = response.json()
    return tokens


async def test_who_has_an_account_sees_where_it_is_logged_in(registered_alice: Client, anonymous: Client) -> None:
    await register(anonymous, "bob")
    await log_in(anonymous, "bob")
    await log_in_from(anonymous, FIREFOX)
    await log_in_from(anonymous, "curl/8.5.0")
    found = await sessions(registered_alice)
    assert [session["client"] for session in found] == ["curl", "Firefox on Linux", "python-httpx2"]
    assert [session["current"] for session in found] == [False, False, True]
    for session in found:
        assert session.keys() == {"id", "created_at", "last_used_at", "client", "address", "current"}
        assert session["address"] == "127.0.0.0/24"
        assert session["created_at"] == session["last_used_at"]
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", session["id"])


async def test_a_refresh_is_a_use_and_says_from_where(
    registered_alice: Client, anonymous: Client, alices_tokens: Tokens
) -> None:
    await log_in_from(anonymous, FIREFOX)
    (_, before) = await sessions(registered_alice)
    form = {"grant_type": "refresh_token", "refresh_token": alices_tokens["refresh_token"]}
    assert (
        await anonymous.post("/auth/token", data=form, headers={"User-Agent": "curl/8.5.0"})
    ).status_code == 200
    (after, _) = await sessions(registered_alice)
    assert (after["id"], after["created_at"], after["client"]) == (before["id"], before["created_at"], "curl")
    assert after["last_used_at"] > before["last_used_at"]


async def test_one_can_be_ended_and_its_access_with_it(
    app: FastAPI, registered_alice: Client, anonymous: Client, read: Read
) -> None:
    other, third = await log_in(anonymous, "alice"), await log_in(anonymous, "alice")
    async with logged_in(app, other) as laptop:
        (current,) = [session["id"] for session in await sessions(laptop) if session["current"]]
        read()
        response = await end(registered_alice, current)
        assert (response.status_code, response.content) == (204, b"")
        assert read() == [("log_in_revoked", registered_alice.user_id, "-", "127.0.0.1")]
        await state_of(app).log_ins.look()
        assert (await laptop.get("/tasks")).status_code == 401
    assert (await refresh(anonymous, other["refresh_token"])).status_code == 401
    assert (await refresh(anonymous, third["refresh_token"])).status_code == 200
    again = await end(registered_alice, current)
    assert (again.status_code, again.json()["code"]) == (404, "SESSION_NOT_FOUND")
    assert len(await sessions(registered_alice)) == 2


async def test_all_others_can_be_ended(
    app: FastAPI, registered_alice: Client, anonymous: Client, alices_tokens: Tokens, read: Read
) -> None:
    await register(anonymous, "bob")
    bobs, other = await log_in(anonymous, "bob"), await log_in(anonymous, "alice")
    read()
    assert (await end(registered_alice)).status_code == 204
    assert (await end(registered_alice)).status_code == 204
    assert read() == [("log_ins_ended", registered_alice.user_id, "-", "127.0.0.1")]
    assert [session["current"] for session in await sessions(registered_alice)] == [True]
    tokens = [tokens["refresh_token"] for tokens in (alices_tokens, other, bobs)]
    assert [(await refresh(anonymous, token)).status_code for token in tokens] == [200, 401, 200]


async def test_nobody_sees_or_ends_anothers(
    app: FastAPI, registered_alice: Client, anonymous: Client, bob: Client, superuser: psycopg.Connection
) -> None:
    await register(anonymous, "charlie")
    (alices,) = await sessions(registered_alice)
    charlies = await log_in(anonymous, "charlie")
    async with logged_in(app, charlies) as charlie:
        for stranger in (charlie, bob):
            assert alices["id"] not in {session["id"] for session in await sessions(stranger)}
            assert (await end(stranger, alices["id"])).status_code == 404
            assert (await end(stranger)).status_code == 204
    assert superuser.execute(GOING_ON).fetchone() == (2,)


@pytest.mark.parametrize("session_id", ["x", "A" * 43, "A" * 42 + "B", "A" * 44, "%00", "..%2f", "é"])
async def test_what_is_no_log_in_ends_none(
    registered_alice: Client, superuser: psycopg.Connection, session_id: str
) -> None:
    assert (await end(registered_alice, session_id)).status_code == 404
    assert superuser.execute(GOING_ON).fetchone() == (1,)


async def test_what_the_list_calls_a_log_in_opens_nothing(
    registered_alice: Client, anonymous: Client, alices_tokens: Tokens
) -> None:
    (session,) = await sessions(registered_alice)
    assert session["id"] == jwt.decode(alices_tokens["access_token"], options={"verify_signature": False})["sid"]
    for text in (session["id"], session["id"].ljust(64, "A")):
        assert (await refresh(anonymous, text)).status_code == 401
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 200


async def test_a_token_that_outlives_its_account_has_no_log_ins(
    app: FastAPI, registered_alice: Client, alices_tokens: Tokens
) -> None:
    await delete_me(registered_alice)
    async with connect(app, alices_tokens["user_id"], SECRET) as alice:
        for response in (await alice.get("/auth/sessions"), await end(alice), await end(alice, id_of(b"1" * 32))):
            assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")


async def test_a_log_in_ends_after_90_days_however_often_it_is_used(
    app: FastAPI, registered_alice: Client, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    def days_left() -> float:
        ((days,),) = superuser.execute(DAYS_LEFT).fetchall()
        return float(days)

    token = alices_tokens["refresh_token"]
    assert days_left() == pytest.approx(30, abs=0.1)
    for aged, left in ((50, 30), (20, 20), (19, 1)):
        superuser.execute(AGED, [aged])
        response = await refresh(anonymous, token)
        assert response.status_code == 200
        token = response.json()["refresh_token"]
        assert days_left() == pytest.approx(left, abs=0.1)
    superuser.execute(AGED, [1])
    superuser.execute("UPDATE refresh_tokens SET expires_at = expires_at - interval '1 day'")
    assert (await refresh(anonymous, token)).status_code == 401
    await state_of(app).log_ins.look()
    assert (await registered_alice.get("/tasks")).status_code == 401
    assert await knows_password(anonymous)


async def knows_password(client: Client) -> bool:
    form = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}
    return (await ask(client, **form)).status_code == 200


async def test_the_days_are_a_setting_that_holds_for_log_ins_from_before(
    settings: Settings, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection, read: Read
) -> None:
    superuser.execute(AGED, [11])
    read()
    async with started(settings.model_copy(update={"session_max_days": 10})) as app, connect(app) as client:
        quicken(app)
        assert (await refresh(client, alices_tokens["refresh_token"])).status_code == 401
        assert read() == [], "nobody has copied it"
        await log_in(client, "alice")
    ((days,),) = superuser.execute(DAYS_LEFT + " ORDER BY created_at DESC LIMIT 1").fetchall()
    assert float(days) == pytest.approx(10, abs=0.1)


async def test_of_many_log_ins_the_newest_are_listed(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at, rotated_at)
        SELECT sha256(n::text::bytea), account_id, current_hash, expires_at, rotated_at - n * interval '1 minute'
          FROM refresh_tokens, generate_series(1, 150) AS n
    """)
    found = await sessions(registered_alice)
    assert len(found) == 100
    assert found[0]["current"]
    assert found == sorted(found, key=lambda session: session["last_used_at"], reverse=True)
