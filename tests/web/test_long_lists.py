"""Lists longer than what a document can hold: little of it is there, and nothing throws one out of place."""

import re
from typing import Any

import psycopg
import pytest
from playwright.async_api import Locator, expect

from tests.web.people import Person, until
from tests.web.programs import add_many, elsewhere
from tests.web.test_live import waiting

MANY = 10_000
MOST = 200  # rows in the document
ROUNDED = 4  # pixels: a browser scrolls by whole ones, here for four changes
WATCH = """() => {
    const rows = document.getElementById("rows");
    window.most = 0;
    const count = () => { window.most = Math.max(window.most, rows.children.length); };
    new MutationObserver(count).observe(rows, { childList: true });
}"""
COVERED = """() => [0.1, 0.5, 0.8].every((part) => {
    const at = document.elementFromPoint(innerWidth / 2, innerHeight * part);
    return at?.closest("#rows li, #new-form, #query, #more");
})"""


@pytest.fixture
async def reader(coming_member: Person, superuser: psycopg.Connection) -> Person:
    """Alice, with 10,000 tasks, the newest first."""
    member = coming_member
    elsewhere(member, "POST", "/tasks", {"title": "Task 1."})
    add_many(superuser, MANY)
    await member.arrive()
    await expect(member.page.get_by_text(f"{MANY} tasks")).to_be_visible()
    await member.page.evaluate(WATCH)
    return member


async def scroll_to(reader: Person, title: str) -> Locator:
    """Scroll as people do until a task is in the middle of the screen, and return it."""
    row = reader.row(title)
    while await row.count() == 0:
        await reader.page.evaluate("scrollBy(0, 4000)")
        await until(reader.page, COVERED)
    await row.evaluate("(row) => row.scrollIntoView({ block: 'center' })")
    await until(reader.page, COVERED)
    return row


async def top(row: Locator) -> float:
    found: float = await row.evaluate("(row) => row.getBoundingClientRect().top")
    return found


async def settled(reader: Person, action: Any) -> None:
    """Do something, and wait until the service has it and the list has been read again to its end."""
    async with reader.page.expect_response(lambda response: "cursor=" in response.url):
        await action
    await reader.everything_saved()


async def test_ten_thousand_tasks_are_scrolled_through_with_few_rows_in_the_document(reader: Person) -> None:
    last = await scroll_to(reader, "Task 1.")
    await expect(last).to_have_attribute("aria-posinset", str(MANY))
    await expect(last).to_have_attribute("aria-setsize", str(MANY))
    await reader.page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    await until(reader.page, COVERED)
    places = await reader.rows.evaluate_all("all => all.map((row) => Number(row.getAttribute('aria-posinset')))")
    assert places == list(range(places[0], places[0] + len(places)))
    assert await reader.titles.all_inner_texts() == [f"Task {MANY + 1 - place}." for place in places]
    await reader.page.evaluate("scrollTo(0, 0)")
    await expect(reader.titles.first).to_have_text(f"Task {MANY}.")
    assert 100 < await reader.page.evaluate("most") <= MOST


async def test_ticking_row_1400_throws_nobody_out_of_place(reader: Person, subtests: pytest.Subtests) -> None:
    for view, number in {"All": 8601, "Open": 8599, "Last change": 8597}.items():
        with subtests.test(view):
            await tick(reader, view, number)


async def tick(reader: Person, view: str, number: int) -> None:
    await reader.page.evaluate("scrollTo(0, 0)")
    if view == "Last change":
        await reader.page.get_by_label("Sort by").select_option(view)
    else:
        await reader.page.get_by_role("radio", name=view).check()
    row, below = await scroll_to(reader, f"Task {number}."), reader.row(f"Task {number - 1}.")
    before, height = await top(below), await row.evaluate("(row) => row.offsetHeight")
    length = await reader.page.evaluate("document.body.scrollHeight")
    await settled(reader, row.get_by_role("checkbox").click())
    assert abs(await top(below) - before) <= height + 1
    assert await reader.page.evaluate("document.body.scrollHeight") >= length - height - 1
    if view == "All":
        await expect(row).to_have_class(re.compile("done"))
        assert abs(await top(row) - before + height) <= height + 1
        await expect(row.get_by_role("checkbox")).to_be_focused()
    else:
        await expect(below.get_by_role("checkbox")).to_be_focused()
    assert await reader.page.evaluate("most") <= MOST


async def test_what_others_add_and_delete_above_moves_nothing_on_the_screen(reader: Person) -> None:
    await waiting(reader)
    row = await scroll_to(reader, "Task 9601.")
    before = await top(row)
    for number in range(3):
        elsewhere(reader, "POST", "/tasks", {"title": f"New {number}."})
    await expect(row).to_have_attribute("aria-posinset", "403", timeout=10_000)
    assert abs(await top(row) - before) <= ROUNDED
    first = elsewhere(reader, "GET", "/tasks?limit=5&q=Task")["tasks"]
    deletions = [{"do": "delete", "id": task["id"]} for task in first]
    elsewhere(reader, "POST", "/tasks/batch", {"operations": deletions})
    await expect(row).to_have_attribute("aria-posinset", "398", timeout=10_000)
    assert abs(await top(row) - before) <= ROUNDED


async def test_the_focus_stays_on_its_row_wherever_one_scrolls(reader: Person) -> None:
    row = await scroll_to(reader, "Task 9951.")
    await row.get_by_role("checkbox").focus()
    await scroll_to(reader, "Task 9001.")
    await expect(row.get_by_role("checkbox")).to_be_focused()
    await reader.page.keyboard.press("j")
    await expect(reader.row("Task 9950.").get_by_role("checkbox")).to_be_focused()
    await expect(reader.row("Task 9950.")).to_be_in_viewport()
    for _ in range(200):
        await reader.page.keyboard.press("j")
    await expect(reader.row("Task 9750.").get_by_role("checkbox")).to_be_focused()
    await expect(reader.row("Task 9750.")).to_be_in_viewport()
