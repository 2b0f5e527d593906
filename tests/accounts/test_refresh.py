import asyncio
import logging
from collections import Counter

import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.statements import PURGE_BATCH, PURGE_TOKENS
from taskward.auth.refresh import RefreshToken
from tests.accounts.conftest import logged_in
from tests.accounts.people import log_in, refresh
from tests.client import Client
from tests.purges import INTERVAL, purges_end

Tokens = dict[str, str]

LATER = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'"
OVER = "UPDATE refresh_tokens SET expires_at = now() - interval '11 minutes' WHERE family_hash = %s"
STILL_NOW = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '8 seconds'"


async def refused(client: Client, token: str) -> bool:
    response = await refresh(client, token)
    if response.status_code == 200:
        return False
    assert response.status_code == 401
    assert response.json()["code"] == "CREDENTIALS_INVALID"
    return True


async def following(client: Client, token: str) -> str:
    response = await refresh(client, token)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return str(response.json()["refresh_token"])


async def test_a_refresh_token_gives_the_next_tokens(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens
) -> None:
    response = await refresh(anonymous, alices_tokens["refresh_token"])
    assert response.status_code == 200
    tokens = response.json()
    assert tokens.keys() == alices_tokens.keys() - {"device_token"}
    assert tokens["user_id"] == alices_tokens["user_id"]
    assert tokens["refresh_token"] != alices_tokens["refresh_token"]
    async with logged_in(app, tokens) as alice:
        assert (await alice.get("/auth/me")).json()["email"] == "alice@example.com"


