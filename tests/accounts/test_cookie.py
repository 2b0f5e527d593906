"""The refresh token of the page, in a cookie: who gets it, who can use it, and how it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from taskward.settings import Settings
from tests.accounts.conftest import logged_in, quicken
from tests.accounts.people import PASSWORD, log_in, refresh, register
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.purges import purges_end

pytestmark = pytest.mark.quick

HERE = {"Sec-Fetch-Site": "same-origin", "Origin": "https://taskward.test"}
NEAR = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}
LATER = "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'"
GOING_ON = "SELECT count(*) FROM refresh_tokens WHERE expires_at > now()"
DAYS = 86_400


@pytest.fixture
async def page(app: FastAPI, quick_passwords: None) -> AsyncIterator[Client]:
    """A client that keeps no cookie by itself, with alice registered."""
    async with connect(app) as client:
        await register(client, "alice")
        yield client
        await purges_end()


def cookie_of(response: httpx2.Response) -> Morsel[str]:
    """Return the one cookie that a response sets."""
    assert response.headers["cache-control"] == "no-store"
    (header,) = response.headers.get_list("set-cookie")
    (morsel,) = SimpleCookie(header).values()
    return morsel


async def post(
    client: Client, path: str, kept: Morsel[str] | None, origin: dict[str, str], form: dict[str, str]
) -> httpx2.Response:
    """Send a form as a browser would that keeps this cookie; the client itself keeps none."""
    client.cookies.clear()
    sent = {"Cookie": f"{kept.key}={kept.value}"} if kept else {}
    return await client.post(path, data=form, headers={**origin, **sent})


async def enter(
    client: Client,
    kind: str = "keep",
    person: str = "alice",
    *,
    origin: dict[str, str] = HERE,
    kept: Morsel[str] | None = None,
    password: str = PASSWORD,
) -> httpx2.Response:
    form = {"username": f"{person}@example.com", "password": password}
    return await post(client, "/auth/token", kept, origin, {"grant_type": "password", "cookie": kind, **form})


async def go_on(
    client: Client, kept: Morsel[str] | None, origin: dict[str, str] = HERE, **more: str
) -> httpx2.Response:
    return await post(
        client, "/auth/token", kept, origin, {"grant_type": "refresh_token", "cookie": "keep", **more}
    )


async def revoke(client: Client, kept: Morsel[str] | None, origin: dict[str, str] = HERE) -> httpx2.Response:
    return await post(client, "/auth/revoke", kept, origin, {"cookie": "clear"})


def token_of(cookie: Morsel[str]) -> str:
    return cookie.value.partition(".")[0]


async def test_the_cookie_has_the_refresh_token_and_the_response_has_not(page: Client) -> None:
    response = await enter(page)
    assert response.status_code == 200
    assert response.json().keys() == {
        "access_token", "token_type", "expires_in", "user_id", "device_token"
    }  # fmt: skip
    cookie = cookie_of(response)
    assert cookie.key.startswith("__Host-taskward_refresh_")
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Strict")
    assert cookie["secure"]
    assert cookie["httponly"]
    assert int(cookie["max-age"]) == 90 * DAYS
    assert token_of(cookie) not in response.text


async def test_only_near_and_by_http_it_is_not_secure(page: Client) -> None:
    for origin in ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"):
        cookie = cookie_of(await enter(page, origin={**NEAR, "Origin": origin}))
        assert cookie.key.startswith("taskward_refresh_")
        assert not cookie["secure"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
    for origin in (
        "https://127.0.0.1:8000",
        "http://10.0.0.1:8000",
        "http://localhost.example",
        "null",
        "http://[",
    ):
        cookie = cookie_of(await enter(page, origin={**NEAR, "Origin": origin}))
        assert cookie.key.startswith("__Host-")
        assert cookie["secure"]


async def test_everybody_else_gets_no_cookie(page: Client) -> None:
    credentials = {"username": "alice@example.com", "password": PASSWORD}
    response = await post(page, "/auth/token", None, HERE, {"grant_type": "password", **credentials})
    assert "set-cookie" not in response.headers
    again = await refresh(page, response.json()["refresh_token"])
    assert "set-cookie" not in again.headers
    assert again.json()["refresh_token"]


async def test_a_shared_computer_keeps_it_until_the_browser_is_closed(page: Client) -> None:
    cookie = cookie_of(await enter(page, "session"))
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    cookie = cookie_of(await go_on(page, cookie))
    assert (cookie["max-age"], cookie["expires"]) == ("", "")


async def test_it_ends_with_the_log_in_however_often_it_is_used(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_800_000_000.0
    monkeypatch.setattr("taskward.accounts.cookies.time.time", lambda: now)
    cookie = cookie_of(await enter(page))
    now += 10 * DAYS
    cookie = cookie_of(await go_on(page, cookie))
    assert int(cookie["max-age"]) == 80 * DAYS
    cookie.set(cookie.key, f"{token_of(cookie)}.{int(now) + 400 * DAYS}", "")
    assert int(cookie_of(await go_on(page, cookie))["max-age"]) == 90 * DAYS, "whatever its sender wrote"


async def test_the_cookie_gives_the_next_tokens(app: FastAPI, page: Client, superuser: psycopg.Connection) -> None:
    cookie = cookie_of(await enter(page))
    for _ in range(3):
        response = await go_on(page, cookie)
        assert response.status_code == 200, response.text
        assert response.json().keys() == {"access_token", "token_type", "expires_in", "user_id"}
        following = cookie_of(response)
        assert following.key == cookie.key
        assert token_of(following) != token_of(cookie)
        assert token_of(following) not in response.text
        cookie = following
        superuser.execute(LATER)
    async with logged_in(app, response.json()) as alice:
        assert (await alice.get("/auth/me")).json()["email"] == "alice@example.com"


async def test_a_lost_response_is_given_again_also_to_two_tabs_at_once(page: Client) -> None:
    cookie = cookie_of(await enter(page))
    responses = await asyncio.gather(*(go_on(page, cookie) for _ in range(10)))
    assert {response.status_code for response in responses} == {200}
    (text,) = {token_of(cookie_of(response)) for response in responses}
    assert text != token_of(cookie)


async def test_a_cookie_that_comes_back_later_ends_the_log_in_and_is_cleared(
    page: Client, superuser: psycopg.Connection
) -> None:
    first = cookie_of(await enter(page))
    newest = cookie_of(await go_on(page, first))
    superuser.execute(LATER)
    for cookie in (first, newest):
        response = await go_on(page, cookie)
        assert (response.status_code, response.json()["code"]) == (401, "CREDENTIALS_INVALID")
        assert is_cleared(response, cookie)


def is_cleared(response: httpx2.Response, cookie: Morsel[str]) -> bool:
    cleared = cookie_of(response)
    return (cleared.key, cleared.value, cleared["max-age"]) == (cookie.key, "", "0") and cleared["path"] == "/"


async def test_signing_out_ends_the_log_in_and_clears_the_cookie(
    page: Client, superuser: psycopg.Connection
) -> None:
    cookie = cookie_of(await enter(page))
    response = await post(page, "/auth/revoke", cookie, HERE, {"token_type_hint": "cookie"})
    assert response.status_code == 400, "neither a token nor a word of the cookie"
    assert superuser.execute(GOING_ON).fetchone() == (1,)
    response = await revoke(page, cookie)
    assert response.status_code == 200
    assert is_cleared(response, cookie)
    assert superuser.execute(GOING_ON).fetchone() == (0,)
    assert (await revoke(page, None)).status_code == 200
    assert (await go_on(page, cookie)).status_code == 401


async def test_a_log_in_ends_the_one_whose_cookie_it_replaces(page: Client, superuser: psycopg.Connection) -> None:
    await register(page, "bob")
    alices = cookie_of(await enter(page))
    wrong = await enter(page, person="bob", kept=alices, password="something else")
    assert wrong.status_code == 401
    assert superuser.execute(GOING_ON).fetchone() == (1,)
    bobs = cookie_of(await enter(page, person="bob", kept=alices))
    assert superuser.execute(GOING_ON).fetchone() == (1,)
    assert (await go_on(page, bobs)).status_code == 200
    assert (await go_on(page, alices)).status_code == 401


FOREIGN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://taskward.test"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "https://taskward.test"},
    {"Origin": "http://taskward.test:8000"},
    {"Origin": "http://taskward.test.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://front.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://front.example"},
    {"Origin": "https://taskward.test", "X-Forwarded-Proto": "https"},
]


class TestBesideAnAllowedOrigin:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, ALLOWED_ORIGINS="http://front.example")

    @pytest.mark.parametrize("origin", FOREIGN)
    async def test_nobody_but_the_page_itself_can_use_it(
        self, page: Client, superuser: psycopg.Connection, origin: dict[str, str]
    ) -> None:
        cookie = cookie_of(await enter(page))
        before = superuser.execute("SELECT * FROM refresh_tokens").fetchall()
        for response in (
            await go_on(page, cookie, origin),
            await revoke(page, cookie, origin),
            await enter(page, origin=origin),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "ORIGIN_REFUSED")
            assert "set-cookie" not in response.headers
        assert superuser.execute("SELECT * FROM refresh_tokens").fetchall() == before


@pytest.mark.parametrize(
    ("origin", "peer"),
    [
        ({"Origin": "http://taskward.test"}, "192.0.2.1"),
        ({"Origin": "https://tasks.example.com"}, "192.0.2.1"),
        ({"Origin": "https://taskward.test", "X-Forwarded-Proto": "https"}, "10.1.2.3"),
        ({"Origin": "https://seen.example", "Sec-Fetch-Site": "same-origin"}, "192.0.2.1"),
    ],
)
async def test_the_pages_own_origin_is_known_behind_proxies_too(
    database_url: str, origin: dict[str, str], peer: str
) -> None:
    async with behind_a_proxy(database_url, peer) as page:
        assert (await enter(page, origin=origin)).status_code == 200


async def test_only_a_trusted_proxy_says_how_a_page_came(database_url: str) -> None:
    told = {"Origin": "https://taskward.test", "X-Forwarded-Proto": "https"}
    async with behind_a_proxy(database_url, "192.0.2.1") as page:
        assert (await enter(page, origin=told)).status_code == 403


@asynccontextmanager
async def behind_a_proxy(database_url: str, peer: str, **more: Any) -> AsyncIterator[Client]:
    settings = Settings(
        DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, TRUSTED_PROXIES="10.0.0.0/8",
        PUBLIC_URL="https://tasks.example.com:443/tw", **more,
    )  # fmt: skip
    async with started(settings) as app, connect(app) as registrar:
        quicken(app)
        await register(registrar, "alice")
        transport = httpx2.ASGITransport(app, client=(peer, 1))
        async with Client(transport=transport, base_url="http://taskward.test") as client:
            yield client
            await purges_end()


async def test_services_on_one_host_have_cookies_of_different_names(page: Client, settings: Settings) -> None:
    names = {cookie_of(await enter(page, origin={**NEAR, "Origin": f"http://127.0.0.1:{n}"})).key for n in (1, 2)}
    names.add(cookie_of(await enter(page)).key)
    for changed in ({"root_path": "/a"}, {"root_path": "/b"}):
        async with started(settings.model_copy(update=changed)) as app, connect(app) as client:
            quicken(app)
            names.add(cookie_of(await enter(client)).key)
            await purges_end()
    assert len(names) == 5


async def test_without_a_cookie_of_ours_nothing_is_counted_as_a_guess(settings: Settings) -> None:
    limited = settings.model_copy(update={"auth_rate_limit": "2/minute"})
    async with started(limited) as app, connect(app) as page:
        responses = [await go_on(page, None) for _ in range(4)]
        assert [response.status_code for response in responses] == [401] * 4
        assert all("set-cookie" not in response.headers for response in responses)


async def test_what_is_made_up_is_counted_and_cleared(settings: Settings) -> None:
    limited = settings.model_copy(update={"auth_rate_limit": "2/minute"})
    async with started(limited) as app, connect(app) as page:
        quicken(app)
        await register(page, "alice")
        cookie = cookie_of(await enter(page))
        cookie.set(cookie.key, "A" * 64, "")
        statuses = [(await go_on(page, cookie)).status_code for _ in range(4)]
        await purges_end()
    assert statuses[-1] == 429
    assert set(statuses) == {401, 429}


async def test_a_token_in_the_form_is_not_taken_for_the_cookie(page: Client) -> None:
    tokens = await log_in(page, "alice")
    assert (await go_on(page, None, refresh_token=tokens["refresh_token"])).status_code == 401
    assert (await refresh(page, tokens["refresh_token"])).status_code == 200


async def test_the_cookie_alone_opens_no_route(app: FastAPI, page: Client) -> None:
    cookie = cookie_of(await enter(page))
    sent = {"Cookie": f"{cookie.key}={cookie.value}", **HERE}
    asked = 0
    for context in iter_route_contexts(app.routes):
        statuses = getattr(context.original_route, "responses", {})
        if 401 not in statuses or context.path in ("/auth/token", "/auth/password/reset"):
            continue
        path = str(context.path).format(user_id="alice", task_id=1, session_id="x", token_id="x")
        for method in context.methods or ():
            page.cookies.clear()
            response = await page.request(method, path, headers=sent)
            assert response.status_code == 401, (method, path)
            if method != "HEAD":
                assert response.json()["code"] == "TOKEN_MISSING"
            asked += 1
    assert asked > 25
    page.cookies.clear()
    form = {"grant_type": "refresh_token"}
    assert (await page.post("/auth/token", data=form, headers=sent)).status_code == 400, "nor without `cookie`"


async def test_no_log_has_it(
    page: Client, superuser: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        first = cookie_of(await enter(page))
        second = cookie_of(await go_on(page, first))
        superuser.execute(LATER)
        refused = await go_on(page, first)
        foreign = await go_on(page, second, {"Origin": "http://evil.example"})
        await revoke(page, second)
        metrics = await page.get("/metrics")
    assert caplog.text
    for text in (token_of(first), token_of(second)):
        assert text not in caplog.text + refused.text + foreign.text + metrics.text
