"""Several rows at once: selected, and completed, moved, tagged and deleted as one batch that can be taken back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from tests.web.people import Person, coming, until
from tests.web.programs import elsewhere
from tests.web.test_looks import axe, findings  # noqa: F401

MANY = 150
NOTHING_WAITS = "() => !Object.keys(sessionStorage).some((name) => name.includes('outbox'))"


@pytest.fixture
async def chooser(coming_member: Person, superuser: psycopg.Connection) -> Person:
    """Alice, with 150 tasks, the newest first."""
    await fill(coming_member, superuser)
    return coming_member


async def fill(member: Person, superuser: psycopg.Connection, first: int = 1) -> None:
    """Give her tasks up to the 150th, and open the page, with all of them in the document."""
    elsewhere(member, "POST", "/tasks", {"title": f"Task {first}."})
    superuser.execute(
        "INSERT INTO tasks (user_id, title, tags) SELECT user_id, 'Task ' || n || '.', ARRAY['home']"
        " FROM tasks, generate_series(%s::integer, %s) AS n",
        [first + 1, MANY],
    )
    await member.arrive()
    await expect(member.rows.first).to_contain_text(f"Task {MANY}.")
    await member.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(member.rows).to_have_count(MANY - first + 1)
    await member.page.evaluate("scrollTo(0, 0)")


def writes(page: Page) -> list[str]:
    """Collect the requests that change tasks."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.method != "GET" and "/tasks" in request.url:
            found.append(f"{request.method} {request.url.rpartition('/tasks')[2]}")

    page.on("request", note)
    return found


def selected(member: Person) -> Any:
    return member.page.locator("#selected")


async def select(member: Person, first: int, last: int) -> None:
    """Select from one row, counted from the first, to another with the mouse."""
    await member.rows.nth(first).locator(".title").click(modifiers=["Control"])
    await member.rows.nth(last).locator(".title").click(modifiers=["Shift"])
    await expect(selected(member)).to_contain_text(f"{last - first + 1} selected")