async def test_a_family_goes_on_and_on(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    seen = [alices_tokens["refresh_token"]]
    for _ in range(20):
        seen.append(await following(anonymous, seen[-1]))
        superuser.execute(LATER)
    assert len(set(seen)) == 21
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (1,)


@pytest.mark.parametrize("age", [0, 1, 2])
async def test_a_token_used_again_later_ends_its_family(
    anonymous: Client,
    alices_tokens: Tokens,
    superuser: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
    age: int,
) -> None:
    tokens = [alices_tokens["refresh_token"]]
    for _ in range(3):
        tokens.append(await following(anonymous, tokens[-1]))
    superuser.execute(LATER)
    other = (await log_in(anonymous, "alice"))["refresh_token"]
    with caplog.at_level(logging.WARNING):
        assert await refused(anonymous, tokens[age])
    told = [record.getMessage() for record in caplog.records if record.name == "taskward.accounts.tokens"]
    assert [alices_tokens["user_id"] in message for message in told] == [True]
    for token in tokens:
        assert await refused(anonymous, token)
        assert token not in caplog.text
    assert not await refused(anonymous, other)


async def test_a_lost_response_is_given_again_for_a_moment(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    first = alices_tokens["refresh_token"]
    second = await following(anonymous, first)
    superuser.execute(STILL_NOW)
    assert await following(anonymous, first) == second
    assert await following(anonymous, first) == second
    third = await following(anonymous, second)
    assert third not in (first, second)


async def test_the_moment_is_not_made_longer_by_using_it(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    first = alices_tokens["refresh_token"]
    second = await following(anonymous, first)
    superuser.execute(STILL_NOW)
    await following(anonymous, first)
    superuser.execute(STILL_NOW)
    assert await refused(anonymous, first)
    assert await refused(anonymous, second)


async def test_who_has_used_the_next_token_has_not_lost_it(anonymous: Client, alices_tokens: Tokens) -> None:
    first = alices_tokens["refresh_token"]
    third = await following(anonymous, await following(anonymous, first))
    assert await refused(anonymous, first)
    assert await refused(anonymous, third)


async def test_many_at_once_with_one_token_get_one_and_the_same(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    responses = await asyncio.gather(*(refresh(anonymous, alices_tokens["refresh_token"]) for _ in range(50)))
    assert Counter(response.status_code for response in responses) == {200: 50}
    (token,) = {response.json()["refresh_token"] for response in responses}
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (1,)
    superuser.execute(LATER)
    await following(anonymous, token)


async def test_of_many_at_once_with_a_used_token_none_gets_through(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    newest = await following(anonymous, alices_tokens["refresh_token"])
    superuser.execute(LATER)
    responses = await asyncio.gather(*(refresh(anonymous, alices_tokens["refresh_token"]) for _ in range(50)))
    assert Counter(response.status_code for response in responses) == {401: 50}
    assert await refused(anonymous, newest)


async def test_tokens_of_different_log_ins_do_not_disturb_each_other(
    anonymous: Client, alices_tokens: Tokens
) -> None:
    families = [alices_tokens] + [await log_in(anonymous, "alice") for _ in range(4)]
    tokens = [family["refresh_token"] for family in families]
    for _ in range(3):
        tokens = list(await asyncio.gather(*(following(anonymous, token) for token in tokens)))
    assert len(set(tokens)) == 5


async def test_what_is_no_token_changes_nothing(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    before = superuser.execute("SELECT * FROM refresh_tokens").fetchall()
    token = alices_tokens["refresh_token"]
    for wrong in ("x", token[:-1], token + "A", token + "=", token.swapcase()[:63] + "\n", "A" * 64, "é" * 64):
        assert await refused(anonymous, wrong), wrong
    assert await refused(anonymous, alices_tokens["access_token"])
    async with logged_in(app, alices_tokens | {"access_token": token}) as client:
        assert (await client.get("/tasks")).status_code == 401
    assert superuser.execute("SELECT * FROM refresh_tokens").fetchall() == before


async def test_tokens_from_before_they_were_authenticated_go_on(
    app: FastAPI, anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    """Also what was made with another JWT_SECRET_KEY: as long as the database knows their hash, and no longer."""
    old = RefreshToken("A" * 22 + alices_tokens["refresh_token"][22:], authentic=False)
    superuser.execute("UPDATE refresh_tokens SET family_hash = %s, current_hash = %s", [old.family_hash, old.hash])
    second = await following(anonymous, old.text)
    assert await following(anonymous, old.text) == second
    third = await following(anonymous, second)
    assert await refused(anonymous, old.text)
    fourth = await following(anonymous, third)
    superuser.execute("UPDATE refresh_tokens SET previous_hash = %s", [old.hash])
    assert await refused(anonymous, old.text), "the database knows it as the one before"
    assert await refused(anonymous, fourth)


async def test_a_token_that_was_not_used_for_30_days_is_none(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    left = superuser.execute(
        "SELECT expires_at - now() > interval '29 days 23 hours' FROM refresh_tokens"
    ).fetchone()
    assert left == (True,)
    superuser.execute("UPDATE refresh_tokens SET expires_at = expires_at - interval '10 days'")
    token = await following(anonymous, alices_tokens["refresh_token"])
    left = superuser.execute(
        "SELECT expires_at - now() > interval '29 days 23 hours' FROM refresh_tokens"
    ).fetchone()
    assert left == (True,)
    superuser.execute("UPDATE refresh_tokens SET expires_at = expires_at - interval '30 days'")
    assert await refused(anonymous, token)


async def test_the_database_has_nothing_that_could_be_used(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    token = await following(anonymous, alices_tokens["refresh_token"])
    ((row,),) = superuser.execute("SELECT refresh_tokens::text FROM refresh_tokens").fetchall()
    assert token not in row
    assert token[:22] not in row


@pytest.fixture
def purges_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(INTERVAL, 0)


@pytest.mark.usefixtures("purges_at_once")  # before the first log-in, which says when the next purge is due
async def test_families_whose_time_is_over_are_purged_and_others_are_not(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    kept = await log_in(anonymous, "alice")
    await purges_end()
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (2,)
    superuser.execute(OVER, [RefreshToken(alices_tokens["refresh_token"], authentic=True).family_hash])
    token = await following(anonymous, kept["refresh_token"])
    await purges_end()
    assert superuser.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (1,)
    assert not await refused(anonymous, token)


async def test_the_purge_finds_what_is_over_by_an_index(
    alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    superuser.execute("""
        INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at)
        SELECT sha256(n::text::bytea), account_id, current_hash, now() + (n - 500) * interval '1 minute'
          FROM refresh_tokens, generate_series(1, 20000) AS n
    """)
    superuser.execute("ANALYZE refresh_tokens")
    purge = PURGE_TOKENS.sql.replace("%(batch)s", str(PURGE_BATCH))
    plan = "\n".join(line for (line,) in superuser.execute(f"EXPLAIN {purge}".encode()))
    assert "Seq Scan" not in plan, plan
    assert "ix_refresh_tokens_expires_at" in plan
