"""The life of a task, from a person's first visit on."""

import re

import psycopg
from playwright.async_api import expect

from tests.web.people import EMAIL, PASSWORD, Person


async def test_a_person_signs_up_and_a_task_lives_its_whole_life(person: Person) -> None:
    await person.sign_up()
    await expect(person.page.get_by_text("Write what you have to do above, and press Enter.")).to_be_visible()
    await person.add("Buy milk")
    await expect(person.page.get_by_text("1 task", exact=True)).to_be_visible()

    await person.edit("Buy milk", title="Buy oat milk", description="Two litres")
    await expect(person.row("Buy oat milk")).to_contain_text("Two litres")
    await person.row("Buy oat milk").get_by_role("checkbox").check()
    await expect(person.row("Buy oat milk")).to_have_class(re.compile("done"))
    await person.everything_saved()

    await person.page.reload()  # what is shown now comes from the service
    await expect(person.row("Buy oat milk").get_by_role("checkbox")).to_be_checked()
    await expect(person.row("Buy oat milk")).to_contain_text("Two litres")

    await person.act("Buy oat milk", "Delete")
    await expect(person.rows).to_have_count(0)
    await person.page.get_by_role("button", name="Undo").click()
    await expect(person.rows).to_have_count(1)
    await person.act("Buy oat milk", "Delete")
    other = await person.another_tab()
    await expect(other.rows).to_have_count(1)
    await person.page.goto("about:blank")  # leaving sends what could still have been undone
    await other.page.evaluate("setInterval(() => dispatchEvent(new Event('focus')), 200)")
    await expect(other.page.get_by_text("0 tasks")).to_be_visible()


async def test_signing_out_and_in_again(member: Person) -> None:
    await member.add("Buy milk")
    await expect(member.page.get_by_text(EMAIL)).to_be_visible()
    await member.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_label("E-mail address")).to_be_focused()
    await expect(member.titles).to_have_count(0)
    await member.sign_in()
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_filter_and_order(member: Person) -> None:
    await member.add("Walk the dog", "ask bob", "Buy milk")
    await member.row("Buy milk").get_by_role("checkbox").check()
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Buy milk", "ask bob", "Walk the dog"])

    await member.page.get_by_label("Sort by").select_option("Title")
    await expect(member.titles).to_have_text(["ask bob", "Buy milk", "Walk the dog"])
    await member.page.get_by_role("radio", name="Open").check()
    await expect(member.titles).to_have_text(["ask bob", "Walk the dog"])
    await expect(member.page.get_by_text("2 tasks")).to_be_visible()
    await member.row("ask bob").get_by_role("checkbox").click()
    await expect(member.titles).to_have_text(["Walk the dog"])
    await member.page.get_by_role("radio", name="Done").check()
    await expect(member.titles).to_have_text(["ask bob", "Buy milk"])


async def test_search_and_the_orders_of_what_is_due_and_urgent(member: Person) -> None:
    for title, values in {
        "Walk the dog": {"due_date": "2031-05-02", "tags": "home"},
        "Ask bob": {"priority": "high"},
        "Buy milk": {"due_date": "2031-05-01", "due_time": "18:00", "priority": "low"},
    }.items():
        await member.add(title)
        await member.edit(title, **values)
    await member.everything_saved()
    await member.page.get_by_label("Sort by").select_option("Due day")
    await expect(member.titles).to_have_text(["Buy milk", "Walk the dog", "Ask bob"])
    await member.page.get_by_label("Sort by").select_option("Priority")
    await expect(member.titles).to_have_text(["Ask bob", "Buy milk", "Walk the dog"])

    search = member.page.get_by_label("Search")
    await search.press_sequentially("HOME dog")
    await expect(member.titles).to_have_text(["Walk the dog"])
    await expect(member.page.get_by_text("1 task", exact=True)).to_be_visible()
    await search.fill("%")
    await expect(member.page.get_by_text("No task here.")).to_be_visible()
    await search.fill(" ")  # nothing that could be searched for
    await expect(member.rows).to_have_count(3)
    await member.new_title.fill("Call charlie")
    await search.fill("dog")
    await expect(member.titles).to_have_text(["Walk the dog"])
    await member.new_title.press("Enter")
    await member.everything_saved()
    await expect(member.titles).to_have_text(
        ["Walk the dog"]
    )  # the service has it, and it is not what was asked for


