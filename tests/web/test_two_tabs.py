"""Two tabs of one person: nothing is overwritten unseen, and one session serves both."""

from playwright.async_api import Locator, expect

from tests.web.people import Person


async def stale_tabs(member: Person) -> tuple[Person, Person]:
    """Return two tabs that show the same task."""
    await member.add("Buy milk")
    other = await member.another_tab()
    await expect(other.titles).to_have_text(["Buy milk"])
    return member, other


async def edited_in_both(member: Person) -> tuple[Person, Locator]:
    first, second = await stale_tabs(member)
    await second.act("Buy milk", "Edit")
    await first.edit("Buy milk", title="Buy eggs")
    await first.everything_saved()
    question = await retitled(second)
    await expect(question).to_contain_text("Buy bread")
    await expect(question).to_contain_text("Buy eggs")
    return second, question


async def retitled(tab: Person) -> Locator:
    """Save another title in the form that is open; return the question which comes of it."""
    await tab.dialog.get_by_label("Title").fill("Buy bread")
    await tab.dialog.get_by_role("button", name="Save").click()
    return tab.page.get_by_role("dialog", name="Changed elsewhere")


async def stays(tab: Person, title: str) -> None:
    """See that the only task has this title, also for the service."""
    await tab.everything_saved()
    await tab.page.reload()
    await expect(tab.titles).to_have_text([title])


async def test_a_conflict_shows_both_versions_and_mine_can_stay(member: Person) -> None:
    second, question = await edited_in_both(member)
    await question.get_by_role("button", name="Keep yours").click()
    await stays(second, "Buy bread")


async def test_a_conflict_shows_both_versions_and_theirs_can_stay(member: Person) -> None:
    second, question = await edited_in_both(member)
    await question.get_by_role("button", name="Keep the other").click()
    await expect(second.titles).to_have_text(["Buy eggs"])
    await second.page.reload()
    await expect(second.titles).to_have_text(["Buy eggs"])


async def test_a_conflict_can_wait_and_outlives_a_reload(member: Person) -> None:
    second, _ = await edited_in_both(member)
    await second.page.keyboard.press("Escape")
    await second.page.reload()
    await expect(second.row("Buy bread")).to_contain_text("Changed elsewhere")
    await second.page.get_by_role("button", name="Choose a version").click()
    await second.dialog.get_by_role("button", name="Keep yours").click()
    await stays(second, "Buy bread")


async def test_changes_of_different_fields_both_stay(member: Person) -> None:
    first, second = await stale_tabs(member)
    await second.act("Buy milk", "Edit")
    await first.edit("Buy milk", title="Buy eggs")
    await first.everything_saved()
    await second.dialog.get_by_label("Description").fill("Two litres")
    await second.dialog.get_by_role("button", name="Save").click()
    await expect(second.titles).to_have_text(["Buy eggs"])
    await second.everything_saved()
    await second.page.reload()
    await expect(second.row("Buy eggs")).to_contain_text("Two litres")


async def test_deleting_what_changed_meanwhile_is_asked_about(member: Person) -> None:
    first, second = await stale_tabs(member)
    await second.act("Buy milk", "Delete")
    await first.edit("Buy milk", title="Buy eggs")
    await first.everything_saved()
    await second.page.evaluate("dispatchEvent(new Event('pagehide'))")  # no more time to undo
    question = second.page.get_by_role("dialog", name="Changed elsewhere")
    await expect(question).to_contain_text("Buy eggs")
    await question.get_by_role("button", name="Keep the other").click()
    await second.page.reload()
    await expect(second.titles).to_have_text(["Buy eggs"])


async def test_editing_what_was_deleted_meanwhile_loses_nothing(member: Person) -> None:
    first, second = await stale_tabs(member)
    await second.act("Buy milk", "Edit")
    await first.act("Buy milk", "Delete")
    await first.page.reload()
    await expect(first.page.get_by_text("0 tasks")).to_be_visible()
    question = await retitled(second)
    await expect(question).to_contain_text("has been deleted elsewhere")
    await question.get_by_role("button", name="Keep yours").click()
    await stays(second, "Buy bread")


async def test_signing_out_in_one_tab_signs_out_in_all(member: Person) -> None:
    first, second = await stale_tabs(member)
    await first.page.get_by_role("button", name="Sign out").click()
    for tab in (first, second):
        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert (await tab.stored())["session"] == {}


async def test_what_another_tab_adds_is_seen_within_half_a_minute(member: Person) -> None:
    """Also where a proxy lets nobody wait for changes."""
    await member.page.context.route("**/tasks/changes?*", lambda route: route.abort())
    await member.page.reload()
    other = await member.another_tab()
    await other.page.clock.install()
    await other.page.reload()
    await expect(other.new_title).to_be_focused()
    await member.add("Buy milk")
    await expect(other.rows).to_have_count(0)
    await other.page.clock.fast_forward(30_000)
    await expect(other.titles).to_have_text(["Buy milk"])
