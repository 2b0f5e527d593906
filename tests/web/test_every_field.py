"""Every field through the page, driven by the service's list of fields: new, edit, conflict and outbox."""

from typing import Any

import pytest
from playwright.async_api import Locator, Response, expect

from tests.tasks.fields import CHANGEABLE_NAMES, NAMES, SAMPLES, task_with
from tests.web.people import Person, enter
from tests.web.programs import elsewhere

# What is set in the list, or elsewhere and kept by the page, and has no input in the forms.
BY_CHECKBOX = {"completed"}
ELSEWHERE = {"due_zone"}
WITHOUT_INPUT = BY_CHECKBOX | ELSEWHERE
# How the page tells of values, where not by themselves.
WORDS = {
    True: "Done",
    False: "Open",
    "2026-11-27": "Nov 27",
    "2028-02-29": "Feb 29, 2028",
    "18:00": "6:00 PM",
    "00:00": "12:00 AM",
    "high": "High priority",
    "low": "Low priority",
}
# What follows from a change, and differs each time.
FOLLOWS = ("updated_at", "revision", "completed_at")


def typed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def words(value: Any) -> str:
    return typed(value) if isinstance(value, list) else WORDS.get(value, value)


def without(task: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in task.items() if name not in names}


async def response(tab: Person, method: str, action: Any) -> dict[str, Any]:
    """Do something that makes the page write, and return what the service answers."""

    def written(response: Response) -> bool:
        return response.request.method == method and "/tasks" in response.url

    async with tab.page.expect_response(written) as response:
        await action
    found: dict[str, Any] = await (await response.value).json()
    return found


async def fill(form: Locator, values: dict[str, Any]) -> None:
    """Type what can be typed, the title first: the form for a new task unfolds then."""
    for name, value in values.items():
        if name not in WITHOUT_INPUT:
            await enter(form, name, typed(value))


async def look_again(tab: Person) -> None:
    async with tab.page.expect_response(lambda response: "/tasks?" in response.url):
        await tab.page.evaluate("dispatchEvent(new Event('focus'))")


async def start_over(*tabs: Person) -> None:
    """Delete every task, so that the next field finds what the first one did: no page has to be opened for it."""
    deletions = [{"do": "delete", "id": task["id"]} for task in elsewhere(tabs[0], "GET", "/tasks")["tasks"]]
    elsewhere(tabs[0], "POST", "/tasks/batch", {"operations": deletions})
    for tab in tabs:
        await tab.page.evaluate("dispatchEvent(new Event('focus'))")
        await expect(tab.rows).to_have_count(0)


async def add(tab: Person, name: str) -> dict[str, Any]:
    """Add a task in which the field has the first value of its sample."""
    values = task_with(name, SAMPLES[name].one)
    if name in ELSEWHERE:
        task = elsewhere(tab, "POST", "/tasks", values)
        await look_again(tab)
        return task
    form = tab.page.locator("#new-form")
    await fill(form, values)
    task = await response(tab, "POST", form.get_by_role("button", name="Add").click())
    if name in BY_CHECKBOX:
        task = await response(tab, "PATCH", tab.row(task["title"]).get_by_role("checkbox").click())
    await tab.everything_saved()
    return task


