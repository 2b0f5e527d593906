"""Every field through the page, driven by the service's list of fields: new, edit, conflict and outbox."""

from typing import Any

import pytest
from playwright.async_api import Locator, Response, expect

from tests.tasks.fields import CHANGEABLE_NAMES, NAMES, SAMPLES, task_with
from tests.web.people import Person

every_field = pytest.mark.parametrize("name", CHANGEABLE_NAMES)
# What is set in the list, and not in the forms; and how the page tells of its values.
BY_CHECKBOX = {"completed": {True: "Done", False: "Open"}}


async def response(tab: Person, method: str, action: Any) -> dict[str, Any]:
    """Do something that makes the page write, and return what the service answers."""

    def written(response: Response) -> bool:
        return response.request.method == method and "/tasks" in response.url

    async with tab.page.expect_response(written) as response:
        await action
    found: dict[str, Any] = await (await response.value).json()
    return found


async def add(tab: Person, name: str) -> dict[str, Any]:
    """Add a task in which the field has the first value of its sample."""
    form = tab.page.locator("#new-form")
    values = task_with(name, SAMPLES[name].one)
    for each, value in values.items():
        if each not in BY_CHECKBOX:
            await form.locator(f"[name={each}]").fill(str(value), timeout=3000)
    task = await response(tab, "POST", form.get_by_role("button", name="Add").click())
    if name in BY_CHECKBOX:
        task = await response(tab, "PATCH", tab.row(task["title"]).get_by_role("checkbox").click())
    await tab.everything_saved()
    return task


async def open_editor(tab: Person, title: str) -> Locator:
    await tab.row(title).get_by_role("button", name="Edit").click()
    return tab.dialog


async def change(tab: Person, title: str, values: dict[str, Any]) -> dict[str, Any]:
    """Edit a task, and return the last response."""
    task: dict[str, Any] = {}
    for _ in values.keys() & BY_CHECKBOX.keys():
        task = await response(tab, "PATCH", tab.row(title).get_by_role("checkbox").click())
    if typed := {name: value for name, value in values.items() if name not in BY_CHECKBOX}:
        dialog = await open_editor(tab, title)
        for name, value in typed.items():
            await dialog.locator(f"[name={name}]").fill(str(value), timeout=3000)
        task = await response(tab, "PATCH", dialog.get_by_role("button", name="Save").click())
    return task


def words(name: str, value: Any) -> str:
    return BY_CHECKBOX[name][value] if name in BY_CHECKBOX else str(value)


def test_every_field_is_walked() -> None:
    assert set(CHANGEABLE_NAMES) <= set(NAMES) == set(SAMPLES)


@every_field
async def test_new_and_edit(member: Person, name: str) -> None:
    task = await add(member, name)
    assert task[name] == SAMPLES[name].one
    if name not in BY_CHECKBOX:
        await expect(member.row(task["title"])).to_contain_text(str(SAMPLES[name].one))
        dialog = await open_editor(member, task["title"])
        await expect(dialog.locator(f"[name={name}]")).to_have_value(str(task[name]))
        await dialog.locator(f"[name={name}]").fill(str(SAMPLES[name].other))
        await member.page.reload()
        await expect(dialog.locator(f"[name={name}]")).to_have_value(str(SAMPLES[name].other))  # the draft is kept
        await dialog.get_by_role("button", name="Cancel").click()
    changed = await change(member, task["title"], {name: SAMPLES[name].other})
    assert changed[name] == SAMPLES[name].other
    assert {**changed, name: None, "updated_at": None, "revision": None} == {
        **task, name: None, "updated_at": None, "revision": None
    }, "and nothing else"  # fmt: skip


@every_field
async def test_conflict_and_outbox(member: Person, name: str) -> None:
    """Two tabs disagree; then one deletes what the other has, who makes it anew with all its fields."""
    task = await add(member, name)
    other = await member.another_tab()
    dialog = await open_editor(other, task["title"])
    theirs = await change(member, task["title"], {"title": "Theirs", name: SAMPLES[name].other})
    await dialog.locator("[name=title]").fill("Mine")
    await dialog.get_by_role("button", name="Save").click()
    question = other.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question.locator(".theirs .differs", has_text=words(name, theirs[name]))).to_have_count(1)
    mine = "Mine" if name == "title" else words(name, task[name])
    await expect(question.locator(".mine .differs", has_text=mine)).to_have_count(1)

    await answer_deletion(member, theirs["title"])
    await response(other, "PATCH", question.get_by_role("button", name="Keep yours").click())
    await expect(question).to_contain_text("has been deleted elsewhere")
    anew = await response(other, "POST", question.get_by_role("button", name="Keep yours").click())
    assert anew["id"] != task["id"]
    assert anew[name] == ("Mine" if name == "title" else theirs[name])


async def answer_deletion(tab: Person, title: str) -> None:
    async with tab.page.expect_response(lambda response: response.request.method == "DELETE"):
        await tab.row(title).get_by_role("button", name="Delete").click()
        await tab.page.evaluate("dispatchEvent(new Event('pagehide'))")  # no more time to undo
