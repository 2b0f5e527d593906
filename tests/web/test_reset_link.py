"""The operator's link opens the form for a new password, and what it has stays nowhere."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from taskward.accounts.administration import Administration
from taskward.auth.new_passwords import COMMON
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from tests.conftest import SECRET
from tests.web.people import EMAIL, Person, until, visiting
from tests.web.programs import register
from tests.web.test_session import DEVICE
from tests.web.test_signing_out import seen

NEW = "another correct horse"
CHANGED = "The password is changed."
RULES = "8 to 128 characters"
# The access token of the other tab may be good for another five seconds.
ASK_UNTIL_SIGNED_OUT = """() => {
    dispatchEvent(new Event("focus"));
    return !document.getElementById("sign-in").hidden;
}"""


@pytest.fixture
async def operator(database_url: str) -> AsyncIterator[Administration]:
    database = Database(conninfo(database_url), pool_size=1, max_overflow=0)
    yield Administration(database)
    await database.close()


async def link_for_alice(operator: Administration, url: str) -> str:
    return (await operator.reset_link(EMAIL, SECRET.encode(), url)).address


@pytest.fixture
async def link(operator: Administration, service: str) -> str:
    """A link for alice, who is not signed in."""
    register(service)
    return await link_for_alice(operator, service)


def token_of(link: str) -> str:
    return link.partition("#reset=")[2]


def form(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Change password")


async def choose(page: Page, password: str) -> None:
    await page.get_by_label("New password").fill(password)
    await form(page).get_by_role("button", name="Change password").click()


async def test_who_is_not_signed_in_chooses_a_password_and_signs_in_with_it(browser: Browser, link: str) -> None:
    async with visiting(browser, link) as alice:
        field = alice.page.get_by_label("New password")
        await expect(field).to_be_focused()
        await expect(form(alice.page)).to_contain_text(RULES)  # before there is a mistake
        for wrong, reason in (("short", "A password has 8 to 128 characters"), ("password123", COMMON)):
            await choose(alice.page, wrong)
            await expect(field).to_have_accessible_description(reason)
            await expect(field).to_be_focused()
        await choose(alice.page, NEW)
        await expect(form(alice.page)).to_be_hidden()
        await expect(alice.page.get_by_role("status").filter(has_text=CHANGED)).to_be_visible()
        await expect(alice.page.get_by_label("E-mail address")).to_be_focused()
        await alice.sign_in(password=NEW)


async def test_the_token_leaves_the_address_at_once_and_is_kept_nowhere(browser: Browser, link: str) -> None:
    async with visiting(browser, link) as alice:
        await expect(form(alice.page)).to_be_visible()
        assert alice.page.url == link.partition("#")[0]
        assert await alice.page.evaluate("[history.length, history.state]") == [2, None]  # the empty tab, and this
        assert token_of(link) not in await seen(alice.page)
        assert await alice.stored() == {"local": {}, "session": {}}
        await alice.page.reload()
        await expect(alice.page.get_by_label("E-mail address")).to_be_focused()
        await expect(form(alice.page)).to_be_hidden()


async def test_giving_up_forgets_all_and_the_link_can_be_opened_again(browser: Browser, link: str) -> None:
    async with visiting(browser, link) as alice:
        for give_up in ("Escape", "Cancel"):
            await alice.page.get_by_label("New password").fill(NEW)
            if give_up == "Escape":
                await alice.page.keyboard.press(give_up)
            else:
                await form(alice.page).get_by_role("button", name=give_up).click()
            await expect(form(alice.page)).to_be_hidden()
            await expect(alice.page.get_by_label("New password")).to_have_value("")
            await alice.page.goto(link)  # where the page is already: no document is loaded
            await expect(form(alice.page)).to_be_visible()
        await choose(alice.page, NEW)
        await expect(alice.page.get_by_role("status").filter(has_text=CHANGED)).to_be_visible()


async def test_a_link_that_was_used_says_what_to_do(browser: Browser, link: str) -> None:
    async with visiting(browser, link) as alice:
        await choose(alice.page, NEW)
        await expect(form(alice.page)).to_be_hidden()
        for over in (link, link[:-1]):
            await alice.page.goto(over)
            await choose(alice.page, "yet another horse")
            await expect(form(alice.page).get_by_role("alert")).to_have_text(
                "This link is not valid, or no longer. Ask for another one. Whoever runs this service makes them."
                " If you have just used this one, sign in."
            )
            await expect(alice.page.get_by_label("New password")).to_be_focused()


async def test_who_is_signed_in_signs_in_anew_in_every_tab_and_loses_nothing(
    newcomer: Person, operator: Administration
) -> None:
    member, link = newcomer, await link_for_alice(operator, newcomer.url)
    other = await member.another_tab()
    await member.new_title.fill("Half a thought")
    await member.page.bring_to_front()
    await member.page.goto(link)
    await choose(member.page, NEW)
    await expect(member.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(member.page.get_by_role("status").filter(has_text=CHANGED)).to_be_visible()
    assert (await member.stored())["local"].keys() == {DEVICE}
    await until(other.page, ASK_UNTIL_SIGNED_OUT, every=200)
    await member.sign_in(password=NEW)
    await expect(member.new_title).to_have_value("Half a thought")


async def test_who_is_signed_in_as_somebody_else_stays_so(member: Person, operator: Administration) -> None:
    link = await link_for_alice(operator, member.url)
    await member.page.get_by_role("button", name="Sign out").click()
    await member.sign_up("bob@example.com")
    await member.page.goto(link)
    await choose(member.page, NEW)
    await expect(member.page.get_by_role("status").filter(has_text=CHANGED)).to_be_visible()
    await member.add("Buy milk")
    await member.page.get_by_role("button", name="Sign out").click()
    await member.sign_in(password=NEW)
    await expect(member.rows).to_have_count(0)
