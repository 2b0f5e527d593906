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
from tests.web.people import Person, visiting

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
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_config=None))
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
async def member(person: Person) -> Person:
    """Alice, signed in."""
    await person.sign_up()
    return person
