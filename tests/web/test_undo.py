"""For ten seconds everything that was done to a task can be taken back."""

import asyncio
import re
from collections.abc import Awaitable

import pytest
from playwright.async_api import Route, expect

from tests.web.people import Person, until
from tests.web.programs import elsewhere
from tests.web.test_every_field import response

NOTHING_WAITS = "() => !Object.keys(sessionStorage).some((name) => name.includes('outbox'))"


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


@pytest.mark.parametrize("by", ["key", "button"])
async def test_adding_is_taken_back_also_when_the_service_has_it(member: Person, by: str) -> None:
    await member.add("Buy milk", "Buy eggs")
    button = member.page.get_by_role("button", name="Undo")
    await button.focus()
    async with member.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        await (member.page.keyboard.press("u") if by == "key" else button.click())
    await expect(member.titles).to_have_text(["Buy milk"])
    assert (await deleted.value).status == 204
    assert [task["title"] for task in elsewhere(member, "GET", "/tasks")["tasks"]] == ["Buy milk"]


async def test_adding_is_taken_back_while_it_is_on_its_way(member: Person) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.continue_()

    await member.page.route("**/tasks", hold, times=1)
    await member.new_title.fill("Buy milk")
    await member.new_title.press("Enter")
    await asked.wait()
    await member.page.get_by_role("button", name="Undo").click()
    await expect(member.rows).to_have_count(0)
    async with member.page.expect_response(lambda response: response.request.method == "DELETE"):
        released.set()
    await expect(member.rows).to_have_count(0)
    assert elsewhere(member, "GET", "/tasks")["tasks"] == []


async def test_what_was_added_offline_and_taken_back_is_never_sent(member: Person) -> None:
    sent: list[str] = []
    member.page.on("request", lambda request: sent.append(request.method))
    await member.page.context.set_offline(True)
    await member.new_title.fill("Buy milk")
    await member.new_title.press("Enter")
    await expect(member.page.get_by_role("button", name="Try now")).to_be_visible()
    await member.page.get_by_role("button", name="Undo").click()
    await expect(member.rows).to_have_count(0)
    sent.clear()
    await member.page.context.set_offline(False)
    await expect(member.page.get_by_role("button", name="Try now")).to_be_hidden()
    assert "POST" not in sent


async def lost(member: Person, address: re.Pattern[str], act: Awaitable[None]) -> None:
    """Do something that the service does, and of which nobody hears; take it back, and have all of it sent."""
    arrived: list[str] = []
    is_back = asyncio.Event()

    async def lose(route: Route) -> None:
        if is_back.is_set():
            await route.continue_()
            return
        if not arrived:
            arrived.append((await route.fetch()).status_text)
        await route.abort()

    await member.page.route(address, lose)
    await act
    await expect(member.page.get_by_role("button", name="Try now")).to_be_visible()
    await member.page.get_by_role("button", name="Undo").click()
    is_back.set()  # and it is tried again by itself
    await until(member.page, NOTHING_WAITS)


async def test_a_change_whose_answer_was_lost_is_taken_back_there_too(member: Person) -> None:
    await member.add("Buy milk")
    await lost(member, re.compile(r"/tasks/\d+$"), member.row("Buy milk").get_by_role("checkbox").click())
    assert [task["completed"] for task in elsewhere(member, "GET", "/tasks")["tasks"]] == [False]


async def test_a_task_that_was_added_although_nobody_said_so_is_taken_back_there_too(member: Person) -> None:
    await member.new_title.fill("Buy milk")
    await lost(member, re.compile(r"/tasks$"), member.new_title.press("Enter"))
    await expect(member.rows).to_have_count(0)
    assert elsewhere(member, "GET", "/tasks")["tasks"] == []
