"""Another password: with the one of now, and all other log-ins end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from taskward.accounts.service import AccountService
from taskward.api.state import state_of
from taskward.auth.new_passwords import COMMON, OWN_ADDRESS
from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, ask, delete_me, log_in, refresh, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.patience import WAITING

pytestmark = pytest.mark.quick

Tokens = dict[str, str]

NEW = "another correct horse"


async def change(client: Client, current: str = PASSWORD, new: str = NEW) -> httpx2.Response:
    return await client.post("/auth/password", json={"current": current, "new": new})


async def knows(client: Client, password: str, person: str = "alice") -> bool:
    form = {"grant_type": "password", "username": f"{person}@example.com", "password": password}
    return (await ask(client, **form)).status_code == 200


def stored(superuser: psycopg.Connection) -> list[tuple[Any, ...]]:
    return superuser.execute("SELECT * FROM accounts LEFT JOIN refresh_tokens ON account_id = id").fetchall()


async def test_who_has_no_token_or_no_account_changes_nothing(
    anonymous: Client, bob: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    before = stored(superuser)
    assert (await change(anonymous)).json()["code"] == "TOKEN_MISSING"
    response = await change(bob)
    assert response.status_code == 401
    assert response.json() == {"detail": "You have no password here.", "code": "CREDENTIALS_INVALID"}
    assert stored(superuser) == before


async def test_the_new_password_is_good_and_the_old_one_is_not(
    registered_alice: Client, anonymous: Client
) -> None:
    await register(anonymous, "bob")
    response = await change(registered_alice)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["cache-control"] == "no-store"
    assert [await knows(anonymous, password) for password in (PASSWORD, NEW)] == [False, True]
    assert await knows(anonymous, PASSWORD, "bob")


async def test_this_log_in_goes_on_and_all_others_end(
    app: FastAPI, registered_alice: Client, anonymous: Client, alices_tokens: Tokens
) -> None:
    await register(anonymous, "bob")
    bobs = await log_in(anonymous, "bob")
    others = [await log_in(anonymous, "alice") for _ in range(2)]
    async with logged_in(app, others[0]) as other, logged_in(app, bobs) as bob:
        clients = (registered_alice, bob, other)
        assert [(await client.get("/tasks")).status_code for client in clients * 2] == [200] * 6
        assert (await change(registered_alice)).status_code == 204
        await state_of(app).log_ins.look()
        assert [(await client.get("/tasks")).status_code for client in clients] == [200, 200, 401]
    tokens = [tokens["refresh_token"] for tokens in (alices_tokens, bobs, *others)]
    assert [(await refresh(anonymous, token)).status_code for token in tokens] == [200, 200, 401, 401]


async def test_with_a_token_of_no_log_in_all_end(app: FastAPI, anonymous: Client, alices_tokens: Tokens) -> None:
    async with connect(app, alices_tokens["user_id"], SECRET) as alice:
        assert (await change(alice)).status_code == 204
    assert (await refresh(anonymous, alices_tokens["refresh_token"])).status_code == 401


async def test_a_wrong_password_changes_nothing(registered_alice: Client, superuser: psycopg.Connection) -> None:
    before = stored(superuser)
    for wrong in ("wrong horse", PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), NEW):
        response = await change(registered_alice, wrong)
        assert response.status_code == 401
        assert response.json() == {"detail": "The current password is wrong.", "code": "CREDENTIALS_INVALID"}
    assert stored(superuser) == before


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("1234567", "A password has 8 to 128 characters"),
        ("x" * 129, "A password has 8 to 128 characters"),
        ("iloveyou", COMMON),
        ("ALICE@example.com", OWN_ADDRESS),
    ],
)
async def test_what_cannot_be_a_password_is_refused_with_its_reason(
    registered_alice: Client, superuser: psycopg.Connection, new: str, sentence: str
) -> None:
    before = stored(superuser)
    response = await change(registered_alice, new=new)
    assert response.status_code == 400
    assert response.json()["errors"] == [{"field": "new", "message": sentence}]
    assert stored(superuser) == before


async def test_nothing_is_trimmed(registered_alice: Client, anonymous: Client) -> None:
    assert (await change(registered_alice, new=" 12345678 ")).status_code == 204
    assert [await knows(anonymous, password) for password in ("12345678", " 12345678 ")] == [False, True]


async def test_guesses_are_limited_as_log_ins_are_and_strangers_use_up_none(
    settings: Settings, anonymous: Client, alices_tokens: Tokens
) -> None:
    """Counted for the account, whichever of its log-ins they come from."""
    other = await log_in(anonymous, "alice")
    limited = settings.model_copy(update={"auth_rate_limit": "3/minute"})
    async with started(limited) as app, connect(app) as stranger:
        quicken(app)
        form = {"grant_type": "password", "username": "alice@example.com", "password": "wrong horse"}
        assert [(await ask(stranger, **form)).status_code for _ in range(4)] == [401] * 3 + [429]
        async with logged_in(app, alices_tokens) as one, logged_in(app, other) as two:
            statuses = [(await change(client, "wrong horse")).status_code for client in (one, two, one, two)]
            assert statuses == [401] * 3 + [429]
            assert (await change(one)).status_code == 429, "also the right one"


async def test_of_two_changes_at_once_one_is_done(registered_alice: Client, anonymous: Client) -> None:
    news = [NEW, "yet another horse"]
    responses = await asyncio.gather(*(change(registered_alice, new=new) for new in news))
    assert sorted(response.status_code for response in responses) == [204, 401]
    (good,) = [new for new, response in zip(news, responses, strict=True) if response.status_code == 204]
    assert [new for new in news if await knows(anonymous, new)] == [good]


async def test_a_token_that_outlives_its_account_changes_nothing(registered_alice: Client) -> None:
    await delete_me(registered_alice)
    assert (await change(registered_alice)).json()["code"] == "TOKEN_INVALID"


Verify = Callable[..., Coroutine[Any, Any, tuple[bool, str | None]]]


async def test_no_log_in_with_the_old_password_outlives_the_change(
    app: FastAPI, registered_alice: Client, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that was verified before the change, and begins after it."""
    passwords = state_of(app).service(AccountService).passwords
    verify: Verify = passwords.verify
    changes = [NEW]

    async def changed_meanwhile(*arguments: Any, **options: Any) -> tuple[bool, str | None]:
        verified = await verify(*arguments, **options)
        if changes:
            new = changes.pop()
            assert (await change(registered_alice, new=new)).status_code == 204
        return verified

    monkeypatch.setattr(passwords, "verify", changed_meanwhile)
    assert not await knows(anonymous, PASSWORD)
    assert not changes
    assert await knows(anonymous, NEW)


