"""A real browser, and the service behind a real HTTP server."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright, expect

from taskward.app import create_app
from taskward.settings import Settings
from tests.accounts.conftest import quicken
from tests.web.chromium import find_chromium
from tests.web.people import Person, coming, visiting

STOP_SECONDS = 1  # who waits for changes would hold it up for half a minute: a page that is open, or a proxy
expect.set_options(timeout=15_000)  # milliseconds: what is to be seen may take its time on a busy machine


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.path, env=chromium.environment)
        yield browser
        await browser.close()


@contextmanager
def served(settings: Settings, port: int = 0) -> Iterator[str]:
    """Run the service in a thread, at a port if one is named; yield its address. Its passwords take no time."""
    app = create_app(settings)
    if settings.accounts_enabled:
        quicken(app)
    config = uvicorn.Config(app, lifespan="on", ws="none", log_config=None, timeout_graceful_shutdown=STOP_SECONDS)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()  # who connects before it accepts waits in the queue of the listener
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def service(settings: Settings) -> Iterator[str]:
    with served(settings) as url:
        yield url


@pytest.fixture
async def person(browser: Browser, service: str) -> AsyncIterator[Person]:
    """Alice, with the page before her and no account yet."""
    async with visiting(browser, service) as person:
        yield person


@pytest.fixture
async def newcomer(person: Person) -> Person:
    """Alice, who has just signed up on the page: it has in it, and keeps, whatever comes of that."""
    await person.sign_up()
    return person


@pytest.fixture
async def coming_member(browser: Browser, service: str) -> AsyncIterator[Person]:
    """Alice, signed in, before she opens the page."""
    async with coming(browser, service) as person:
        await person.join()
        yield person


@pytest.fixture
async def member(coming_member: Person) -> Person:
    """Alice, signed in, with the page before her."""
    await coming_member.arrive()
    return coming_member
