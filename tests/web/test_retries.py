"""Answers that are lost, and a service that asks to wait: nothing is lost, and nothing happens twice."""

import asyncio
import time

import psycopg
import pytest
from playwright.async_api import Route, expect

from tests.web.people import Person


async def test_a_create_whose_response_was_lost_happens_once(member: Person) -> None:
    lost = []

    async def lose(route: Route) -> None:
        response = await route.fetch()  # the service has done it
        lost.append((route.request.method, response.status))
        await route.abort()

    await member.page.route("**/tasks", lose, times=2)
    await member.add("Buy milk")
    assert lost == [("POST", 201)] * 2
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_a_create_happens_once_also_when_its_key_is_forgotten(
    member: Person, superuser: psycopg.Connection
) -> None:
    """The service keeps keys for a day, and an outbox waits for as long as it has to."""
    waiting = asyncio.Event()

    async def lose(route: Route) -> None:
        response = await route.fetch()
        assert response.status == 201
        await member.page.context.set_offline(True)
        await route.abort()
        waiting.set()

    await member.page.route("**/tasks", lose, times=1)
    await member.new_title.fill("Buy milk")
    await member.new_title.press("Enter")
    await waiting.wait()
    await member.edit("Buy milk", title="Buy bread")
    # Meanwhile a day goes by, and another client changes the title that the edit here is about.
    superuser.execute("DELETE FROM idempotency_keys")
    superuser.execute("UPDATE tasks SET title = 'Buy eggs'")
    async with member.page.expect_response("**/tasks") as response:
        await member.page.context.set_offline(False)
    assert (await response.value).status == 200
    question = member.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question.locator(".theirs")).to_contain_text("Buy eggs")
    await question.get_by_role("button", name="Keep yours").click()
    await member.everything_saved()
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy bread"])


async def test_an_edit_whose_response_was_lost_is_no_conflict_with_itself(member: Person) -> None:
    await member.add("Buy milk")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await member.page.route("**/tasks/*", lose, times=1)
    await member.edit("Buy milk", title="Buy oat milk")
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Buy oat milk"])
    await expect(member.dialog).to_have_count(0)


@pytest.mark.parametrize("status", [429, 503])
async def test_who_is_asked_to_wait_waits_and_is_served(member: Person, status: int) -> None:
    times = []

    async def refuse(route: Route) -> None:
        times.append(time.monotonic())
        await route.fulfill(
            status=status, headers={"Retry-After": "2"}, json={"detail": "Later.", "code": "LATER"}
        )

    async def let_pass(route: Route) -> None:
        times.append(time.monotonic())
        await route.continue_()

    await member.page.route("**/tasks", let_pass)
    await member.page.route("**/tasks", refuse, times=1)
    await member.add("Buy milk")
    assert len(times) == 2
    assert times[1] - times[0] >= 2
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])