async def test_a_refresh_that_waited_for_the_end_of_its_log_in_does_not_undo_it(
    anonymous: Client, alices_tokens: Tokens, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("SELECT FROM refresh_tokens FOR UPDATE")
        waiting = asyncio.create_task(refresh(anonymous, alices_tokens["refresh_token"]))
        while not waiting.done() and superuser.execute(WAITING).fetchone() == (0,):  # noqa: ASYNC110  # has no event
            await asyncio.sleep(0.01)
        superuser.execute("UPDATE refresh_tokens SET expires_at = clock_timestamp()")
    assert (await waiting).status_code == 401
    assert superuser.execute("SELECT count(*) FROM refresh_tokens WHERE expires_at > now()").fetchone() == (0,)


async def test_a_log_in_that_is_about_to_commit_ends_with_the_others(
    registered_alice: Client, superuser: psycopg.Connection
) -> None:
    """It began with the old password, and holds the account: the change waits for it, and then must see it."""
    begun = "INSERT INTO refresh_tokens (family_hash, account_id, current_hash, expires_at)"
    with superuser.transaction():
        superuser.execute("SELECT FROM accounts FOR SHARE")
        superuser.execute(f"{begun} SELECT sha256('x'), id, sha256('y'), now() + interval '30 days' FROM accounts")
        waiting = asyncio.create_task(change(registered_alice))
        while not waiting.done() and superuser.execute(WAITING).fetchone() == (0,):  # noqa: ASYNC110  # has no event
            await asyncio.sleep(0.01)
    assert (await waiting).status_code == 204
    going_on = "SELECT count(*) FROM refresh_tokens WHERE family_hash = sha256('x') AND expires_at > now()"
    assert superuser.execute(going_on).fetchone() == (0,)
