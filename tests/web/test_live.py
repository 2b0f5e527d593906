"""What others change is seen without a reload: one tab waits for all, and none while the page is hidden."""

from playwright.async_api import Page, Request, expect

from tests.web.people import EMAIL, Person
from tests.web.test_every_field import elsewhere

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
    """See that the tab waits for changes."""
    async with tab.page.expect_request("**/tasks/changes?*"):
        await tab.page.reload()


async def test_a_program_adds_changes_and_deletes_and_all_tabs_show_it(member: Person) -> None:
    await waiting(member)
    other = Person(await member.page.context.new_page(), member.url)
    asked = waits(other.page)
    await other.visit()
    await expect(other.new_title).to_be_focused()
    task = elsewhere(member, "POST", "/tasks", {"title": "Buy milk"})
    for tab in (member, other):
        await expect(tab.titles).to_have_text(["Buy milk"], timeout=5000)
    elsewhere(member, "PATCH", f"/tasks/{task['id']}", {"title": "Buy eggs"})
    for tab in (member, other):
        await expect(tab.titles).to_have_text(["Buy eggs"], timeout=5000)
    assert asked == [], "the tabs share one wait"
    async with other.page.expect_request("**/tasks/changes?*"):
        await member.page.close()  # and the other goes on
    elsewhere(other, "PATCH", f"/tasks/{task['id']}", {"title": "Buy bread"})
    await expect(other.titles).to_have_text(["Buy bread"], timeout=5000)


async def test_what_one_edits_stays_and_is_marked(member: Person) -> None:
    await member.add("Buy milk")
    await waiting(member)
    await expect(member.titles).to_have_text(["Buy milk"])
    (task,) = elsewhere(member, "GET", "/tasks")["tasks"]
    form = await member.open_editor("Buy milk")
    await form.get_by_label("Title").fill("Half a thou")
    elsewhere(member, "PATCH", f"/tasks/{task['id']}", {"title": "Buy eggs"})
    await expect(form.get_by_text("Changed elsewhere")).to_be_visible(timeout=5000)
    await expect(form.get_by_label("Title")).to_have_value("Half a thou")
    await form.get_by_role("button", name="Cancel").click()
    await expect(member.titles).to_have_text(["Buy eggs"])
    await member.open_editor("Buy eggs")
    await expect(form.get_by_text("Changed elsewhere")).to_be_hidden()


async def test_hidden_it_asks_nothing_and_then_catches_up(member: Person) -> None:
    await waiting(member)
    async with member.page.expect_event("requestfailed", lambda request: "/tasks/changes" in request.url):
        await member.page.evaluate(HIDE, "hidden")
    asked = waits(member.page)
    elsewhere(member, "POST", "/tasks", {"title": "Buy milk"})
    await member.page.evaluate("fetch('./health/live')")  # time for a request, had there been one
    assert asked == []
    await expect(member.rows).to_have_count(0)
    await member.page.evaluate(HIDE, "visible")
    await expect(member.titles).to_have_text(["Buy milk"], timeout=5000)


async def test_after_410_the_list_is_read_anew(member: Person) -> None:
    await waiting(member)
    gone = {"type": "about:blank", "title": "Gone", "status": 410, "code": "CHANGES_GONE", "detail": "Again."}
    await member.page.route("**/tasks/changes?*", lambda route: route.fulfill(status=410, json=gone), times=1)
    async with member.page.expect_response(lambda response: response.status == 410):
        elsewhere(member, "POST", "/tasks", {"title": "Buy milk"})  # which ends the wait, and it asks again
    elsewhere(member, "POST", "/tasks", {"title": "Buy eggs"})
    await expect(member.titles).to_have_text(["Buy eggs", "Buy milk"], timeout=5000)


async def test_who_signs_out_waits_no_more_and_the_next_person_hears_nothing(member: Person) -> None:
    await waiting(member)
    asked = waits(member.page)
    await member.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_label("E-mail address")).to_be_focused()
    await member.page.evaluate("fetch('./health/live')")
    assert asked == []
    async with member.page.expect_request("**/tasks/changes?*"):
        await member.sign_up("bob@example.com")
    elsewhere(member, "POST", "/tasks", {"title": f"Of {EMAIL}"})
    await member.add("Of bob")
    await expect(member.titles).to_have_text(["Of bob"])
