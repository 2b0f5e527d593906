"""For ten seconds everything that was done to a task can be taken back."""

import pytest
from playwright.async_api import expect

from tests.web.people import Person
from tests.web.test_every_field import elsewhere, response


@pytest.mark.parametrize("by", ["key", "button"])
async def test_completing_is_taken_back_also_when_the_service_has_it(member: Person, by: str) -> None:
    await member.add("Buy milk")
    await member.page.get_by_role("radio", name="Open").check()
    done = await response(member, "PATCH", member.row("Buy milk").get_by_role("checkbox").click())
    assert done["completed"]
    await expect(member.rows).to_have_count(0)
    button = member.page.get_by_role("button", name="Undo")
    await button.focus()
    opened = await response(member, "PATCH", member.page.keyboard.press("u") if by == "key" else button.click())
    assert not opened["completed"]
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_editing_is_taken_back_and_what_others_did_stays(member: Person) -> None:
    await member.add("Buy milk")
    await member.edit("Buy milk", title="Buy eggs", priority="high")
    await member.everything_saved()
    (task,) = elsewhere(member, "GET", "/tasks")["tasks"]
    elsewhere(member, "PATCH", f"/tasks/{task['id']}", {"description": "Two"})
    await member.page.get_by_role("button", name="Undo").click()
    await expect(member.titles).to_have_text(["Buy milk"])
    await member.everything_saved()
    (task,) = elsewhere(member, "GET", "/tasks")["tasks"]
    assert (task["title"], task["priority"], task["description"]) == ("Buy milk", None, "Two")


async def test_what_never_left_is_taken_back_without_a_trace(member: Person) -> None:
    await member.add("Buy milk")
    await member.page.context.set_offline(True)
    await member.row("Buy milk").get_by_role("checkbox").click()
    await expect(member.page.get_by_role("button", name="Try now")).to_be_visible()
    await member.page.get_by_role("button", name="Undo").click()
    await expect(member.page.get_by_text("Not saved yet")).to_have_count(0)
    await expect(member.row("Buy milk").get_by_role("checkbox")).not_to_be_checked()
    await member.page.context.set_offline(False)
