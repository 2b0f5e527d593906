"""Where registering takes an invitation, its link leads to the form, and all others are told."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from taskward.auth.links import LinkTokens
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import EMAIL, PASSWORD, visiting


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


async def test_without_a_link_the_form_says_what_to_do(browser: Browser, by_invitation: str) -> None:
    async with visiting(browser, by_invitation) as bob:
        await bob.page.get_by_role("button", name="I have no account yet").click()
        await bob.page.get_by_label("E-mail address").fill("bob@example.com")
        await bob.password.fill(PASSWORD)
        await bob.page.get_by_role("button", name="Create an account").click()
        problem = "People register by invitation here. Ask whoever runs this service for one."
        await expect(bob.page.get_by_role("alert")).to_have_text(problem)
