"""What the service refuses is told beside its field, and nothing typed is lost."""

from playwright.async_api import expect

from tests.web.people import EMAIL, PASSWORD, Person

TOO_LONG = "long " * 60
REFUSED = "A title can have up to 200 characters; this one has 299"


async def test_a_refused_sign_up_is_told_beside_its_field(person: Person) -> None:
    await person.page.get_by_role("button", name="I have no account yet").click()
    email, password = person.page.get_by_label("E-mail address"), person.password
    await email.fill("alice")
    await password.fill("short")
    await person.page.get_by_role("button", name="Create an account").click()
    await expect(email).to_have_accessible_description("must be an e-mail address, such as alice@example.com")
    await expect(password).to_have_accessible_description("A password has 8 to 128 characters")
    await expect(email).to_be_focused()


async def test_a_taken_address_and_a_wrong_password_are_told(member: Person) -> None:
    await member.page.get_by_role("button", name="Sign out").click()
    await member.page.get_by_label("E-mail address").fill(EMAIL)
    await member.password.fill("not the password")
    await member.page.get_by_role("button", name="Sign in").click()
    await expect(member.page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await member.page.get_by_role("button", name="I have no account yet").click()
    await member.password.fill(PASSWORD)
    await member.page.get_by_role("button", name="Create an account").click()
    await expect(member.page.get_by_label("E-mail address")).to_have_accessible_description(
        "There is an account with this e-mail address."
    )


async def test_a_refused_task_comes_back_to_the_form_with_the_reason(member: Person) -> None:
    await member.new_title.fill(TOO_LONG)
    await member.new_title.press("Enter")
    await expect(member.new_title).to_have_accessible_description(
        "A title can have up to 200 characters; this one has 299"
    )
    await expect(member.new_title).to_have_value(TOO_LONG.strip())
    await expect(member.rows).to_have_count(0)
    await member.new_title.fill("Short")
    await member.new_title.press("Enter")
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Short"])


async def test_a_refused_edit_comes_back_to_the_editor_with_the_reason(member: Person) -> None:
    await member.add("Buy milk")
    await member.edit("Buy milk", title=TOO_LONG)
    title = member.dialog.get_by_label("Title")
    await expect(title).to_have_accessible_description("A title can have up to 200 characters; this one has 299")
    await expect(title).to_have_value(TOO_LONG.strip())
    await expect(member.titles).to_have_text(["Buy milk"])
    await title.fill("Buy oat milk")
    await title.press("Enter")
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Buy oat milk"])


async def test_refused_tags_come_back_with_the_reason_beside_them(member: Person) -> None:
    await member.add("Buy milk")
    await member.edit("Buy milk", tags="home, Home")
    tags = member.dialog.get_by_label("Tags")
    await expect(tags).to_have_accessible_description("Two of these tags are the same but for their case")
    await tags.fill(f"home, {'long ' * 20}")
    await tags.press("Enter")
    await expect(tags).to_have_accessible_description("A tag can have up to 50 characters; this one has 99")
    await tags.fill("home")
    await tags.press("Enter")
    await member.everything_saved()
    await expect(member.row("Buy milk")).to_contain_text("Tags: home")


async def test_what_is_being_typed_outlives_a_reload(member: Person) -> None:
    await member.add("Buy milk")
    await member.new_title.fill("Half a tho")
    await member.act("Buy milk", "Edit")
    await member.dialog.get_by_label("Description").fill("Two li")
    await member.page.reload()
    await expect(member.dialog.get_by_label("Description")).to_have_value("Two li")
    await member.dialog.get_by_label("Description").press("End")
    await member.page.keyboard.type("tres")
    await member.dialog.get_by_role("button", name="Save").click()
    await expect(member.row("Buy milk")).to_contain_text("Two litres")
    await expect(member.new_title).to_have_value("Half a tho")
    await member.everything_saved()


async def test_what_is_refused_late_waits_until_what_is_typed_now_is_done(member: Person) -> None:
    for task in ("Buy milk", "Call bob", "Water the plants"):
        await member.add(task)
    await member.page.context.set_offline(True)
    await member.edit("Buy milk", title=f"{TOO_LONG}1")
    await member.edit("Call bob", title=f"{TOO_LONG}2")
    await member.act("Water the plants", "Edit")
    title = member.dialog.get_by_label("Title")
    await title.fill("Water the pl")
    await member.page.context.set_offline(False)
    await expect(member.page.get_by_text("Not saved yet")).to_have_count(0)
    await expect(title).to_have_value("Water the pl")
    await title.press("Escape")
    await expect(title).to_have_value(f"{TOO_LONG}1")
    await expect(title).to_have_accessible_description("A title can have up to 200 characters; this one has 301")
    await member.page.reload()
    await expect(title).to_have_value(f"{TOO_LONG}1")
    await title.fill("Buy oat milk")
    await title.press("Enter")
    await expect(title).to_have_value(f"{TOO_LONG}2")
    await title.press("Escape")
    await expect(member.dialog).to_have_count(0)
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Water the plants", "Call bob", "Buy oat milk"])
