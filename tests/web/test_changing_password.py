"""Who is signed in changes the password, and stays signed in, also when the current one is mistyped."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Locator, Route, expect

from taskward.auth.issue import issue_token
from taskward.auth.new_passwords import OWN_ADDRESS
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import EMAIL, PASSWORD, Person, close_account, open_account, visiting
from tests.web.programs import LOG_IN, ask

NEW = "another correct horse"


def password_dialog(person: Person) -> Locator:
    return person.page.get_by_role("dialog", name="Change password")


async def open_form(person: Person) -> None:
    await open_account(person)
    await person.page.get_by_role("button", name="Change password").click()
    await expect(person.page.get_by_label("Current password")).to_be_focused()


async def change(person: Person, current: str, new: str) -> None:
    await person.page.get_by_label("Current password").fill(current)
    await person.page.get_by_label("New password").fill(new)
    await password_dialog(person).get_by_role("button", name="Change password").click()


async def changed(person: Person) -> None:
    message = "The password is changed. All other log-ins have ended."
    await expect(person.page.get_by_role("status").filter(has_text=message)).to_be_visible()
    await expect(password_dialog(person)).to_have_count(0)
    await close_account(person)


async def test_the_log_in_of_this_browser_goes_on_with_the_new_password(member: Person) -> None:
    other = await member.another_tab()
    elsewhere = ask("POST", f"{member.url}/auth/token", data=LOG_IN).json()
    await open_form(member)
    await change(member, PASSWORD, NEW)
    await changed(member)
    for name in ("Current password", "New password"):
        await expect(member.page.get_by_label(name)).to_have_value("")
    for tab in (member, other):
        await tab.page.reload()  # with the refresh token
        await expect(tab.new_title).to_be_focused()
    again = {"grant_type": "refresh_token", "refresh_token": elsewhere["refresh_token"]}
    assert ask("POST", f"{member.url}/auth/token", data=again).json()["code"] == "CREDENTIALS_INVALID"
    await member.page.get_by_role("button", name="Sign out").click()
    await member.sign_in(password=NEW)


async def test_a_wrong_password_is_told_beside_its_field_and_signs_nobody_out(member: Person) -> None:
    before = await member.refresh_cookie()
    await open_form(member)
    await change(member, "not the password", NEW)
    current, new = member.page.get_by_label("Current password"), member.page.get_by_label("New password")
    await expect(current).to_have_accessible_description("The current password is wrong.")
    await expect(current).to_be_focused()
    await change(member, PASSWORD, EMAIL)
    await expect(new).to_have_accessible_description(OWN_ADDRESS)
    await expect(current).to_have_accessible_description("")
    assert await member.refresh_cookie() == before  # nor was it taken for a token that has ended
    await change(member, PASSWORD, NEW)
    await changed(member)


async def test_an_access_token_that_has_ended_is_renewed_on_the_way(member: Person) -> None:
    async def spoil(route: Route) -> None:
        await route.continue_(headers={**route.request.headers, "authorization": "Bearer a.b.c"})

    await member.page.route("**/auth/password", spoil, times=1)
    await open_form(member)
    await change(member, "not the password", NEW)
    await expect(member.page.get_by_label("Current password")).to_have_accessible_description(
        "The current password is wrong."
    )
    await change(member, PASSWORD, NEW)
    await changed(member)


async def test_nothing_typed_is_left_when_another_tab_signs_out(member: Person) -> None:
    other = await member.another_tab()
    await open_form(member)
    await member.page.get_by_label("Current password").fill(PASSWORD)
    await other.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(member.dialog).to_have_count(0)
    await expect(member.page.get_by_label("Current password")).to_have_value("")


@pytest.fixture
def without_accounts(database_url: str) -> Iterator[str]:
    with served(Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, LOCAL_ACCOUNTS=False)) as url:
        yield url


async def test_who_came_with_a_token_has_no_password_to_change(browser: Browser, without_accounts: str) -> None:
    async with visiting(browser, without_accounts) as alice:
        await alice.page.get_by_label("Access token").fill(issue_token("alice", SECRET.encode(), "HS256", 300))
        await alice.page.get_by_role("button", name="Sign in").click()
        await expect(alice.new_title).to_be_focused()
        await open_account(alice)
        await expect(alice.page.get_by_role("button", name="Change password")).to_have_count(0)
