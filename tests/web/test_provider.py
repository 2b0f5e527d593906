"""Signing in with a real provider, in a real browser."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, Page, expect

from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.oidc.conftest import CALLBACK, CLIENT, start_provider

BUTTON = "Sign in with 127.0.0.1"


@contextmanager
def served(folder: Path, database_url: str, **more: Any) -> Iterator[str]:
    """The service and its provider, which know each other's addresses; yield the service's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with start_provider(folder, redirect_uris=[url + CALLBACK]) as provider:
            settings = {
                "DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, "PUBLIC_URL": url,
                "OIDC_ISSUER": provider.url, **CLIENT, **more,
            }  # fmt: skip
            app = create_app(Settings.model_validate(settings))
            server = uvicorn.Server(uvicorn.Config(app, lifespan="on", ws="none", log_config=None))
            thread = threading.Thread(target=server.run, args=([listener],))
            thread.start()  # who connects before it accepts waits in the queue of the listener
            try:
                yield url
            finally:
                server.should_exit = True
                thread.join()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    await context.route("**://fonts.googleapis.com/**", lambda route: route.abort())  # of the provider's page
    yield await context.new_page()
    await context.close()


async def log_in(page: Page, *, agree: bool = True) -> None:
    """Sign in at the provider, and agree or do not."""
    await page.get_by_role("button", name=BUTTON).click()
    await page.get_by_placeholder("Enter any login").fill("alice")
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await expect(page.get_by_role("button", name="Continue")).to_be_visible()
    if agree:
        await page.get_by_role("button", name="Continue").click()
    else:
        await page.get_by_role("link", name="Cancel").click()


async def test_alice_signs_in_and_nothing_of_it_stays_in_the_address(
    page: Page, database_url: str, tmp_path: Path
) -> None:
    with served(tmp_path, database_url) as url:
        await page.goto(url)
        await expect(page.get_by_label("E-mail address")).to_be_visible()  # passwords as well
        await log_in(page)
        await expect(page.get_by_label("New task")).to_be_focused()
        assert page.url == f"{url}/"
        assert "verifier" not in await page.evaluate("Object.keys(sessionStorage).join()")
        await expect(page.locator("#who")).to_be_visible()
        await page.get_by_role("button", name="Account").click()
        await expect(page.get_by_role("button", name="Change password")).to_be_hidden()
        await page.get_by_role("button", name="Close").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("button", name=BUTTON)).to_be_visible()


async def test_who_does_not_agree_reads_why_and_can_try_again(
    page: Page, database_url: str, tmp_path: Path
) -> None:
    with served(tmp_path, database_url, OIDC_ONLY="true") as url:
        await page.goto(url)
        await expect(page.get_by_label("E-mail address")).to_be_hidden()
        await log_in(page, agree=False)
        await expect(
            page.get_by_role("alert").filter(has_text="You have not let the provider say")
        ).to_be_visible()
        await expect(page.get_by_role("button", name=BUTTON)).to_be_focused()
        assert page.url == f"{url}/"


async def test_a_code_of_somebody_else_signs_nobody_in(page: Page, database_url: str, tmp_path: Path) -> None:
    with served(tmp_path, database_url) as url:
        await page.goto(f"{url}/#log-in-code=of-mallory")
        await expect(page.get_by_role("alert").filter(has_text="begun in another tab")).to_be_visible()
        assert page.url == f"{url}/"
        await page.evaluate("sessionStorage.setItem('taskward.verifier', 'x'.repeat(43))")
        await page.goto("about:blank")
        await page.goto(f"{url}/#log-in-code=of-mallory")
        await expect(page.get_by_role("alert").filter(has_text="Please log in again")).to_be_visible()


@pytest.mark.parametrize("passwords", ["with passwords", "with the provider alone"])
async def test_on_a_shared_computer_the_sign_in_ends_with_the_browser(
    page: Page, database_url: str, tmp_path: Path, passwords: str
) -> None:
    with served(tmp_path, database_url, OIDC_ONLY=str(passwords != "with passwords")) as url:
        await page.goto(url)
        for kind in ("kept", "shared"):
            if kind == "shared":
                await page.get_by_label("This is a shared computer").check()
            await log_in(page)
            await expect(page.get_by_label("New task")).to_be_focused()
            (cookie,) = [each for each in await page.context.cookies(url) if "refresh" in each["name"]]
            assert (cookie["expires"] == -1) is (kind == "shared")
            assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
            await page.reload()
            await expect(page.get_by_label("New task")).to_be_focused()
            await page.get_by_role("button", name="Sign out").click()
            await expect(page.get_by_role("button", name=BUTTON)).to_be_visible()
            await page.context.clear_cookies()  # the provider's too, which would ask for nothing


async def test_who_tries_too_often_reads_so_on_the_page(page: Page, database_url: str, tmp_path: Path) -> None:
    with served(tmp_path, database_url, AUTH_RATE_LIMIT="1/minute") as url:
        await page.goto(url)
        await page.get_by_role("button", name=BUTTON).click()
        await expect(page.get_by_placeholder("Enter any login")).to_be_visible()
        await page.goto(url)
        await page.get_by_role("button", name=BUTTON).click()
        await expect(page.get_by_role("alert").filter(has_text="Too many sign-ins")).to_be_visible()
        assert page.url == f"{url}/"
