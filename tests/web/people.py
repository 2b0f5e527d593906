"""A person who uses the page, and what a browser must never have seen when they leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

EMAIL = "alice@example.com"
PASSWORD = "correct horse battery staple"
# Chromium tells of every refused request in this way, and the page is to deal with those.
REFUSED_REQUEST = "Failed to load resource"
NO_WORKERS = "delete Navigator.prototype.serviceWorker"


async def until(page: Page, condition: str, argument: Any = None, *, every: int = 20) -> None:
    """Wait until a function, in JavaScript, returns something true; it is asked `every` so many ms.

    Playwright's `wait_for_function` has the page read the words anew each time it looks, which our policy forbids:
    it fails unless the first look is enough.
    """
    look = f"while (!await ({condition})(argument)) await new Promise((go) => setTimeout(go, {every}))"
    async with asyncio.timeout(20):
        await page.evaluate(f"async (argument) => {{ {look} }}", argument)


class Person:
    """One tab of a person, and the things that people do on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    async def visit(self) -> None:
        await self.page.goto(self.url)

    async def join(self) -> None:
        """Make an account, and sign this browser in as the page does, before the page is open."""
        ask = self.page.context.request  # it has the cookies of the browser
        made = await ask.post(f"{self.url}/auth/register", data={"email": EMAIL, "password": PASSWORD})
        granted = await ask.post(
            f"{self.url}/auth/token",
            form={"grant_type": "password", "username": EMAIL, "password": PASSWORD, "cookie": "keep"},
            headers={"Origin": self.url},
        )
        assert [made.status, granted.status] == [201, 200]

    async def arrive(self) -> None:
        """Visit the page where this browser is signed in."""
        await self.visit()
        await expect(self.new_title).to_be_focused(timeout=20_000)

    async def sign_up(self, email: str = EMAIL) -> None:
        await self.page.get_by_role("button", name="I have no account yet").click()
        await self.sign_up_here(email)

    async def sign_up_here(self, email: str = EMAIL) -> None:
        """Sign up with the form as it is."""
        await self._enter(email, "Create an account")

    async def refresh_cookie(self) -> dict[str, Any] | None:
        """Return the cookie that has the refresh token, as the browser sees it, or None."""
        cookies: list[dict[str, Any]] = [dict(cookie) for cookie in await self.page.context.cookies()]
        assert all("taskward_refresh_" in cookie["name"] for cookie in cookies)
        assert len(cookies) <= 1
        return cookies[0] if cookies else None

    async def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        await self._enter(email, "Sign in", password)

    async def _enter(self, email: str, button: str, password: str = PASSWORD) -> None:
        await self.page.get_by_label("E-mail address").fill(email)
        await self.password.fill(password)
        await self.page.get_by_role("button", name=button).click()
        await expect(self.new_title).to_be_focused(timeout=20_000)

    @property
    def password(self) -> Locator:
        """Return the password of the sign-in form."""
        return self.page.locator("#sign-in").get_by_label("Password")

    @property
    def new_title(self) -> Locator:
        return self.page.get_by_label("New task")

    @property
    def rows(self) -> Locator:
        return self.page.locator("#rows > li")

    @property
    def titles(self) -> Locator:
        return self.page.locator("#rows .title")

    def row(self, title: str) -> Locator:
        return self.rows.filter(has_text=title)

    async def add(self, *titles: str) -> None:
        for title in titles:
            await self.new_title.fill(title)
            await self.new_title.press("Enter")
            await expect(self.row(title).first).to_be_visible()
        await self.everything_saved()

    async def edit(self, task: str, /, **fields: str) -> None:
        await self.open_editor(task)
        for name, value in fields.items():
            await enter(self.dialog, name, value)
        await self.dialog.get_by_role("button", name="Save").click()

    async def open_editor(self, task: str) -> Locator:
        await self.act(task, "Edit")
        return self.dialog

    async def act(self, task: str, action: str) -> None:
        """Choose an action in the menu of a task."""
        await self.row(task).get_by_role("button", name="Actions for").click()
        await self.page.get_by_role("menuitem", name=action).click()

    @property
    def dialog(self) -> Locator:
        return self.page.locator("dialog[open]")

    async def everything_saved(self) -> None:
        await expect(self.page.get_by_text("Not saved yet")).to_have_count(0, timeout=15_000)

    async def stored(self) -> dict[str, Any]:
        """Return what the service has, asked with this tab's own session."""
        return dict(await self.page.evaluate("({ local: { ...localStorage }, session: { ...sessionStorage } })"))

    async def another_tab(self) -> "Person":
        tab = Person(await self.page.context.new_page(), self.url)
        await tab.arrive()
        return tab


async def open_account(person: Person) -> Locator:
    """Open the account's own screen."""
    await person.page.get_by_role("button", name="Account", exact=True).click()
    screen = person.page.get_by_role("dialog", name="Account")
    await expect(screen).to_be_visible()
    return screen


async def close_account(person: Person) -> None:
    await person.page.get_by_role("dialog", name="Account").get_by_role("button", name="Close").click()


async def enter(form: Locator, name: str, value: str) -> None:
    """Put what a person would type, or choose, into the input of a field."""
    control = form.locator(f"[name={name}]")
    if name == "priority":
        await control.select_option(value, timeout=3000)
    else:
        await control.fill(value, timeout=3000)


@asynccontextmanager
async def visiting(browser: Browser, url: str, **options: Any) -> AsyncIterator[Person]:
    """Open the page; when the person leaves, fail if anything went wrong that they may not have seen."""
    async with coming(browser, url, worker=True, **options) as person:
        await person.visit()
        yield person


@asynccontextmanager
async def coming(browser: Browser, url: str, *, worker: bool = False, **options: Any) -> AsyncIterator[Person]:
    """Like `visiting`, for a person who opens the page when all is there that it is to show.

    Unless the `worker` is wanted, the browser has no service workers, as on plain HTTP from another machine. For
    one, all the page's files are loaded once more, and it takes no part in anything but starting the page.
    """
    context = await browser.new_context(**options)
    if not worker:
        await context.add_init_script(NO_WORKERS)
    context.set_default_timeout(15_000)
    seen = _Seen(context)
    person = Person(await context.new_page(), url)
    yield person
    await context.close()
    assert seen.problems == []
    assert {urlsplit(address).netloc for address in seen.requested} == {urlsplit(url).netloc}


class _Seen:
    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.requested: list[str] = []
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))

    def _request(self, request: Request) -> None:
        self.requested.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy are among them.
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED_REQUEST):
            self.problems.append(message.text)