async def test_everything_by_keyboard(member: Person) -> None:
    await member.add("Buy milk", "Call bob")
    press = member.page.keyboard.press
    await press("Shift+Tab")  # out of the field, where keys are letters
    await press("j")
    await expect(member.row("Call bob").get_by_role("checkbox")).to_be_focused()
    await press("j")
    await press("x")
    await expect(member.row("Buy milk").get_by_role("checkbox")).to_be_checked()
    await press("k")
    await press("e")
    await expect(member.dialog.get_by_label("Title")).to_be_focused()
    await member.page.keyboard.type(" tonight")
    await press("Enter")
    await expect(member.row("Call bob tonight").get_by_role("checkbox")).to_be_focused()
    await press("Delete")
    await expect(member.titles).to_have_text(["Buy milk"])
    await expect(member.row("Buy milk").get_by_role("checkbox")).to_be_focused()
    await press("u")
    await expect(member.titles).to_have_text(["Call bob tonight", "Buy milk"])
    await press("/")
    await expect(member.page.get_by_label("Search")).to_be_focused()
    await press("Tab")
    await press("?")
    await member.page.get_by_label("Single keys are shortcuts").press("Space")
    await press("Escape")
    await press("n")  # now nothing but a letter
    await expect(member.page.get_by_role("radio", name="All")).to_be_focused()


async def test_a_long_list_comes_page_by_page(member: Person) -> None:
    await member.page.evaluate(
        """async (form) => {
            const granted = await fetch("/auth/token", { method: "POST", body: new URLSearchParams(form) });
            const { access_token } = await granted.json();
            const headers = { Authorization: `Bearer ${access_token}`, "Content-Type": "application/json" };
            for (let number = 1; number <= 120; number++)
            {
                const body = JSON.stringify({ title: `Task ${number}.` });
                await fetch("/tasks", { method: "POST", headers, body });
            }
        }""",
        {"grant_type": "password", "username": EMAIL, "password": PASSWORD},
    )
    await member.page.reload()
    await expect(member.page.get_by_text("120 tasks")).to_be_visible()
    await expect(member.rows).to_have_count(50)
    while await member.page.get_by_role("button", name="Load more").is_visible():
        shown = await member.rows.count()
        await member.page.get_by_role("button", name="Load more").scroll_into_view_if_needed()
        await expect(member.rows).not_to_have_count(shown)
    await expect(member.titles).to_have_text([f"Task {number}." for number in range(120, 0, -1)])


async def test_all_that_was_shown_stays_where_tasks_are_too_large_for_one_page(
    member: Person, superuser: psycopg.Connection
) -> None:
    await member.add("Buy milk")
    superuser.execute(
        "INSERT INTO tasks (user_id, title, description)"
        " SELECT user_id, 'Task ' || n || '.', repeat(chr(128512), 1000) FROM tasks, generate_series(2, 320) AS n"
    )
    await member.page.reload()
    await expect(member.page.get_by_text("320 tasks")).to_be_visible()
    await expect(member.rows).to_have_count(50)
    while (last := await member.titles.last.inner_text()) != "Buy milk":
        await member.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await expect(member.titles.last).not_to_have_text(last)
    superuser.execute("UPDATE tasks SET title = 'Changed.' WHERE title = 'Task 2.'")
    await member.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(member.titles.nth(-2)).to_have_text("Changed.")
    await expect(member.titles.last).to_have_text("Buy milk")


async def test_an_unchanged_list_is_not_sent_again(member: Person) -> None:
    await member.add("Buy milk")
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])
    async with member.page.expect_response(lambda response: "/tasks?" in response.url) as response:
        await member.page.evaluate("dispatchEvent(new Event('focus'))")
    assert (await response.value).status == 304
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_what_another_tab_did_is_seen_when_the_person_comes_back(member: Person) -> None:
    other = await member.another_tab()
    await other.add("Buy milk")
    await member.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(member.titles).to_have_text(["Buy milk"])
