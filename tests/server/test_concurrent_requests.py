"""Clients that hold requests by not reading: they use up what is theirs, until they are gone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from taskward.app import create_app
from taskward.server.protocol import BoundedProtocol
from taskward.settings import Settings
from tests.accounts.people import PASSWORD
from tests.server.running import running
from tests.server.test_slow_clients import ALICE, BOB, MANY_TASKS
from tests.server.wire import Wire, request

MOST = 4
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
LOG_IN = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORD}


class Patient(BoundedProtocol):
    seconds = 60


class Hasty(BoundedProtocol):
    seconds = 0.5
    tick = 0.05


@pytest.fixture
def settings(settings: Settings, superuser: psycopg.Connection) -> Settings:
    superuser.execute(MANY_TASKS)
    return settings.model_copy(update={"max_concurrent_requests": MOST})


@pytest.fixture(params=[Patient])
def url(settings: Settings, request: pytest.FixtureRequest) -> Iterator[str]:
    with running(settings, request.param) as address:
        yield address


@asynccontextmanager
async def slow_readers(url: str, asked: bytes, number: int) -> AsyncIterator[None]:
    """So many connections that ask and take no more than the first byte of the response."""
    address, loop = urlsplit(url), asyncio.get_running_loop()
    connections = [socket.socket() for _ in range(number)]
    for connection in connections:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(connection, (address.hostname, address.port))
        await loop.sock_sendall(connection, asked)
    try:
        for connection in connections:
            assert await loop.sock_recv(connection, 1) == b"H"
        yield
    finally:
        for connection in connections:
            connection.close()


async def status(url: str, path: str, headers: dict[str, str]) -> int:
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        return (await client.get(path)).status_code


async def until_all_is_given_back(url: str, path: str, headers: dict[str, str]) -> None:
    async with asyncio.timeout(30):
        while await asyncio.gather(*(status(url, path, headers) for _ in range(MOST))) != [200] * MOST:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # what a server has seen of a closed connection, nobody outside is told


USERS = (request("GET", "/tasks?limit=1000", "alice"), "/tasks?limit=1", ALICE)
STRANGERS: tuple[bytes, str, dict[str, str]] = (request("GET", "/docs/assets/swagger-ui-bundle.js"), "/docs", {})


@pytest.mark.parametrize(("asked", "path", "headers"), [USERS, STRANGERS], ids=["a user", "strangers"])
async def test_slow_readers_use_up_what_is_theirs_alone(
    url: str, asked: bytes, path: str, headers: dict[str, str]
) -> None:
    async with slow_readers(url, asked, MOST):
        assert await status(url, path, headers) == 429
        assert await status(url, "/tasks?limit=1", BOB) == 200
        assert await status(url, "/health/live", {}) == 200
        other, told = ("/docs", {}) if headers else ("/tasks?limit=1", ALICE)
        assert await status(url, other, told) == 200
    await until_all_is_given_back(url, path, headers)


@pytest.mark.parametrize("url", [Hasty], indirect=True)
@pytest.mark.parametrize(("asked", "path", "headers"), [USERS, STRANGERS], ids=["a user", "strangers"])
async def test_who_is_cut_off_holds_nothing(url: str, asked: bytes, path: str, headers: dict[str, str]) -> None:
    async with slow_readers(url, asked, MOST):
        await until_all_is_given_back(url, path, headers)


async def test_who_goes_away_in_the_middle_of_a_body_holds_nothing(url: str) -> None:
    head = request("POST", "/tasks", "alice", b"Content-Type: application/json\r\nContent-Length: 60\r\n") + b"{"
    address = urlsplit(url)
    writers = [(await asyncio.open_connection(address.hostname, address.port))[1] for _ in range(MOST)]
    for writer in writers:
        writer.write(head)
    async with asyncio.timeout(30):
        while await status(url, "/tasks?limit=1", ALICE) != 429:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for writer in writers:
        writer.close()
    await until_all_is_given_back(url, "/tasks?limit=1", ALICE)


async def test_pipelined_requests_are_one_at_a_time(url: str) -> None:
    async with slow_readers(url, USERS[0] * 20, 1):
        assert [await status(url, "/tasks?limit=1", ALICE) for _ in range(MOST)] == [200] * MOST


def form(url: str, path: str, **fields: str) -> httpx2.Response:
    return httpx2.post(url + path, data=fields, timeout=30)


def test_half_of_a_body_takes_nothing_from_others_of_the_address(url: str) -> None:
    account = {"email": "alice@example.com", "password": PASSWORD}
    half = request("POST", "/auth/token", None, FORM + b"Content-Length: 60\r\n") + b"grant_type="
    with ExitStack() as stack:
        for _ in range(2 * MOST):
            stack.enter_context(Wire(url)).send(half)
        assert httpx2.post(url + "/auth/register", json=account, timeout=30).status_code == 201
        assert form(url, "/auth/token", **LOG_IN).status_code == 200
        assert httpx2.get(url + "/docs", timeout=30).status_code == 200


async def test_slow_readers_keep_nobody_out_who_has_logged_in_before(url: str) -> None:
    account = {"email": "alice@example.com", "password": PASSWORD}
    assert httpx2.post(url + "/auth/register", json=account, timeout=30).status_code == 201
    tokens = form(url, "/auth/token", **LOG_IN).json()
    made_up = {"grant_type": "refresh_token", "refresh_token": "A" * 64}
    async with slow_readers(url, STRANGERS[0], MOST):
        assert httpx2.post(url + "/auth/register", json=account, timeout=30).status_code == 429
        assert form(url, "/auth/token", **LOG_IN).status_code == 429
        assert form(url, "/auth/token", **made_up).status_code == 429
        assert form(url, "/auth/revoke", token="A" * 64).status_code == 429
        assert form(url, "/auth/token", **LOG_IN, device_token=tokens["device_token"]).status_code == 200
        refreshed = form(url, "/auth/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert refreshed.status_code == 200
        assert form(url, "/auth/revoke", token=refreshed.json()["refresh_token"]).status_code == 200


def test_no_other_route_with_a_body_is_for_strangers(settings: Settings) -> None:
    """Each of them has to count its requests itself."""
    paths = create_app(settings).openapi()["paths"]
    operations = [(path, each) for path, methods in paths.items() for each in methods.values()]
    open_to_all = {path for path, each in operations if "requestBody" in each and "security" not in each}
    assert open_to_all == {"/auth/register", "/auth/token", "/auth/revoke", "/auth/password/reset"}
