"""Days and times as people type them: shown back as the date they mean, and never lost."""

import pytest
from playwright.async_api import expect

from tests.web.people import Person
from tests.web.test_due import coming_new_yorker, new_yorker  # noqa: F401
from tests.web.test_every_field import response

# It is Friday, 27 November 2026, at seven in the morning.
UNDERSTOOD = {
    "today": ("2026-11-27", "", "Fri, Nov 27, 2026"),
    " Tomorrow ": ("2026-11-28", "", "Sat, Nov 28, 2026"),
    "fri 18:00": ("2026-12-04", "18:00", "Fri, Dec 4, 2026, 6:00 PM"),
    "monday at 6pm": ("2026-11-30", "18:00", "Mon, Nov 30, 2026, 6:00 PM"),
    "12 am": ("2026-11-27", "00:00", "Fri, Nov 27, 2026, 12:00 AM"),
    "24.12.": ("2026-12-24", "", "Thu, Dec 24, 2026"),
    "1.2.": ("2027-02-01", "", "Mon, Feb 1, 2027"),
    "29.2.": ("2028-02-29", "", "Tue, Feb 29, 2028"),
    "1. 3. 2030 9:05": ("2030-03-01", "09:05", "Fri, Mar 1, 2030, 9:05 AM"),
    "2026-12-24": ("2026-12-24", "", "Thu, Dec 24, 2026"),
}
NOT_UNDERSTOOD = ["someday", "31.2.", "2026-02-30", "25:00", "13pm", "fri 18:60", "f", "1.13."]


async def test_words_set_day_and_time_and_are_shown_as_the_date_they_mean(
    new_yorker: Person,  # noqa: F811
) -> None:
    await new_yorker.new_title.fill("Buy milk")
    form = new_yorker.page.locator("#new-form")
    words = form.get_by_label("Due, in words")
    for typed, (day, time, shown) in UNDERSTOOD.items():
        await words.fill(typed)
        await expect(form.get_by_label("Due day")).to_have_value(day)
        await expect(form.get_by_label("Time")).to_have_value(time)
        assert " ".join((await form.locator(".meaning").inner_text()).split()) == shown
    await words.fill("")
    await expect(form.get_by_label("Due day")).to_have_value("")
    await words.fill("fri 18:00")
    task = await response(new_yorker, "POST", words.press("Enter"))
    assert (task["due_date"], task["due_time"]) == ("2026-12-04", "18:00")


@pytest.mark.parametrize("form", ["#new-form", "#editor"])
async def test_what_is_not_understood_is_told_and_stays(
    new_yorker: Person,  # noqa: F811
    form: str,
) -> None:
    await new_yorker.add("Buy milk")
    await new_yorker.new_title.fill("Buy bread")
    if form == "#editor":
        await new_yorker.open_editor("Buy milk")
    words = new_yorker.page.locator(f"{form} [name=due_words]")
    for typed in NOT_UNDERSTOOD:
        await words.fill(typed)
        await words.press("Enter")
        await expect(words).to_be_focused()
        assert "Write today" in await new_yorker.page.locator(f"{form} .problem").inner_text(), typed
        await expect(words).to_have_value(typed)
    await new_yorker.page.reload()
    await expect(words).to_have_value(NOT_UNDERSTOOD[-1])


async def test_a_day_that_is_picked_takes_the_place_of_the_words(
    new_yorker: Person,  # noqa: F811
) -> None:
    await new_yorker.new_title.fill("Buy milk")
    form = new_yorker.page.locator("#new-form")
    await form.get_by_label("Due, in words").fill("tomorrow")
    await form.get_by_label("Due day").fill("2031-05-01")
    await expect(form.get_by_label("Due, in words")).to_have_value("")
    await expect(form.locator(".meaning")).to_be_empty()
    await expect(form.get_by_label("Due day")).to_have_value("2031-05-01")
