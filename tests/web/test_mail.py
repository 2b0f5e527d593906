"""A forgotten password and the proof of an address, on the page and through a real mail server."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from taskward.errors import EmailNotVerifiedError
from taskward.settings import Settings
from tests.accounts.mailing import PUBLIC, plain_server, with_mail
from tests.mail.server import MailServer
from tests.web.conftest import served
from tests.web.people import EMAIL, PASSWORD, Person, visiting
from tests.web.programs import register
from tests.web.test_signing_out import seen

NEW = "another correct horse"
SENT = "If there is an account with this address, a link is on its way to it, or came in the last 15 minutes."
OVER = "This link is not valid, or no longer. Ask for another one."


@pytest.fixture
def server() -> Iterator[MailServer]:
    yield from plain_server()


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    return with_mail(settings, server.url)


@pytest.fixture
def strict(settings: Settings) -> Iterator[str]:
    """A service that wants proof of addresses."""
    with served(settings.model_copy(update={"email_verification": True})) as url:
        yield url


async def link_of(server: MailServer, url: str) -> str:
    """Return where the link of the next mail leads, on the service at hand."""
    return (await server.mail()).link.replace(PUBLIC, url)


def forgotten(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Forgotten password")


def proof(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Is this address yours?")


def said(page: Page, text: str) -> Locator:
    return page.get_by_role("status").filter(has_text=text)


async def test_who_has_forgotten_a_password_asks_for_a_link_and_chooses_another(
    browser: Browser, service: str, server: MailServer
) -> None:
    register(service)
    await server.mail()
    async with visiting(browser, service) as alice:
        await alice.page.get_by_label("E-mail address").fill("alice")
        await alice.page.get_by_role("button", name="Forgotten password?").click()
        field = forgotten(alice.page).get_by_label("Address of your account")
        await expect(field).to_have_value("alice")
        await expect(field).to_be_focused()
        ask = forgotten(alice.page).get_by_role("button", name="Mail me a link")
        await ask.click()
        await expect(field).to_have_accessible_description("must be an e-mail address, such as alice@example.com")
        await field.fill(EMAIL)
        await ask.click()
        await expect(said(alice.page, SENT)).to_be_visible()
        await expect(forgotten(alice.page)).to_be_hidden()
        await alice.page.goto(await link_of(server, service))
        await alice.page.get_by_label("New password").fill(NEW)
        await alice.page.get_by_role("button", name="Change password").click()
        await expect(said(alice.page, "The password is changed.")).to_be_visible()
        await alice.sign_in(password=NEW)
        notice = await link_of(server, service)
    async with visiting(browser, notice) as alice:
        await expect(forgotten(alice.page)).to_be_visible()
        assert alice.page.url == f"{service}/"


async def test_an_address_is_proven_by_a_link_and_then_its_owner_signs_in(
    browser: Browser, strict: str, server: MailServer
) -> None:
    async with visiting(browser, strict) as alice:
        await alice.page.get_by_role("button", name="I have no account yet").click()
        await alice.page.get_by_label("E-mail address").fill(EMAIL)
        await alice.password.fill(PASSWORD)
        await alice.page.get_by_role("button", name="Create an account").click()
        await expect(alice.page.get_by_role("alert")).to_have_text(EmailNotVerifiedError.detail)
        await expect(alice.page.get_by_role("heading", name="Sign in")).to_be_visible()
        link = await link_of(server, strict)
        await alice.page.goto(link)
        await expect(proof(alice.page)).to_be_visible()
        assert alice.page.url == f"{strict}/"
        assert link.partition("=")[2] not in await seen(alice.page)
        await proof(alice.page).get_by_role("button", name="Yes, it is mine").click()
        await expect(said(alice.page, "Your e-mail address is proven.")).to_be_visible()
        await expect(proof(alice.page)).to_be_hidden()
        await alice.sign_in()
        assert link.partition("=")[2] not in str(await alice.stored())
        await alice.page.goto(link)
        await proof(alice.page).get_by_role("button", name="Yes, it is mine").click()
        await expect(proof(alice.page).get_by_role("alert")).to_have_text(OVER)
    assert server.received == []


async def test_a_link_by_mail_that_was_used_says_what_to_do(browser: Browser, service: str) -> None:
    async with visiting(browser, f"{service}/#reset=x") as alice:
        await alice.page.get_by_label("New password").fill(NEW)
        await alice.page.get_by_role("button", name="Change password").click()
        told = f"{OVER} If you have just used this one, sign in."
        await expect(alice.page.get_by_role("dialog").get_by_role("alert")).to_have_text(told)


class TestWithoutMail:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"smtp_url": None})

    async def test_there_is_no_word_of_it(self, person: Person) -> None:
        await expect(person.page.get_by_role("button", name="Sign in")).to_be_visible()
        await expect(person.page.get_by_role("button", name="Forgotten password?")).to_be_hidden()
        await person.page.goto(f"{person.url}/#verify=x")
        await person.page.reload()
        await expect(person.page.get_by_role("dialog")).to_have_count(0)
