"""The page starts while nobody answers, and what it is started from has nothing of anybody."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from taskward.settings import Settings
from taskward.web import routes
from tests.web.conftest import served
from tests.web.people import EMAIL, Person, open_account, visiting

KEPT = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found[request.url] = [name, await (await cache.match(request)).text()];
    }
  }
  return found;
}"""
# The browser looks for another service worker after each visit of the page.
INSTALLED = """async () => {
  const late = new Promise((_, fail) => setTimeout(fail, 15000, new Error("no service worker")));
  const { active } = await Promise.race([navigator.serviceWorker.ready, late]);
  if (active.state !== "activated") await new Promise((next) => active.addEventListener("statechange", next));
}"""
REPLACED = """async (before) => {
  const pause = () => new Promise((next) => setTimeout(next, 50));
  for (let tries = 0; (await caches.keys()).includes(before); tries += 1) {
    if (tries === 300) throw new Error("it is still there");
    await pause();
  }
}"""


async def kept(page: Page) -> dict[str, tuple[str, str]]:
    """Return what the caches of this origin have, by address: the name of the cache, and the text."""
    await page.evaluate(INSTALLED)
    return dict(await page.evaluate(KEPT))


def files_of_the_page() -> set[str]:
    """Return the names of those that an English browser keeps, and that of the document, which has none."""
    names = {path.name for path in routes.FILES.iterdir() if not path.name.startswith("words-")}
    return names - {routes.DOCUMENT, routes.WORKER} | {""}


async def is_offline(person: Person) -> None:
    await expect(person.page.get_by_role("heading", name="Taskward")).to_be_visible()
    await expect(person.page.get_by_text("The service cannot be reached.")).to_be_visible()


async def test_it_starts_while_nobody_answers_and_keeps_what_was_typed(
    browser: Browser, settings: Settings
) -> None:
    with served(settings) as url:
        context = await browser.new_context()
        alice = Person(await context.new_page(), url)
        await alice.visit()
        await alice.sign_up()
        await alice.add("Buy milk")
        await alice.page.evaluate(INSTALLED)
    await alice.new_title.fill("Call bob")
    await alice.new_title.press("Enter")
    await expect(alice.page.get_by_text("Not saved yet")).to_be_visible()
    await alice.new_title.fill("Half a thought")
    await alice.page.reload()
    await is_offline(alice)
    await expect(alice.page.get_by_text("Your tasks are shown as soon as it can be.")).to_be_visible()
    await expect(alice.rows).to_have_count(0)  # nobody knows who is there
    await alice.page.goto(url)  # as a bookmark does
    await is_offline(alice)
    with served(settings, urlsplit(url).port or 0):
        await alice.page.get_by_role("button", name="Try now").click()
        await expect(alice.titles).to_have_text(["Call bob", "Buy milk"])
        await expect(alice.new_title).to_have_value("Half a thought")
        await alice.everything_saved()
        await context.close()


async def test_nothing_of_anybody_is_kept_and_nobody_is_shown_another(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.page.evaluate(INSTALLED)
        await alice.sign_up()
        await alice.add("Buy a present for bob")
        await alice.page.reload()  # by the service worker
        await expect(alice.titles).to_have_text(["Buy a present for bob"])
        assert await alice.page.evaluate("navigator.serviceWorker.controller !== null")
        await open_account(alice)
        await alice.page.reload()
        await alice.page.get_by_role("button", name="Sign out").click()
        await alice.sign_up("bob@example.com")
        await alice.page.reload()
        await expect(alice.page.get_by_text("0 tasks")).to_be_visible()
        found = await kept(alice.page)
        assert {address.rpartition("/")[2] for address in found} == files_of_the_page()
        assert len(found) == len(files_of_the_page())
        for _, text in found.values():
            for secret in ("Buy a present for bob", EMAIL, "bob@", "usr_"):
                assert secret not in text


@contextmanager
def another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a service that is made meanwhile serve other files."""
    shutil.copytree(routes.FILES, folder)
    with (folder / "toast.js").open("a") as file:
        file.write("// another version\n")
    with monkeypatch.context() as patch:
        patch.setattr(routes, "FILES", folder)
        routes.files_and_version.cache_clear()
        yield
    routes.files_and_version.cache_clear()


async def test_another_version_takes_the_place_of_this_one(
    browser: Browser, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def opened(person: Person, shows: str = "I have no account yet") -> str:
        await expect(person.page.get_by_text(shows)).to_be_visible()
        return str(await person.page.evaluate("document.querySelector('script').src"))

    with served(settings) as url:
        context = await browser.new_context()
        alice = Person(await context.new_page(), url)
        await alice.visit()
        before, first = await opened(alice), await kept(alice.page)
    with another_version(tmp_path / "files", monkeypatch), served(settings, urlsplit(url).port or 0):
        await alice.page.reload()
        after = await opened(alice)
        assert after != before
        await alice.page.evaluate(REPLACED, next(iter(first.values()))[0])
        second = await kept(alice.page)
    assert len(second) == len(first)
    assert after in second
    assert second.keys() & first.keys() == {f"{url}/"}
    await alice.page.reload()  # while nobody answers
    assert await opened(alice, "The service cannot be reached.") == after
    await context.close()


async def test_an_error_of_a_proxy_is_no_page(browser: Browser, service: str) -> None:
    """One that shows it while the service starts again. A page that is not there any more is another thing."""

    async def answer(route: Route, status: int) -> None:
        await route.fulfill(status=status, body="<h1>Gone</h1>", content_type="text/html")

    async with visiting(browser, service) as alice:
        await alice.page.evaluate(INSTALLED)
        for status, heading in ((502, "Taskward"), (404, "Gone")):
            await alice.page.context.route(f"{service}/", partial(answer, status=status))
            await alice.page.reload()
            await expect(alice.page.get_by_role("heading", name=heading)).to_be_visible()
            await alice.page.context.unroute(f"{service}/")


async def test_browsers_offer_to_install_it(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.page.evaluate(INSTALLED)
        devtools = await alice.page.context.new_cdp_session(alice.page)
        manifest: dict[str, Any] = await devtools.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["manifest"]["startUrl"] == manifest["manifest"]["scope"] == f"{service}/"
        assert (await devtools.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []
