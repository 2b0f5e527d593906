"""What a person looks at: the views of the list, and the address that keeps them."""

import re

import pytest
from playwright.async_api import expect

from tests.web.people import Person
from tests.web.programs import elsewhere
from tests.web.test_due import coming_new_yorker  # noqa: F401
from tests.web.test_looks import axe, findings  # noqa: F401

TASKS: dict[str, dict[str, object]] = {
    "Late": {"due_date": "2026-11-26", "tags": ["home"]},
    "Now": {"due_date": "2026-11-27"},
    "Soon": {"due_date": "2026-11-28", "tags": ["home", "shop"]},
    "Someday": {},
    "Over": {"due_date": "2026-11-27", "completed": True, "tags": ["home"]},
}
VIEWS = {
    "Today": ["Late", "Now"],
    "Upcoming": ["Soon"],
    "All": ["Over", "Someday", "Soon", "Now", "Late"],
    "Open": ["Someday", "Soon", "Now", "Late"],
    "Done": ["Over"],
}


@pytest.fixture
async def viewer(coming_new_yorker: Person) -> Person:  # noqa: F811
    """Alice, on 27 November, with tasks of all kinds."""
    alice = coming_new_yorker
    for title, values in TASKS.items():
        elsewhere(alice, "POST", "/tasks", {"title": title, **values})
    await alice.arrive()
    await expect(alice.rows).to_have_count(len(TASKS))
    return alice


async def test_a_view_shows_its_tasks_and_outlives_a_reload(viewer: Person, subtests: pytest.Subtests) -> None:
    for view, titles in VIEWS.items():
        with subtests.test(view):
            await viewer.page.get_by_role("radio", name=view).check()
            await expect(viewer.titles).to_have_text(titles)
            await viewer.page.reload()
            await expect(viewer.titles).to_have_text(titles)
            await expect(viewer.page.get_by_role("radio", name=view)).to_be_checked()


async def test_back_goes_back_and_a_bookmark_brings_all_of_it(viewer: Person) -> None:
    page = viewer.page
    await page.locator("#query [name=tag]").select_option("home")
    await expect(viewer.titles).to_have_text(["Over", "Soon", "Late"])
    await page.get_by_role("radio", name="Open").check()
    await expect(viewer.titles).to_have_text(["Soon", "Late"])
    await page.get_by_label("Reversed").check()
    await expect(viewer.titles).to_have_text(["Late", "Soon"])
    await page.get_by_label("Search").fill("soon")
    await expect(viewer.titles).to_have_text(["Soon"])
    bookmark = page.url
    await page.go_back()
    await expect(viewer.titles).to_have_text(["Soon", "Late"])
    await expect(page.get_by_label("Search")).to_have_value("")
    await page.go_back()
    await expect(viewer.titles).to_have_text(["Over", "Soon", "Late"])

    await page.goto("about:blank")
    await page.goto(bookmark)
    await expect(viewer.titles).to_have_text(["Soon"])
    await expect(page.get_by_label("Search")).to_have_value("soon")
    await expect(page.locator("#query [name=tag]")).to_have_value("home")


async def test_what_is_done_or_added_belongs_to_its_view_at_once(viewer: Person) -> None:
    await viewer.page.get_by_role("radio", name="Today").check()
    await expect(viewer.titles).to_have_text(["Late", "Now"])
    await viewer.row("Late").get_by_role("checkbox").click()
    await expect(viewer.titles).to_have_text(["Now"])
    await viewer.new_title.fill("For someday")
    await viewer.new_title.press("Enter")
    await viewer.everything_saved()
    await expect(viewer.titles).to_have_text(["Now"])


async def test_nonsense_in_the_address_is_the_first_view(viewer: Person) -> None:
    await viewer.page.goto(f"{viewer.url}/#view=constructor&sort=fun&tag=")
    await viewer.page.reload()
    await expect(viewer.rows).to_have_count(len(TASKS))
    await expect(viewer.page.get_by_role("radio", name="All")).to_be_checked()


async def test_a_link_for_something_else_leaves_the_view(viewer: Person) -> None:
    await viewer.page.get_by_role("radio", name="Done").check()
    await expect(viewer.titles).to_have_text(["Over"])
    await viewer.page.evaluate("location.hash = 'reset=none'")
    await expect(viewer.dialog.get_by_role("heading", name="Change password")).to_be_visible()
    await expect(viewer.page).to_have_url(re.compile("#view=done$"))
    await viewer.page.keyboard.press("Escape")
    await expect(viewer.titles).to_have_text(["Over"])


async def test_who_signs_out_leaves_no_word_in_the_address(viewer: Person) -> None:
    await viewer.page.get_by_label("Search").fill("soon")
    await expect(viewer.page).to_have_url(re.compile("#q=soon$"))
    await viewer.page.get_by_role("button", name="Sign out").click()
    await expect(viewer.page.get_by_label("E-mail address")).to_be_focused()
    assert "soon" not in viewer.page.url
    assert await viewer.page.locator("#query [name=q]").input_value() == ""
    assert await viewer.page.locator("#query option", has_text="shop").count() == 0


async def test_each_view_is_accessible(
    viewer: Person,
    axe: str,  # noqa: F811
    subtests: pytest.Subtests,
) -> None:
    for view in ("Today", "Upcoming", "Done"):
        with subtests.test(view):
            await viewer.page.get_by_role("radio", name=view).check()
            await expect(viewer.titles).to_have_text(VIEWS[view])
            assert await findings(viewer.page, axe) == []
