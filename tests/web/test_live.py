"""What others change is seen without a reload: one tab waits for all, and none while the page is hidden."""

import pytest
from playwright.async_api import Page, Request, expect

from tests.web.people import EMAIL, Person
from tests.web.programs import elsewhere

HIDE = """(state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def waits(page: Page) -> list[Request]:
    """Collect the requests with which a page waits."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if "/tasks/changes" in request.url else None)
    return found


async def waiting(tab: Person) -> None:
    """Open the page, and see that it waits for changes."""
    async with tab.page.expect_request("**/tasks/changes?*"):
        await tab.visit()


@pytest.fixture
async def watcher(coming_member: Person) -> Person:
    """Alice, whose page waits for changes."""
    await waiting(coming_member)
    return coming_member


async def test_a_program_adds_changes_and_deletes_and_all_tabs_show_it(watcher: Person) -> None:
    other = Person(await watcher.page.context.new_page(), watcher.url)
    asked = waits(other.page)
    await other.visit()
    await expect(other.new_title).to_be_focused()
    task = elsewhere(watcher, "POST", "/tasks", {"title": "Buy milk"})
    for tab in (watcher, other):
        await expect(tab.titles).to_have_text(["Buy milk"], timeout=5000)
    elsewhere(watcher, "PATCH", f"/tasks/{task['id']}", {"title": "Buy eggs"})
    for tab in (watcher, other):
        await expect(tab.titles).to_have_text(["Buy eggs"], timeout=5000)
    assert asked == [], "the tabs share one wait"
    async with other.page.expect_request("**/tasks/changes?*"):
        await watcher.page.close()  # and the other goes on
    elsewhere(other, "PATCH", f"/tasks/{task['id']}", {"title": "Buy bread"})
    await expect(other.titles).to_have_text(["Buy bread"], timeout=5000)


async def test_what_one_edits_stays_and_is_marked(coming_member: Person) -> None:
    watcher = coming_member
    task = elsewhere(watcher, "POST", "/tasks", {"title": "Buy milk"})
    await waiting(watcher)
    await expect(watcher.titles).to_have_text(["Buy milk"])
    form = await watcher.open_editor("Buy milk")
    await form.get_by_label("Title").fill("Half a thou")
    elsewhere(watcher, "PATCH", f"/tasks/{task['id']}", {"title": "Buy eggs"})
    await expect(form.get_by_text("Changed elsewhere")).to_be_visible(timeout=5000)
    await expect(form.get_by_label("Title")).to_have_value("Half a thou")
    await form.get_by_role("button", name="Cancel").click()
    await expect(watcher.titles).to_have_text(["Buy eggs"])
    await watcher.open_editor("Buy eggs")
    await expect(form.get_by_text("Changed elsewhere")).to_be_hidden()


async def test_hidden_it_asks_nothing_and_then_catches_up(watcher: Person) -> None:
    async with watcher.page.expect_event("requestfailed", lambda request: "/tasks/changes" in request.url):
        await watcher.page.evaluate(HIDE, "hidden")
    asked = waits(watcher.page)
    elsewhere(watcher, "POST", "/tasks", {"title": "Buy milk"})
    await watcher.page.evaluate("fetch('./health/live')")  # time for a request, had there been one
    assert asked == []
    await expect(watcher.rows).to_have_count(0)
    await watcher.page.evaluate(HIDE, "visible")
    await expect(watcher.titles).to_have_text(["Buy milk"], timeout=5000)


async def test_after_410_the_list_is_read_anew(watcher: Person) -> None:
    gone = {"type": "about:blank", "title": "Gone", "status": 410, "code": "CHANGES_GONE", "detail": "Again."}
    await watcher.page.route("**/tasks/changes?*", lambda route: route.fulfill(status=410, json=gone), times=1)
    async with watcher.page.expect_response(lambda response: response.status == 410):
        elsewhere(watcher, "POST", "/tasks", {"title": "Buy milk"})  # which ends the wait, and it asks again
    elsewhere(watcher, "POST", "/tasks", {"title": "Buy eggs"})
    await expect(watcher.titles).to_have_text(["Buy eggs", "Buy milk"], timeout=5000)


async def test_who_signs_out_waits_no_more_and_the_next_person_hears_nothing(watcher: Person) -> None:
    asked = waits(watcher.page)
    await watcher.page.get_by_role("button", name="Sign out").click()
    await expect(watcher.page.get_by_label("E-mail address")).to_be_focused()
    await watcher.page.evaluate("fetch('./health/live')")
    assert asked == []
    async with watcher.page.expect_request("**/tasks/changes?*"):
        await watcher.sign_up("bob@example.com")
    elsewhere(watcher, "POST", "/tasks", {"title": f"Of {EMAIL}"})
    await watcher.add("Of bob")
    await expect(watcher.titles).to_have_text(["Of bob"])
