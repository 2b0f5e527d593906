"""Where registering takes an invitation, its link leads to the form, and all others are told."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from taskward.auth.links import LinkTokens
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import EMAIL, PASSWORD, visiting
from tests.web.test_signing_out import seen


@pytest.fixture
def by_invitation(database_url: str) -> Iterator[str]:
    with served(Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, REGISTRATION="invite")) as url:
        yield url


async def test_a_link_lets_in_whom_it_is_for_and_nobody_else(browser: Browser, by_invitation: str) -> None:
    token = LinkTokens(SECRET.encode()).new("invite", "new", EMAIL, 60)
    async with visiting(browser, f"{by_invitation}/#invitation={token}") as alice:
        create = alice.page.get_by_role("button", name="Create an account")
        await alice.page.get_by_label("E-mail address").fill("bob@example.com")
        await alice.password.fill(PASSWORD)
        await create.click()
        problem = "This invitation is not for this e-mail address, or no longer good. Ask for another one."
        await expect(alice.page.get_by_role("alert")).to_have_text(problem)
        await alice.page.get_by_label("E-mail address").fill(EMAIL)
        await create.click()
        await expect(alice.new_title).to_be_focused(timeout=20_000)


async def test_the_invitation_leaves_the_address_at_once_and_is_over_when_used(
    browser: Browser, by_invitation: str
) -> None:
    token = LinkTokens(SECRET.encode()).new("invite", "new", EMAIL, 60)
    async with visiting(browser, by_invitation) as alice:
        heading = alice.page.locator("#sign-in-heading")
        await expect(heading).to_have_text("Sign in")
        await alice.page.goto(f"{by_invitation}/#invitation={token}")  # where the page is already
        await expect(heading).to_have_text("Create an account")
        assert alice.page.url == f"{by_invitation}/"
        assert token not in await seen(alice.page)
        await alice.page.get_by_label("E-mail address").fill(EMAIL)
        await alice.password.fill(PASSWORD)
        await alice.page.get_by_role("button", name="Create an account").click()
        await expect(alice.new_title).to_be_focused(timeout=20_000)
        assert token not in str(await alice.stored())
        await alice.page.get_by_role("button", name="Sign out").click()
        await expect(heading).to_have_text("Sign in")


async def test_without_a_link_the_form_says_what_to_do(browser: Browser, by_invitation: str) -> None:
    async with visiting(browser, by_invitation) as bob:
        await bob.page.get_by_role("button", name="I have no account yet").click()
        await bob.page.get_by_label("E-mail address").fill("bob@example.com")
        await bob.password.fill(PASSWORD)
        await bob.page.get_by_role("button", name="Create an account").click()
        problem = "People register by invitation here. Ask whoever runs this service for one."
        await expect(bob.page.get_by_role("alert")).to_have_text(problem)
