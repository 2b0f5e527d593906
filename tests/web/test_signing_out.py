"""After signing out, no tab shows or keeps anything of the person, and nothing unsent is lost unasked."""

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.people import EMAIL, Person, until
from tests.web.test_session import DEVICE

SECRET = "Buy a present"  # in every title, description and draft
EVERYTHING = """() => [
    document.title, document.documentElement.outerHTML,
    ...[...document.querySelectorAll("input, textarea")].map(({ value }) => value),
].join("\\n")"""


@pytest.fixture
async def member(newcomer: Person) -> Person:
    """Alice, with all that signing in has left in the page and in the browser."""
    return newcomer


async def seen(page: Page) -> str:
    """Return all that is in the document, also where nobody sees it."""
    return str(await page.evaluate(EVERYTHING))


async def sign_out(tab: Person) -> None:
    await tab.page.get_by_role("button", name="Sign out").first.click()


async def signed_out(*tabs: Person) -> None:
    """Fail unless these tabs know nobody."""
    for tab in tabs:
        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await until(tab.page, "() => localStorage.getItem('taskward.left') === null")  # the service was told
        stored = await tab.stored()
        assert stored["session"] == {}
        assert stored["local"].keys() == {DEVICE}  # which names nobody
        assert await tab.refresh_cookie() is None
        found = await seen(tab.page)
        assert SECRET not in found
        assert EMAIL not in found


async def unreachable(route: Route) -> None:
    await route.abort()


async def test_nothing_is_left_of_drafts_and_dialogs_in_any_tab(member: Person) -> None:
    await member.add(f"{SECRET} for bob")
    await member.edit(SECRET, description=f"{SECRET}, a red one")
    await member.everything_saved()
    editing, conflicted = await member.another_tab(), await member.another_tab()
    await expect(editing.titles).to_have_text([f"{SECRET} for bob"])

    await conflicted.act(SECRET, "Edit")
    await member.edit(SECRET, title=f"{SECRET} for charlie")
    await member.everything_saved()
    await conflicted.dialog.get_by_label("Title").fill(f"{SECRET} for dave")
    await conflicted.dialog.get_by_role("button", name="Save").click()
    await conflicted.dialog.get_by_role("button", name="Keep yours").click()
    await conflicted.everything_saved()  # its texts are still in the dialog

    await editing.page.get_by_label("Search").fill(SECRET)
    await editing.new_title.fill(f"{SECRET} for all")
    await editing.page.locator("#new-form [name=tags]").fill(SECRET)
    await editing.act(SECRET, "Edit")
    await editing.dialog.get_by_label("Description").fill(f"{SECRET}, half a thought")
    for tab in (member, editing, conflicted):
        assert SECRET in await seen(tab.page)
        assert EMAIL in await seen(tab.page)
    await sign_out(member)
    await signed_out(member, editing, conflicted)


async def test_what_another_tab_has_not_sent_is_sent_first(member: Person) -> None:
    other = await member.another_tab()
    await other.page.route("**/tasks", unreachable, times=1)
    await other.new_title.fill(SECRET)
    await other.new_title.press("Enter")
    await expect(other.page.get_by_text("Not saved yet")).to_have_count(1)
    await sign_out(member)
    await signed_out(member, other)
    await member.sign_in()
    await expect(member.titles).to_have_text([SECRET])


@pytest.mark.parametrize("lose", [False, True])
async def test_what_another_tab_cannot_send_is_asked_about(member: Person, lose: bool) -> None:
    other = await member.another_tab()
    await other.page.route("**/tasks", unreachable)
    await other.new_title.fill(SECRET)
    await other.new_title.press("Enter")
    await sign_out(member)
    question = member.page.get_by_role("dialog", name="Sign out and lose changes?")
    await expect(question).to_be_visible()
    if lose:
        await question.get_by_role("button", name="Sign out").click()
        await signed_out(member, other)
        return
    await question.get_by_role("button", name="Stay").click()
    await other.page.unroute("**/tasks")
    await other.page.evaluate("dispatchEvent(new Event('online'))")
    await other.everything_saved()
    await member.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(member.titles).to_have_text([SECRET])


async def test_a_tab_that_did_not_answer_in_time_keeps_what_nobody_was_asked_about(member: Person) -> None:
    other = await member.another_tab()
    await other.page.route("**/tasks", unreachable)
    await other.new_title.fill(SECRET)
    await other.new_title.press("Enter")
    await expect(other.page.get_by_text("Not saved yet")).to_have_count(1)
    (outbox,) = (await other.stored())["session"]
    user_id = outbox.removeprefix("taskward.outbox.")
    await member.page.evaluate(  # as `signOut` tells a tab that slept while it was asked
        "(user_id) => new BroadcastChannel('taskward.session').postMessage({ kind: 'end', user_id, lose: false })",
        user_id,
    )
    await expect(other.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert SECRET not in await seen(other.page)
    assert list((await other.stored())["session"]) == [outbox]
    await other.page.unroute("**/tasks")
    await other.sign_in()
    await expect(other.titles).to_have_text([SECRET])
    await other.everything_saved()
