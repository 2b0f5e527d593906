"""Search as one types: the newest answer counts, whatever came before it."""

import asyncio

from playwright.async_api import Route, expect

from tests.web.people import Person


async def test_an_older_answer_is_not_waited_for_and_overwrites_nothing(member: Person) -> None:
    await member.add("Walk the dog", "Buy milk", "Buy eggs")
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.continue_()

    await member.page.route("**/tasks?*q=Buy&*", hold)
    search = member.page.get_by_label("Search")
    await search.fill("Buy")
    await asked.wait()
    await search.fill("Buy eggs")
    await expect(member.titles).to_have_text(["Buy eggs"])  # though the first is not answered
    released.set()
    await member.page.evaluate("fetch('./health/live')")  # time for the older answer, if it still came
    await expect(member.titles).to_have_text(["Buy eggs"])
    await expect(member.page.get_by_text("1 task", exact=True)).to_be_visible()


async def test_letters_typed_in_a_row_are_one_question(member: Person) -> None:
    await member.add("Walk the dog", "Buy milk")
    asked: list[str] = []
    member.page.on("request", lambda request: asked.append(request.url) if "q=" in request.url else None)
    await member.page.get_by_label("Search").evaluate(
        """(input) => {
            for (const value of ["m", "mi", "mil", "milk"]) {
                input.value = value;
                input.dispatchEvent(new Event("input", { bubbles: true }));
            }
        }"""
    )
    await expect(member.titles).to_have_text(["Buy milk"])
    assert len(asked) == 1
    assert "q=milk" in asked[0]