def tasks(member: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = elsewhere(member, "GET", "/tasks?limit=1000")["tasks"]
    return found


async def undone(member: Person, by: str = "button") -> None:
    button = member.page.get_by_role("button", name="Undo")
    await button.focus()
    await (member.page.keyboard.press("u") if by == "key" else button.click())
    await member.everything_saved()


@pytest.mark.parametrize("by", ["key", "button"])
async def test_fifty_are_completed_in_one_request_and_taken_back_in_another(chooser: Person, by: str) -> None:
    sent = writes(chooser.page)
    await select(chooser, 0, 49)
    await selected(chooser).get_by_role("button", name="Done").click()
    await expect(chooser.page.get_by_text("Done: 50 tasks")).to_be_visible()
    await expect(chooser.page.locator("#rows .done")).to_have_count(50)
    await chooser.everything_saved()
    assert sent == ["POST /batch"]
    assert [task["title"] for task in tasks(chooser) if task["completed"]] == [
        f"Task {MANY - n}." for n in range(50)
    ]
    await undone(chooser, by)
    await expect(chooser.page.locator("#rows .done")).to_have_count(0)
    assert sent == ["POST /batch"] * 2
    assert not any(task["completed"] for task in tasks(chooser))


async def test_moving_keeps_each_time_and_undo_brings_back_each_day(chooser: Person) -> None:
    first, second, *_ = tasks(chooser)
    elsewhere(chooser, "PATCH", f"/tasks/{first['id']}", {"due_date": "2031-01-01", "due_time": "18:00"})
    await chooser.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(chooser.rows.first).to_contain_text("Jan 1, 2031")
    await select(chooser, 0, 1)
    await selected(chooser).get_by_role("button", name="Move").click()
    await chooser.dialog.get_by_role("button", name="Cancel").click()
    await expect(selected(chooser)).to_contain_text("2 selected")
    await selected(chooser).get_by_role("button", name="Move").click()
    await chooser.dialog.get_by_label("Due, in words").fill("no such day")
    await chooser.dialog.get_by_role("button", name="Move").click()
    await expect(chooser.dialog.locator(".problem")).to_be_visible()
    await chooser.dialog.get_by_label("Due, in words").fill("2031-05-02")
    await chooser.dialog.get_by_role("button", name="Move").click()
    await chooser.everything_saved()
    found = {task["id"]: (task["due_date"], task["due_time"]) for task in tasks(chooser)}
    assert found[first["id"]] == ("2031-05-02", "18:00")
    assert found[second["id"]] == ("2031-05-02", None)
    await undone(chooser)
    found = {task["id"]: (task["due_date"], task["due_time"]) for task in tasks(chooser)}
    assert found[first["id"]] == ("2031-01-01", "18:00")
    assert found[second["id"]] == (None, None)


async def test_tags_are_added_and_removed_and_those_there_are_stay(chooser: Person) -> None:
    elsewhere(chooser, "PATCH", f"/tasks/{tasks(chooser)[2]['id']}", {"tags": []})
    await chooser.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(chooser.rows.nth(2)).not_to_contain_text("home")
    sent = writes(chooser.page)
    await select(chooser, 0, 2)  # and not the last ones: there the offer to undo would be above them
    await selected(chooser).get_by_role("button", name="Tags").click()
    await chooser.dialog.get_by_role("button", name="Add").click()
    await expect(chooser.dialog.locator(".problem")).to_contain_text("at least one tag")
    await chooser.dialog.get_by_label("Tags").fill("Shop, HOME")
    await chooser.dialog.get_by_role("button", name="Add").click()
    await chooser.everything_saved()
    assert [task["tags"] for task in tasks(chooser)[:3]] == [["home", "Shop"], ["home", "Shop"], ["Shop", "HOME"]]
    await select(chooser, 0, 2)
    await selected(chooser).get_by_role("button", name="Tags").click()
    await chooser.dialog.get_by_label("Tags").fill("home")
    await chooser.dialog.get_by_role("button", name="Remove").click()
    await chooser.everything_saved()
    assert [task["tags"] for task in tasks(chooser)[:3]] == [["Shop"]] * 3
    await undone(chooser)
    assert [task["tags"] for task in tasks(chooser)[:3]] == [["home", "Shop"], ["home", "Shop"], ["Shop", "HOME"]]
    assert sent == ["POST /batch"] * 3


async def test_many_long_tags_in_one_batch_are_sent_too(chooser: Person) -> None:
    """Browsers begin no request of more than 64 KiB that is to outlive its tab."""
    sent = writes(chooser.page)
    await select(chooser, 0, 99)
    await selected(chooser).get_by_role("button", name="Tags").click()
    await chooser.dialog.get_by_label("Tags").fill(", ".join(f"{n} ".ljust(50, "x") for n in range(19)))
    await chooser.dialog.get_by_role("button", name="Add").click()
    await chooser.everything_saved()
    assert [len(task["tags"]) for task in tasks(chooser)[:100]] == [20] * 100
    assert sent == ["POST /batch"]


async def test_deleting_more_than_a_batch_holds_takes_two_and_undo_comes_before(chooser: Person) -> None:
    sent = writes(chooser.page)
    await select(chooser, 0, 119)
    await selected(chooser).get_by_role("button", name="Delete").click()
    await expect(chooser.page.get_by_text("30 tasks", exact=True)).to_be_visible()
    await undone(chooser)
    await expect(chooser.page.get_by_text("150 tasks", exact=True)).to_be_visible()
    assert sent == []
    await select(chooser, 0, 119)
    await selected(chooser).get_by_role("button", name="Delete").click()
    await chooser.page.evaluate("dispatchEvent(new Event('pagehide'))")  # as leaving does, which sends it now
    await until(chooser.page, NOTHING_WAITS)
    await chooser.page.reload()
    await expect(chooser.page.get_by_text("30 tasks", exact=True)).to_be_visible()
    assert sent == ["POST /batch"] * 2
    assert len(tasks(chooser)) == MANY - 120


async def test_who_takes_back_deletions_of_which_some_are_sent_is_told(chooser: Person) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.continue_()

    await chooser.page.route("**/tasks/batch", hold, times=1)
    await select(chooser, 0, 119)
    await selected(chooser).get_by_role("button", name="Delete").click()
    await chooser.page.evaluate("dispatchEvent(new Event('pagehide'))")  # as leaving does, which sends it now
    await asked.wait()
    await chooser.page.get_by_role("button", name="Undo").click()
    await expect(chooser.page.get_by_text("Some were deleted already. The others are back.")).to_be_visible()
    released.set()
    await until(chooser.page, NOTHING_WAITS)
    assert len(tasks(chooser)) == MANY - 100


async def test_what_others_changed_is_asked_about_and_holds_up_nothing_else(chooser: Person) -> None:
    first, *_ = tasks(chooser)
    await chooser.page.context.set_offline(True)
    await select(chooser, 0, 2)
    await selected(chooser).get_by_role("button", name="Tags").click()
    await chooser.dialog.get_by_label("Tags").fill("shop")
    await chooser.dialog.get_by_role("button", name="Add").click()
    await expect(chooser.page.get_by_text("Not saved yet")).to_have_count(3)
    elsewhere(chooser, "PATCH", f"/tasks/{first['id']}", {"tags": ["garden"]})
    await chooser.page.context.set_offline(False)
    question = chooser.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question.locator(".theirs")).to_contain_text("garden")
    await expect(chooser.page.get_by_text("Not saved yet")).to_have_count(0)
    await question.get_by_role("button", name="Keep yours").click()
    await expect(chooser.page.locator("#rows .state", has_text="Changed elsewhere")).to_have_count(0)
    await chooser.everything_saved()
    assert [task["tags"] for task in tasks(chooser)[:3]] == [["home", "shop"]] * 3


