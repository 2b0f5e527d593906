"""For every eye and every screen: contrast, names, structure, and 320 pixels."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.better_auth.node import install_packages
from tests.web.people import Person, open_account, visiting

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


@pytest.fixture(scope="session")
def axe() -> str:
    return (install_packages(Path(__file__).parent) / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(params=["light", "dark"])
async def visitor(browser: Browser, service: str, request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    """Alice on the smallest of phones, by day and by night."""
    size = {"width": 320, "height": 640}
    async with visiting(browser, service, color_scheme=request.param, viewport=size) as person:
        yield person


async def findings(page: Page, axe: str) -> list[Any]:
    await page.evaluate(axe)
    found = await page.evaluate("rules => axe.run(document, rules)", RULES)
    assert len(found["passes"]) > 10
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]]


async def check(person: Person, axe: str) -> None:
    await expect(person.page.locator("#toast")).to_be_attached()
    assert await findings(person.page, axe) == []
    width = await person.page.evaluate("document.documentElement.scrollWidth")
    assert width == 320, "it scrolls sideways"


async def test_every_state_of_the_page_is_accessible_and_fits_a_phone(visitor: Person, axe: str) -> None:
    person, page = visitor, visitor.page
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await check(person, axe)
    await page.get_by_role("button", name="Sign in").click()  # with nothing in it
    await expect(page.locator(".problem").first).to_be_visible()
    await check(person, axe)
    await page.goto(f"{person.url}#reset=none")
    await page.get_by_role("button", name="Change password").click()
    await expect(person.dialog.locator(".problem")).to_be_visible()
    await check(person, axe)
    await page.keyboard.press("Escape")
    await person.sign_up()
    await check(person, axe)
    await person.add("Buy milk", WORD)
    await person.new_title.fill("Half a thought")  # which unfolds the form
    await check(person, axe)
    await person.new_title.fill("")
    await person.edit("Buy milk", description=f"{WORD[1:]}\n{WORD[1:]}")
    await person.edit(WORD, due_date="2020-02-29", due_time="18:00", priority="high", tags=f"home, {WORD[:50]}")
    await person.everything_saved()
    await expect(person.row(WORD).get_by_text("Overdue")).to_be_visible()
    await check(person, axe)
    await person.row("Buy milk").get_by_role("checkbox").check()
    await person.everything_saved()
    await check(person, axe)
    await person.act(WORD, "Delete")
    await check(person, axe)  # with the offer to undo
    await page.get_by_role("button", name="Undo").click()
    await page.get_by_role("button", name="Help").click()
    await check(person, axe)
    await page.keyboard.press("Escape")
    account = await open_account(person)
    await account.get_by_label("What it is for").fill(WORD)
    for name in ("Make a token", "Make a calendar link"):
        await account.get_by_role("button", name=name).click()
    await expect(account.locator("li")).to_have_count(3)
    await account.get_by_text("Delete my account").click()
    await account.get_by_role("button", name="Delete everything for good").click()
    await expect(account.locator("#deleter .problem")).to_be_visible()
    await check(person, axe)
    await account.get_by_role("button", name="Change password").click()
    password = page.get_by_role("dialog", name="Change password")
    await password.get_by_role("button", name="Change password").click()
    await expect(password.locator(".problem")).to_be_visible()
    await check(person, axe)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")

    other = await person.another_tab()
    await other.act(WORD, "Edit")
    await check(other, axe)
    await person.edit(WORD, title=WORD[::-1])
    await person.everything_saved()
    await other.dialog.get_by_label("Title").fill("Something else")
    await other.dialog.get_by_role("button", name="Save").click()
    await expect(other.page.get_by_role("dialog", name="Changed elsewhere")).to_be_visible()
    await check(other, axe)
    await other.page.keyboard.press("Escape")
    await check(other, axe)
    await page.context.set_offline(True)
    await person.new_title.fill("Call bob")
    await person.new_title.press("Enter")
    await expect(page.get_by_role("button", name="Try now")).to_be_visible()
    await check(person, axe)
    await page.context.set_offline(False)
    await person.everything_saved()
