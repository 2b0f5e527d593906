"""When tasks are due: in the words of the person's country, by the person's clock, and as it was said."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.web.people import Person, coming
from tests.web.programs import elsewhere
from tests.web.test_every_field import look_again, response

# In Berlin it is one o'clock, in Tokyo nine in the evening.
NOON_IN_LONDON = "2026-11-27T12:00:30Z"


# By title: when a task is due, and whether that is over.
DUE: dict[str, tuple[dict[str, Any], bool]] = {
    "Yesterday": ({"due_date": "2026-11-26"}, True),
    "Today": ({"due_date": "2026-11-27"}, False),
    "Yesterday, and done": ({"due_date": "2026-11-26", "completed": True}, False),
    "A minute ago": ({"due_date": "2026-11-27", "due_time": "06:59"}, True),
    "Now": ({"due_date": "2026-11-27", "due_time": "07:00"}, False),
    "A minute ago in Berlin": ({"due_date": "2026-11-27", "due_time": "12:59", "due_zone": "Europe/Berlin"}, True),
    "Now in Berlin": ({"due_date": "2026-11-27", "due_time": "13:00", "due_zone": "Europe/Berlin"}, False),
    "This evening in Tokyo": ({"due_date": "2026-11-27", "due_time": "20:59", "due_zone": "Asia/Tokyo"}, True),
    "Tonight in Tokyo": ({"due_date": "2026-11-28", "due_time": "00:00", "due_zone": "Asia/Tokyo"}, False),
    "Some day": ({"priority": "high"}, False),
}


@pytest.fixture
async def coming_new_yorker(browser: Browser, service: str) -> AsyncIterator[Person]:
    """Alice, for whom it is seven in the morning, before she opens the page."""
    async with coming(browser, service, timezone_id="America/New_York") as person:
        await person.page.clock.set_fixed_time(NOON_IN_LONDON)
        await person.join()
        yield person


@pytest.fixture
async def new_yorker(coming_new_yorker: Person) -> Person:
    await coming_new_yorker.arrive()
    return coming_new_yorker


async def test_overdue_is_what_is_over_where_it_is_due(
    coming_new_yorker: Person, subtests: pytest.Subtests
) -> None:
    alice = coming_new_yorker
    for title, (due, _) in DUE.items():
        elsewhere(alice, "POST", "/tasks", {"title": title, **due})
    await alice.arrive()
    await expect(alice.rows).to_have_count(len(DUE))
    for title, (_, is_overdue) in DUE.items():
        with subtests.test(title):
            row = alice.rows.filter(has=alice.page.get_by_text(title, exact=True))
            await expect(row).to_have_count(1)
            await expect(row.get_by_text("Overdue")).to_have_count(int(is_overdue))


async def test_a_zone_that_this_browser_does_not_know_is_shown_all_the_same(new_yorker: Person) -> None:
    await new_yorker.page.evaluate(
        """() => {
            Intl.DateTimeFormat = class extends Intl.DateTimeFormat {
                constructor(locale, options) {
                    if (options.timeZone === "Europe/Berlin") throw new RangeError("Invalid time zone specified");
                    super(locale, options);
                }
            };
        }"""
    )
    due = {"due_date": "2026-11-27", "due_time": "06:00", "due_zone": "Europe/Berlin"}
    elsewhere(new_yorker, "POST", "/tasks", {"title": "Buy milk", **due})
    await look_again(new_yorker)
    await expect(new_yorker.row("Buy milk")).to_contain_text("Due Fri, Nov 27 at 6:00 AM Europe/Berlin Overdue")


@pytest.mark.parametrize(
    ("locale", "this_year", "another_year"),
    [
        ("en-US", "Due Sun, Mar 29 at 2:30 AM", "Due Tue, Feb 29, 2028"),
        ("en-GB", "Due Sun 29 Mar at 02:30", "Due Tue, 29 Feb 2028"),
    ],
)
async def test_days_are_in_the_words_of_the_browser_and_never_the_day_before(
    browser: Browser, service: str, locale: str, this_year: str, another_year: str
) -> None:
    """At half past two on this day no clock in Berlin shows that time, and it is shown as it was said."""
    async with coming(browser, service, locale=locale, timezone_id="Europe/Berlin") as alice:
        await alice.page.clock.set_fixed_time("2026-01-01T12:00:00Z")
        await alice.join()
        await alice.arrive()
        await alice.add("Buy milk", "Leap")
        await alice.edit("Buy milk", due_date="2026-03-29", due_time="02:30")
        await alice.edit("Leap", due_date="2028-02-29")
        await expect(alice.row("Buy milk")).to_contain_text(this_year)
        await expect(alice.row("Leap")).to_contain_text(another_year)


async def test_a_done_task_says_since_when(new_yorker: Person) -> None:
    await new_yorker.add("Buy milk")
    task = await response(new_yorker, "PATCH", new_yorker.row("Buy milk").get_by_role("checkbox").click())
    assert task["completed_at"]
    await expect(new_yorker.row("Buy milk")).to_contain_text("Done ")
    await new_yorker.row("Buy milk").get_by_role("checkbox").click()
    await expect(new_yorker.row("Buy milk")).not_to_contain_text("Done ")


async def zoned(tab: Person) -> tuple[dict[str, Any], Locator]:
    """Return a task that is due at a time in a zone, and the form in which it is edited."""
    due = {"due_date": "2031-05-01", "due_time": "18:00", "due_zone": "Europe/Berlin"}
    task = elsewhere(tab, "POST", "/tasks", {"title": "Buy milk", **due})
    await look_again(tab)
    return task, await tab.open_editor("Buy milk")


async def test_a_task_keeps_its_zone_while_it_has_a_time(member: Person) -> None:
    task, form = await zoned(member)
    await form.get_by_label("Due day").fill("2031-05-02")
    await form.get_by_label("Time").fill("19:00")
    saved = await response(member, "PATCH", form.get_by_role("button", name="Save").click())
    assert [saved[name] for name in ("due_date", "due_time", "due_zone")] == [
        "2031-05-02",
        "19:00",
        task["due_zone"],
    ]
    await member.everything_saved()
    form = await member.open_editor("Buy milk")
    await form.get_by_label("Time").fill("")
    saved = await response(member, "PATCH", form.get_by_role("button", name="Save").click())
    assert [saved[name] for name in ("due_date", "due_time", "due_zone")] == ["2031-05-02", None, None]


async def test_who_clears_the_day_clears_time_and_zone(member: Person) -> None:
    _, form = await zoned(member)
    await form.get_by_label("Due day").fill("")
    saved = await response(member, "PATCH", form.get_by_role("button", name="Save").click())
    assert [saved[name] for name in ("due_date", "due_time", "due_zone")] == [None, None, None]
    await expect(member.row("Buy milk")).not_to_contain_text("Europe/Berlin")


async def test_who_clears_the_day_is_asked_when_somebody_else_moved_the_time(member: Person) -> None:
    task, form = await zoned(member)
    elsewhere(member, "PATCH", f"/tasks/{task['id']}", {"due_time": "20:00"})
    await form.get_by_label("Due day").fill("")
    await form.get_by_role("button", name="Save").click()
    await expect(member.page.get_by_role("dialog", name="Changed elsewhere")).to_contain_text("at 8:00 PM")


async def test_who_keeps_a_time_keeps_the_day_that_somebody_else_cleared(member: Person) -> None:
    task, form = await zoned(member)
    elsewhere(member, "PATCH", f"/tasks/{task['id']}", {"due_date": None})
    await form.get_by_label("Time").fill("19:00")
    await form.get_by_role("button", name="Save").click()
    question = member.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question).to_be_visible()  # the first attempt has been answered
    saved = await response(member, "PATCH", question.get_by_role("button", name="Keep yours").click())
    assert [saved[name] for name in ("due_date", "due_time")] == [task["due_date"], "19:00"]


@pytest.mark.parametrize("form", ["#new-form", "#editor"])
async def test_a_time_without_a_day_and_half_a_day_are_asked_about(member: Person, form: str) -> None:
    await member.add("Buy milk")
    await member.new_title.fill("Buy bread")
    if form == "#editor":
        await member.open_editor("Buy milk")
    day, time = member.page.locator(f"{form} [name=due_date]"), member.page.locator(f"{form} [name=due_time]")
    await time.fill("18:00")
    await time.press("Enter")
    await expect(day).to_have_accessible_description("A time needs a day")
    await expect(day).to_be_focused()
    await day.press_sequentially("11")  # the month
    await time.fill("")
    await time.press("Enter")
    await expect(day).to_have_accessible_description("Complete this, or clear it")
    await expect(time).to_have_value("")
    await day.fill("2031-05-01")
    await day.press("Enter")
    await member.everything_saved()
    await expect(member.rows.filter(has_text="Due Thu, May 1, 2031")).to_have_count(1)
