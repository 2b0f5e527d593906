"""The tags that a person uses are offered where one is typed."""

from playwright.async_api import Locator, expect

from tests.web.people import Person

OFFERED = "(input) => [...input.list.options].map((option) => option.value)"


async def offered(control: Locator, typed: str) -> list[str]:
    """Return what the browser may complete a text to, once it is typed."""
    await control.fill(typed)
    found: list[str] = await control.evaluate(OFFERED)
    return [value for value in found if value.startswith(typed)]


async def test_a_tag_is_completed_after_others_and_none_is_offered_twice(member: Person) -> None:
    await member.add("Buy milk", "Water the ferns")
    await member.edit("Buy milk", tags="Shop, home")
    await member.edit("Water the ferns", tags="plants, HOME")
    await member.everything_saved()
    await member.new_title.fill("Buy pots")
    tags = member.page.locator("#new-form [name=tags]")
    assert await offered(tags, "") == ["home", "plants", "Shop"]
    assert await offered(tags, "p") == ["plants"]
    assert await offered(tags, "home, ") == ["home, plants", "home, Shop"]
    form = await member.open_editor("Buy milk")
    assert await offered(form.get_by_label("Tags"), "HOME, p") == ["HOME, plants"]
    await member.page.keyboard.press("Escape")
    await member.row("Buy milk").get_by_role("checkbox").focus()
    await member.page.keyboard.press("t")
    await expect(member.dialog.get_by_label("Tags")).to_be_focused()
    assert await offered(member.dialog.get_by_label("Tags"), "Sh") == ["Shop"]
    await member.page.keyboard.press("Escape")
    await member.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_label("E-mail address")).to_be_focused()
    assert await member.page.locator("#known-tags option").count() == 0