async def change(tab: Person, task: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Edit a task, and return the last response."""
    found: dict[str, Any] = {}
    for _ in values.keys() & BY_CHECKBOX:
        found = await response(tab, "PATCH", tab.row(task["title"]).get_by_role("checkbox").click())
    for name in values.keys() & ELSEWHERE:
        found = elsewhere(tab, "PATCH", f"/tasks/{task['id']}", {name: values[name]})
        await look_again(tab)
        await expect(tab.row(task["title"])).to_contain_text(words(values[name]))
    if values.keys() - WITHOUT_INPUT:
        dialog = await tab.open_editor(task["title"])
        await fill(dialog, values)
        found = await response(tab, "PATCH", dialog.get_by_role("button", name="Save").click())
    return found


def test_every_field_is_walked() -> None:
    assert set(CHANGEABLE_NAMES) <= set(NAMES) == set(SAMPLES)


async def test_new_and_edit(member: Person, subtests: pytest.Subtests) -> None:
    for name in CHANGEABLE_NAMES:
        with subtests.test(name):
            await new_and_edit(member, name)
        await start_over(member)


async def new_and_edit(member: Person, name: str) -> None:
    task = await add(member, name)
    assert task[name] == SAMPLES[name].one
    assert task["uid"] or name in ELSEWHERE
    if name not in BY_CHECKBOX:
        await expect(member.row(task["title"])).to_contain_text(words(SAMPLES[name].one))
    if name not in WITHOUT_INPUT:
        dialog = await member.open_editor(task["title"])
        await expect(dialog.locator(f"[name={name}]")).to_have_value(typed(task[name]))
        await enter(dialog, name, typed(SAMPLES[name].other))
        await member.page.reload()
        await expect(dialog.locator(f"[name={name}]")).to_have_value(
            typed(SAMPLES[name].other)
        )  # the draft is kept
        await dialog.get_by_role("button", name="Cancel").click()
    changed = await change(member, task, {name: SAMPLES[name].other})
    assert changed[name] == SAMPLES[name].other
    assert without(changed, name, *FOLLOWS) == without(task, name, *FOLLOWS), "and nothing else"
    other = "description" if name == "title" else "title"
    edited = await change(member, changed, {other: "Something else"})
    assert without(edited, other, *FOLLOWS) == without(changed, other, *FOLLOWS), "and kept"


async def test_conflict_and_outbox(member: Person, subtests: pytest.Subtests) -> None:
    """Two tabs disagree; then one deletes what the other has, who makes it anew with all its fields."""
    other = await member.another_tab()
    for name in CHANGEABLE_NAMES:
        with subtests.test(name):
            await conflict_and_outbox(member, other, name)
        await start_over(member, other)


async def conflict_and_outbox(member: Person, other: Person, name: str) -> None:
    task = await add(member, name)
    await look_again(other)
    dialog = await other.open_editor(task["title"])
    theirs = await change(member, task, {"title": "Theirs"})
    if name != "title":
        theirs = await change(member, theirs, {name: SAMPLES[name].other})
    await dialog.locator("[name=title]").fill("Mine")
    await dialog.get_by_role("button", name="Save").click()
    question = other.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question.locator(".theirs .differs", has_text=words(theirs[name]))).to_have_count(1)
    mine = "Mine" if name == "title" else words(task[name])
    await expect(question.locator(".mine .differs", has_text=mine)).to_have_count(1)

    await answer_deletion(member, theirs["title"])
    await response(other, "PATCH", question.get_by_role("button", name="Keep yours").click())
    await expect(question).to_contain_text("has been deleted elsewhere")
    anew = await response(other, "POST", question.get_by_role("button", name="Keep yours").click())
    assert anew["id"] != task["id"]
    assert anew["uid"] not in (None, task["uid"])
    assert anew[name] == ("Mine" if name == "title" else theirs[name])


async def answer_deletion(tab: Person, title: str) -> None:
    async with tab.page.expect_response(lambda response: response.request.method == "DELETE"):
        await tab.act(title, "Delete")
        await tab.page.evaluate("dispatchEvent(new Event('pagehide'))")  # no more time to undo


async def test_what_is_added_while_the_service_is_away_has_it(member: Person, subtests: pytest.Subtests) -> None:
    for name in [name for name in CHANGEABLE_NAMES if name not in ELSEWHERE]:
        with subtests.test(name):
            await added_while_away(member, name)
        await start_over(member)


async def added_while_away(member: Person, name: str) -> None:
    await member.page.context.set_offline(True)
    values = task_with(name, SAMPLES[name].one)
    form = member.page.locator("#new-form")
    await fill(form, values)
    await form.get_by_role("button", name="Add").click()
    if name in BY_CHECKBOX:
        await member.row(values["title"]).get_by_role("checkbox").click()
    await expect(member.row(values["title"])).to_contain_text("Not saved yet")
    if name not in BY_CHECKBOX:
        await expect(member.row(values["title"])).to_contain_text(words(values[name]))
    await member.page.context.set_offline(False)
    await member.everything_saved()
    (task,) = elsewhere(member, "GET", "/tasks")["tasks"]
    assert task[name] == values[name]
