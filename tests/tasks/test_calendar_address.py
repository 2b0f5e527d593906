"""The address of a calendar: whom it lets in, what it tells anybody else, and what a poll costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from taskward.api.state import state_of
from taskward.auth import verify
from taskward.auth.issue import issue_token
from taskward.auth.personal_tokens import new_token
from taskward.errors import CalendarNotFoundError
from taskward.settings import Settings
from taskward.tasks.page import MAX_PAGE_BYTES
from tests.accounts.people import delete_me, log_in, register
from tests.altered import with_another, with_two_swapped
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.tasks.test_calendar import DAY, MANY, address_of, create
from tests.tasks.test_page_size import LARGEST
from tests.tasks.wire import CountingProxy

pytestmark = pytest.mark.quick

ALICES = ("SUMMARY:Buy milk", "alice", "Buy")


def token_in(path: str) -> str:
    return path.removeprefix("/calendar/").removesuffix(".ics")


def told(response: httpx2.Response) -> tuple[Any, ...]:
    """All that a response tells but its request id."""
    headers = sorted(each for each in response.headers.items() if each[0] != "x-request-id")
    return response.status_code, headers, response.content


@pytest.fixture
async def nothing(anonymous: Client) -> tuple[Any, ...]:
    """What somebody gets who makes up an address."""
    response = await anonymous.get(f"/calendar/{new_token()}.ics")
    assert (response.status_code, response.json()["code"]) == (404, "CALENDAR_NOT_FOUND")
    return told(response)


async def test_whoever_has_the_address_reads_the_calendar_and_nobody_else_does(
    anonymous: Client, alice: Client, bob: Client, nothing: tuple[Any, ...]
) -> None:
    await create(alice, "Buy milk", **DAY)
    path = await address_of(alice)
    for client in (anonymous, bob, alice):
        assert "SUMMARY:Buy milk" in (await client.get(path)).text
    bobs = await bob.get(await address_of(bob))
    assert not any(text in bobs.text for text in ALICES)
    assert told(await anonymous.get("/calendar/alice.ics")) == nothing


def altered(token: str) -> list[str]:
    """A token, wrong in every way."""
    return [
        token[:-1], token[1:], token[:27], token + "x", token.upper(), token.swapcase(), token[4:], token * 2,
        with_another(token, 20), with_two_swapped(token, 10), "twp_" + "A" * 49, "twp_", "x", f"{token}.ics",
        f" {token}",
        f"{token}%20", f"{token}%00", f"{token}%0A", "%C3%BC" + token, token.replace("t", "%74", 1)[:-1],
        issue_token("alice", SECRET.encode(), "HS256", 300), f"Bearer%20{token}",
    ]  # fmt: skip


async def test_an_address_that_is_altered_is_none_and_costs_no_query(
    app: FastAPI, anonymous: Client, alice: Client, nothing: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(alice, "Buy milk", **DAY)
    path = await address_of(alice)
    monkeypatch.setattr(state_of(app).database, "run", None)
    monkeypatch.setattr(verify, "prevalidate", None)  # nor is any other kind of token verified
    for token in altered(token_in(path)):
        assert told(await anonymous.get(f"/calendar/{token}.ics")) == nothing, token


async def test_an_address_that_has_ended_is_none(
    app: FastAPI, anonymous: Client, alice: Client, superuser: psycopg.Connection, nothing: tuple[Any, ...]
) -> None:
    expired, revoked = await address_of(alice), await address_of(alice)
    superuser.execute(
        "UPDATE personal_tokens SET expires_at = now() WHERE id = (SELECT min(id) FROM personal_tokens)"
    )
    statuses = {path: (await anonymous.get(path)).status_code for path in (expired, revoked)}
    assert sorted(statuses.values()) == [200, 404]
    (kept,) = (path for path, status in statuses.items() if status == 200)
    for path in {expired, revoked} - {kept}:
        for _ in range(2):
            assert told(await anonymous.get(path)) == nothing
    for token in (await alice.get("/auth/tokens")).json()["tokens"]:
        await alice.delete(f"/auth/tokens/{token['id']}")
    await state_of(app).log_ins.look()
    assert told(await anonymous.get(kept)) == nothing


@pytest.fixture
async def registered_bob(app: FastAPI) -> AsyncIterator[Client]:
    """Bob with an account of his own."""
    async with connect(app) as client:
        await register(client, "bob")
        client.headers["Authorization"] = f"Bearer {(await log_in(client, 'bob'))['access_token']}"
        yield client


async def test_the_calendar_of_whoever_is_deleted_is_gone_at_once(
    anonymous: Client, alice: Client, registered_bob: Client, nothing: tuple[Any, ...]
) -> None:
    for owner in (alice, registered_bob):
        await create(owner, "Buy milk", **DAY)
        path = await address_of(owner)
        assert (await anonymous.get(path)).status_code == 200
        assert (await delete_me(owner)).status_code == 204
        gone = await anonymous.get(path)  # and this worker still takes the token for good
        assert (gone.status_code, gone.content) == (nothing[0], nothing[2])


async def test_a_user_who_is_gone_has_no_calendar_also_where_no_worker_has_heard_of_it(
    app: FastAPI, anonymous: Client, alice: Client, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_of(app).log_ins, "_clock", lambda: 1000.0)
    path = await address_of(alice)
    for _ in range(2):
        assert (await anonymous.get(path)).status_code == 200
    superuser.execute("DELETE FROM users WHERE id = 'alice'")
    assert (await anonymous.get(path)).json()["code"] == "CALENDAR_NOT_FOUND"


@pytest.mark.parametrize("scopes", [["tasks:read"], ["tasks:write"], ["tasks:read", "tasks:write"]])
async def test_a_token_for_something_else_is_no_calendars(
    anonymous: Client, alice: Client, nothing: tuple[Any, ...], scopes: list[str]
) -> None:
    token = (await alice.post("/auth/tokens", json={"name": "x", "scopes": scopes})).json()["token"]
    for _ in range(2):  # when it is looked for, and when it is known
        assert told(await anonymous.get(f"/calendar/{token}.ics")) == nothing


async def test_a_token_for_calendars_and_something_else_is_no_calendars(
    anonymous: Client, alice: Client, superuser: psycopg.Connection, nothing: tuple[Any, ...]
) -> None:
    path = await address_of(alice)
    superuser.execute("UPDATE personal_tokens SET scopes = '{calendar,tasks:read}'")
    assert told(await anonymous.get(path)) == nothing


async def test_only_get_and_head_and_no_unknown_parameter(anonymous: Client, alice: Client) -> None:
    path = await address_of(alice)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = await anonymous.request(method, path)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    for query in ("?as=journal", "?as=", "?as=todo&as=todo", "?more=1", "?shown_as=todo"):
        assert (await anonymous.get(path + query)).json()["code"] == "VALIDATION_ERROR", query
        assert (await anonymous.get("/calendar/x.ics" + query)).status_code == 404, "who asks comes first"


async def test_head_is_get_without_a_body(anonymous: Client, alice: Client) -> None:
    await create(alice, "Buy milk", **DAY)
    path = await address_of(alice)
    got, head = await anonymous.get(path), await anonymous.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for headers in (got.headers, head.headers):
        del headers["x-request-id"], headers["ratelimit"]
    assert head.headers == got.headers
    assert (await anonymous.head("/calendar/x.ics")).status_code == 404


async def test_its_headers_keep_the_address_and_the_calendar_to_whoever_asks(
    anonymous: Client, alice: Client
) -> None:
    path = await address_of(alice)
    for asked in (path, "/calendar/x.ics"):
        response = await anonymous.get(asked)
        assert response.headers["referrer-policy"] == "no-referrer"
        assert {"private", "no-store"} & set(response.headers["cache-control"].split(", "))
    response = await anonymous.get(path)
    assert response.headers["content-disposition"] == 'inline; filename="tasks.ics"'
    assert token_in(path) not in str(response.headers) + response.text


async def test_what_has_not_changed_is_not_sent_again(anonymous: Client, alice: Client, bob: Client) -> None:
    path, bobs = await address_of(alice), await address_of(bob)
    task = await create(alice, "Buy milk", **DAY)
    await create(bob, "Buy eggs", **DAY)
    first = await anonymous.get(path)
    held = {"If-None-Match": first.headers["etag"]}
    for method in ("GET", "HEAD"):
        unchanged = await anonymous.request(method, path, headers=held)
        assert (unchanged.status_code, unchanged.headers["etag"]) == (304, first.headers["etag"])
        assert unchanged.headers["cache-control"] == first.headers["cache-control"] == "private, no-cache"
    other = await address_of(alice)
    assert (await anonymous.get(other, headers=held)).status_code == 304, "the same calendar at another address"
    for elsewhere in (bobs, f"{path}?as=todo"):
        assert (await anonymous.get(elsewhere, headers=held)).status_code == 200
    for write in (
        alice.patch(f"/tasks/{task['id']}", json={"due_date": "2026-11-28"}),
        alice.patch(f"/tasks/{task['id']}/complete"),
        alice.delete(f"/tasks/{task['id']}"),
    ):
        assert (await write).is_success
        changed = await anonymous.get(path, headers=held)
        assert changed.status_code == 200
        held = {"If-None-Match": changed.headers["etag"]}
    assert "VEVENT" not in changed.text


@pytest.fixture
async def counted(settings: Settings, wire: CountingProxy) -> AsyncIterator[FastAPI]:
    """The application with one connection, behind a proxy that counts."""
    assert settings.database_url is not None
    url = SecretStr(wire.behind(settings.database_url.get_secret_value()))
    one = {"db_pool_size": 1, "db_max_overflow": 0, "database_url": url}
    async with started(settings.model_copy(update=one)) as app:
        yield app


async def test_a_poll_is_one_round_trip_and_a_page_is_one(
    counted: FastAPI, wire: CountingProxy, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_of(counted).log_ins, "_clock", lambda: 1000.0)
    async with connect(counted, "alice", SECRET) as alice, connect(counted) as anonymous:
        path = await address_of(alice)
        superuser.execute(MANY, [250])
        held = {}
        for _ in range(3):  # the token is found, its use is noted, and then it is known
            response = await anonymous.get(path)
            held = {"If-None-Match": response.headers["etag"]}
        for headers, status, pages in ((held, 304, 1), ({}, 200, 3)):
            before = wire.round_trips
            assert (await anonymous.get(path, headers=headers)).status_code == status
            assert wire.round_trips - before == pages


async def test_nothing_can_be_written_for_it(
    app: FastAPI, anonymous: Client, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await address_of(alice)
    database = state_of(app).database
    acting, seen = database.acting_as, []

    def watched(user_id: str, **more: Any) -> Any:
        transaction = acting(user_id, **more)
        seen.append((user_id, transaction.only_reads))
        return transaction

    monkeypatch.setattr(database, "acting_as", watched)
    assert (await anonymous.get(path)).status_code == 200
    assert ("alice", True) in seen
    assert [each for each in seen if not each[1]] in ([], [("alice", False)]), "but for the note of its use"


async def test_it_counts_for_its_user_and_a_guess_for_its_address(alice: Client, settings: Settings) -> None:
    path = await address_of(alice)
    limits = {"auth_rate_limit": "2/minute", "rate_limit": "3/minute"}
    async with started(settings.model_copy(update=limits)) as strict, connect(strict) as anonymous:
        guesses = [(await anonymous.get(f"/calendar/{new_token()}.ics")) for _ in range(3)]
        assert [each.status_code for each in guesses] == [404, 404, 429]
        polls = [await anonymous.get(path) for _ in range(4)]
        assert [each.status_code for each in polls] == [200, 200, 200, 429]
        assert polls[0].headers["ratelimit"].startswith('"default";r=2')
        async with connect(strict, "alice", SECRET) as herself:
            assert (await herself.get("/tasks")).status_code == 429


@asynccontextmanager
async def unread(app: FastAPI, path: str) -> AsyncIterator[list[bytes]]:
    """A client that takes the first piece of a response, and then reads no more until the end of the block."""
    taken: list[bytes] = []
    first, go_on = asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        taken.append(message.get("body", b""))
        if len(taken) == 2:
            first.set()
            await go_on.wait()

    async def receive() -> Any:
        await go_on.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    answering = asyncio.create_task(app(scope, receive, send))
    try:
        await first.wait()
        yield taken
    finally:
        go_on.set()
        await answering


@pytest.mark.parametrize("character", LARGEST.values(), ids=LARGEST)
async def test_what_is_not_read_yet_is_a_page_at_most(
    app: FastAPI, alice: Client, superuser: psycopg.Connection, character: str
) -> None:
    path = await address_of(alice)
    superuser.execute(
        "INSERT INTO tasks (user_id, title, description, tags, due_date, due_time)"
        " SELECT 'alice', repeat(%(it)s, 200), repeat(%(it)s, 1000),"
        "        array_fill(repeat(%(printable)s, 50), '{20}'), '2026-11-27', '18:00'"
        "   FROM generate_series(1, 350)",
        {"it": character, "printable": max(character, " ")},
    )
    async with unread(app, path) as taken:
        assert len(taken[1]) > 0
    assert b"".join(taken).endswith(b"END:VCALENDAR\r\n")
    assert b"".join(taken).count(b"BEGIN:VEVENT\r\n") == 350
    assert max(map(len, taken)) <= MAX_PAGE_BYTES * 1.1


async def test_somebody_has_so_many_unread_and_no_more_and_keeps_out_nobody_else_of_the_address(
    alice: Client, bob: Client, settings: Settings, superuser: psycopg.Connection
) -> None:
    path, bobs = await address_of(alice), await address_of(bob)
    superuser.execute(MANY, [200])
    few = settings.model_copy(update={"max_concurrent_requests": 2})
    async with started(few) as app, connect(app) as anonymous:
        async with unread(app, path), unread(app, path):
            refused = await anonymous.get(path)
            assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
            assert (await anonymous.get(bobs)).status_code == 200
        assert (await anonymous.get(path)).status_code == 200


def test_the_refusal_says_what_to_do() -> None:
    assert "Make a new address" in CalendarNotFoundError().detail
