"""A phone in the hand: enough of the list in view, what is touched is large enough, titles of either direction."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.web.people import Person, open_account, visiting

SIZE = {"width": 390, "height": 844}
LEAST = 44  # pixels (WCAG 2.2, 2.5.5)
TASKS: dict[str, dict[str, str]] = {
    "Water the plants": {"tags": "home, plants"},
    "Call bob about Saturday": {"due_date": "2031-05-02", "due_time": "18:00"},
    "Return the library books": {"due_date": "2020-05-02"},
    "Buy milk": {"priority": "high"},
}
HEBREW = "לקנות חלב"
# Of each control that is in view, how large the area is that leads to it. What is in a label is touched by it.
TOO_SMALL = """(least) => {
  const open = document.querySelector("dialog[open]") ?? document;
  const label = (control) => control.matches("[type=checkbox], [type=radio]") && control.closest("label");
  const size = (control) => (label(control) || control).getBoundingClientRect();
  return [...open.querySelectorAll("button, input, select, textarea, summary, a[href]")]
    .filter((control) => control.checkVisibility())
    .filter((control) => size(control).width < least || size(control).height < least)
    .map((control) => `${control.outerHTML}: ${size(control).width} x ${size(control).height}`);
}"""
IN_VIEW = """(items) => items.filter((item) => {
  const { top, bottom } = item.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}).length"""


@pytest.fixture
async def visitor(browser: Browser, service: str) -> AsyncIterator[Person]:
    async with visiting(browser, service, viewport=SIZE, has_touch=True, is_mobile=True) as person:
        yield person


async def too_small(person: Person) -> Any:
    return await person.page.evaluate(TOO_SMALL, LEAST)


async def test_eight_rows_are_in_view(visitor: Person) -> None:
    await visitor.sign_up()
    for title in [*TASKS, *(f"{title} again" for title in TASKS), "Read chapter 4", "Renew the passport"]:
        await visitor.add(title)
    for title, fields in TASKS.items():
        await visitor.edit(f"{title} again", **fields)
    await visitor.everything_saved()
    await visitor.page.evaluate("scrollTo(0, 0)")
    assert await visitor.rows.evaluate_all(IN_VIEW) >= 8


async def test_everything_that_is_touched_is_large_enough(visitor: Person) -> None:
    page = visitor.page
    await expect(visitor.password).to_be_visible()
    assert await too_small(visitor) == []
    await page.get_by_role("button", name="I have no account yet").tap()
    assert await too_small(visitor) == []
    await visitor.sign_up_here()
    await visitor.add("Buy milk")
    assert await too_small(visitor) == []
    await page.get_by_role("button", name="Sort").tap()
    await expect(page.get_by_label("Sort by")).to_be_visible()
    await visitor.new_title.fill("Half a thought")  # which unfolds the form
    assert await too_small(visitor) == []
    await visitor.row("Buy milk").get_by_role("button", name="Actions for Buy milk").tap()
    assert await too_small(visitor) == []
    await page.get_by_role("menuitem", name="Edit").tap()
    assert await too_small(visitor) == []
    await visitor.dialog.get_by_role("button", name="Cancel").tap()
    account = await open_account(visitor)
    await account.get_by_role("button", name="Make a calendar link").tap()
    await account.get_by_text("Delete my account").tap()
    await expect(account.get_by_label("Your new link")).to_be_visible()
    assert await too_small(visitor) == []


async def test_a_thumb_beside_the_box_ticks_it(visitor: Person) -> None:
    await visitor.sign_up()
    await visitor.add("Buy milk")
    box = visitor.row("Buy milk").get_by_role("checkbox")
    place = await box.bounding_box()
    assert place is not None
    await visitor.page.touchscreen.tap(place["x"] - 8, place["y"] + place["height"] + 8)
    await expect(box).to_be_checked()


async def direction(element: Locator) -> str:
    return str(await element.evaluate("element => getComputedStyle(element).direction"))


async def test_titles_are_read_in_their_own_direction(member: Person) -> None:
    await member.new_title.fill(HEBREW)
    assert await direction(member.new_title) == "rtl"
    await member.new_title.press("Enter")
    await member.add("Buy milk")
    assert [await direction(title) for title in await member.titles.all()] == ["ltr", "rtl"]
    await member.act(HEBREW, "Edit")
    assert await direction(member.dialog.get_by_label("Title")) == "rtl"


async def test_the_menu_of_a_row_by_keyboard(member: Person) -> None:
    await member.add("Buy milk", "Call bob")
    press = member.page.keyboard.press
    opener = member.row("Call bob").get_by_role("button", name="Actions for Call bob")
    await opener.focus()
    await press("Enter")
    await expect(member.page.get_by_role("menuitem", name="Edit")).to_be_focused()
    await press("ArrowDown")
    await expect(member.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await press("ArrowDown")
    await expect(member.page.get_by_role("menuitem", name="Edit")).to_be_focused()
    await press("Escape")
    await expect(opener).to_be_focused()
    await expect(member.page.get_by_role("menu")).to_have_count(0)
    await press("Enter")
    await press("ArrowUp")
    await press("Enter")
    await expect(member.titles).to_have_text(["Buy milk"])
    await member.page.get_by_role("button", name="Undo").click()
    await expect(member.titles).to_have_text(["Call bob", "Buy milk"])