async def test_a_batch_that_is_refused_is_sent_one_by_one(chooser: Person) -> None:
    refused = {"code": "VALIDATION_ERROR", "detail": "No."}
    await chooser.page.route("**/tasks/batch", lambda route: route.fulfill(status=400, json=refused), times=1)
    sent = writes(chooser.page)
    await select(chooser, 0, 1)
    await selected(chooser).get_by_role("button", name="Done").click()
    await chooser.everything_saved()
    assert sum(task["completed"] for task in tasks(chooser)) == 2
    assert sent[0] == "POST /batch"
    assert "POST /batch" not in sent[1:]


async def test_selecting_by_keyboard_alone(chooser: Person) -> None:
    press = chooser.page.keyboard.press
    await press("Shift+Tab")  # out of the field, where keys are letters
    await press("j")
    await press("s")
    await expect(chooser.page.get_by_label("Select Task 150.")).to_be_focused()
    await expect(chooser.page.get_by_label("Select Task 150.")).to_be_checked()
    await press("Shift+J")
    await press("Shift+J")
    await expect(selected(chooser)).to_contain_text("3 selected")
    await press("j")
    await press("Space")
    await expect(selected(chooser)).to_contain_text("4 selected")
    await press("s")
    await expect(selected(chooser)).to_contain_text("3 selected")
    await press("x")
    await expect(chooser.page.locator("#rows .done")).to_have_count(3)
    await expect(selected(chooser)).to_be_hidden()
    await expect(chooser.row("Task 147.").get_by_role("checkbox")).to_be_focused()
    await press("u")
    await expect(chooser.page.locator("#rows .done")).to_have_count(0)
    await press("m")  # with nothing selected it is about the row that has the focus
    await chooser.page.keyboard.type("2031-05-02")
    await press("Enter")
    await expect(chooser.row("Task 147.")).to_contain_text("May 2, 2031")
    await expect(chooser.row("Task 147.").get_by_role("checkbox")).to_be_focused()
    await press("t")
    await chooser.page.keyboard.type("garden")
    await press("Enter")
    await expect(chooser.row("Task 147.")).to_contain_text("home, garden")
    await press("s")
    await press("Escape")
    await expect(selected(chooser)).to_be_hidden()
    await expect(chooser.row("Task 147.").get_by_role("checkbox")).to_be_focused()


@pytest.fixture(params=["light", "dark"])
async def visitor(browser: Browser, service: str, request: pytest.FixtureRequest) -> AsyncIterator[Person]:
    """Alice with a phone, by day and by night, signed in before she opens the page."""
    size = {"width": 390, "height": 844}
    async with coming(browser, service, color_scheme=request.param, viewport=size, has_touch=True) as person:
        await person.join()
        yield person


async def test_selecting_by_touch_is_accessible_and_fits(
    visitor: Person,
    superuser: psycopg.Connection,
    axe: str,  # noqa: F811
) -> None:
    await fill(visitor, superuser, first=121)  # more than a screen of rows; each more is one more to be looked at
    await visitor.page.get_by_role("button", name="Select", exact=True).tap()
    await check(visitor, axe)
    for number in (150, 148):
        await visitor.page.get_by_label(f"Select Task {number}.").tap()
    await expect(selected(visitor)).to_contain_text("2 selected")
    await check(visitor, axe)
    for name in ("Move", "Tags"):
        await selected(visitor).get_by_role("button", name=name).tap()
        await check(visitor, axe)
        await visitor.dialog.get_by_role("button", name="Cancel").tap()
    buttons = selected(visitor).get_by_role("button")
    assert min(await buttons.evaluate_all("all => all.map((each) => each.offsetHeight)")) >= 44
    await selected(visitor).get_by_role("button", name="Done").tap()
    await expect(visitor.page.locator("#rows .done .title")).to_have_text(["Task 150.", "Task 148."])
    await check(visitor, axe)


async def check(visitor: Person, axe: str) -> None:  # noqa: F811
    assert await findings(visitor.page, axe) == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") == 390


async def test_signing_out_leaves_nothing_that_was_typed_for_them(chooser: Person) -> None:
    await select(chooser, 0, 1)
    await selected(chooser).get_by_role("button", name="Tags").click()
    await chooser.dialog.get_by_label("Tags").fill("a secret")
    await chooser.page.keyboard.press("Escape")
    await chooser.page.get_by_role("button", name="Sign out").click()
    await expect(chooser.page.get_by_role("button", name="Sign in")).to_be_visible()
    typed = "[...document.querySelectorAll('input, textarea')].map((input) => input.value)"
    assert "a secret" not in await chooser.page.evaluate(typed)
