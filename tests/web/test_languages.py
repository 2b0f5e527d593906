"""The page in the language of the browser: every language has all that is said, and each is used once."""

import json
import re
from html.parser import HTMLParser
from itertools import count

import pytest
from playwright.async_api import Browser, Page, expect
from pydantic import BaseModel, ValidationError

from taskward.accounts.personal_token_schemas import PersonalTokenCreate
from taskward.accounts.personal_tokens import NO_ROOM
from taskward.accounts.schemas import PasswordChange, Registration
from taskward.accounts.service import (
    BY_INVITATION,
    INVITATION_IS_OVER,
    LINK_IS_OVER,
    NO_PASSWORD,
    WRONG_PASSWORD,
)
from taskward.accounts.tokens import CODE_IS_OVER
from taskward.api.sentences import what_is_wrong
from taskward.errors import (
    CredentialsInvalidError,
    DatabaseUnavailableError,
    EmailNotVerifiedError,
    EmailTakenError,
    ForbiddenError,
    InternalError,
    KeysUnavailableError,
    OriginRefusedError,
    PasswordsOffError,
    QuotaExceededError,
    RegistrationClosedError,
    ScopeMissingError,
    ServerBusyError,
    SessionNotFoundError,
    TaskNotFoundError,
    TokenExpiredError,
    TokenInvalidError,
    TokenNotFoundError,
)
from taskward.rate_limits.limits import NOT_COUNTED
from taskward.tasks.schemas import TaskCreate
from taskward.web.routes import FILES
from tests.web.people import EMAIL, PASSWORD, Person, enter, visiting
from tests.web.test_offline import INSTALLED

LANGUAGES = {"de": "de-AT", "es": "es-MX", "fr": "fr-CA"}
TEXT = r'"((?:[^"\\]|\\.)*)"'
SAID = re.compile(rf"\bt\(\s*{TEXT}")
COUNTED = re.compile(rf"\bplural\(\w+, {TEXT}, {TEXT}\)")
PLACES = re.compile(r"\{\w+\}")
SAME_IN_ALL = {"Name", "Description", "Actions", "Copy"}
# What can be read on the page, and what reads it out.
SHOWN = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { data, parentElement: shower } = texts.currentNode;
    if (shower.checkVisibility() && !shower.closest("[translate=no]")) found.push(data.trim());
  }
  for (const element of document.querySelectorAll("[placeholder], [aria-label]")) {
    found.push(element.getAttribute("placeholder"), element.getAttribute("aria-label"));
  }
  return found.filter(Boolean);
}"""


TOMORROW = """(locale) => {
  const day = new Date();
  day.setDate(day.getDate() + 1);
  return new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" }).format(day);
}"""


class Document(HTMLParser):
    """What the document says, but for what is the same in every language."""

    EMPTY = ("meta", "link", "input", "img")

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()
        self._kept: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.said |= {text for name in ("placeholder", "aria-label") if (text := values.get(name))}
        if tag not in self.EMPTY:
            self._kept.append(tag in ("title", "script") or values.get("translate") == "no")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._kept.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(self._kept):
            self.said.add(data.strip())


def said() -> set[str]:
    """Return all that the page says, in English."""
    document = Document()
    document.feed((FILES / "index.html").read_text())
    modules = [path.read_text() for path in FILES.glob("*.js")]
    in_code = {text for module in modules for text in SAID.findall(module)}
    counted = {text for module in modules for both in COUNTED.findall(module) for text in both}
    return document.said | in_code | counted


ERRORS = (
    CredentialsInvalidError, DatabaseUnavailableError, EmailNotVerifiedError, EmailTakenError, ForbiddenError,
    InternalError, KeysUnavailableError, OriginRefusedError, PasswordsOffError, QuotaExceededError,
    RegistrationClosedError, ScopeMissingError, ServerBusyError, SessionNotFoundError, TaskNotFoundError,
    TokenExpiredError, TokenInvalidError, TokenNotFoundError,
)  # fmt: skip
DETAILS = {
    BY_INVITATION, INVITATION_IS_OVER, LINK_IS_OVER, NO_PASSWORD, WRONG_PASSWORD, CODE_IS_OVER, NO_ROOM,
    NOT_COUNTED,
}  # fmt: skip
# What a form of the page may send, and what is wrong with it.
BAD: list[tuple[type[BaseModel], dict[str, object]]] = [
    (Registration, {"email": "alice", "password": "short", "name": "x" * 201}),
    (Registration, {"email": EMAIL, "password": EMAIL}),
    (Registration, {"email": "x" * 255, "password": "12345678"}),
    (PasswordChange, {"current": "\0", "new": PASSWORD}),
    (PasswordChange, {"new": PASSWORD}),
    (PersonalTokenCreate, {"name": "", "scopes": ["calendar"]}),
    (PersonalTokenCreate, {"name": "\u200b", "scopes": ["calendar"]}),
    (TaskCreate, {"title": "x" * 201, "description": "x" * 1001, "tags": ["home", "Home"]}),
    (TaskCreate, {"title": "\u200b", "tags": ["x" * 51, "\u200b", "\x7f"], "due_date": "1066-10-14"}),
    (TaskCreate, {"title": "Buy milk", "tags": [*"abcdefghijklmnopqrstu"]}),
    (TaskCreate, {"title": "Buy milk", "due_time": "18:00"}),
]


def told() -> set[str]:
    """Return what the service says where the page shows it, in English, with {0}, {1} … for numbers."""
    return {numbered(each) for each in DETAILS.union((error.detail for error in ERRORS), *map(refusals, BAD))}


def refusals(bad: tuple[type[BaseModel], dict[str, object]]) -> set[str]:
    model, body = bad
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(body))
    return {what_is_wrong(problem) for problem in caught.value.errors()}


def numbered(sentence: str) -> str:
    numbers = count()
    return re.sub(r"\d+", lambda _: f"{{{next(numbers)}}}", sentence)


def words(language: str) -> dict[str, str]:
    text = (FILES / f"words-{language}.js").read_text().partition("export default ")[2]
    found: dict[str, str] = json.loads(re.sub(r",\s*};\s*$", "}", text))
    return found


def test_each_language_is_one_that_browsers_are_offered() -> None:
    files = {path.stem.removeprefix("words-") for path in FILES.glob("words-*.js")}
    assert (
        files
        == LANGUAGES.keys()
        == set(re.findall(r'import\("./words-(\w+).js"\)', (FILES / "words.js").read_text()))
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_all_that_is_said_and_nothing_else(language: str) -> None:
    found = words(language)
    assert len(said()) > 150
    assert found.keys() == said() | told()
    assert all(text.strip() == text != "" for text in found.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_sentences_have_the_places_of_the_english_ones(language: str) -> None:
    for english, other in words(language).items():
        assert sorted(PLACES.findall(other)) == sorted(PLACES.findall(english)), english


def test_what_is_typed_to_delete_everything_is_what_is_asked_for() -> None:
    for language in LANGUAGES:
        found = words(language)
        asked = found["To show that you mean it, type: delete everything"]
        assert asked.endswith(found["delete everything"])


async def in_its_language(page: Page, language: str) -> None:
    """Fail if something on the page is still said in English, or it scrolls sideways."""
    there = words(language)
    english = {text for text, other in there.items() if other != text} - set(there.values())
    assert english & set(await page.evaluate(SHOWN)) == set()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def sign_up(person: Person) -> None:
    form = person.page.locator("#account-form")
    await form.locator(".switch").click()
    await form.locator("[name=email]").fill("alice@example.com")
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator(".primary").click()
    await expect(person.page.locator("#new-form [name=title]")).to_be_focused()


@pytest.mark.parametrize(("language", "locale"), LANGUAGES.items())
async def test_the_page_is_used_in_it(browser: Browser, service: str, language: str, locale: str) -> None:
    there = words(language)
    size = {"width": 320, "height": 640}
    async with visiting(browser, service, locale=locale, viewport=size) as alice:
        page = alice.page
        await expect(page.locator("html")).to_have_attribute("lang", language)
        await expect(page.get_by_role("button", name=there["Sign in"])).to_be_visible()
        await in_its_language(page, language)
        await page.locator("#account-form .switch").click()
        await in_its_language(page, language)
        await page.locator("#account-form .switch").click()
        await sign_up(alice)
        await expect(
            page.get_by_text(there["{count} tasks"].format(count=0).replace("0 tâches", "0 tâche"))
        ).to_be_visible()
        await in_its_language(page, language)

        form = page.locator("#new-form")
        await form.locator("[name=title]").fill("Brot")
        await enter(form, "due_words", f"{there['tomorrow']} 18:00")
        await enter(form, "priority", "high")
        await enter(form, "tags", "home")
        await form.locator(".primary").click()
        await expect(page.locator("#toast")).to_contain_text(there["Added: {title}"].format(title="Brot"))
        await expect(alice.rows).to_contain_text(there["High priority"])
        await expect(page.get_by_text(there["{count} task"].format(count=1), exact=True)).to_be_visible()
        written = await page.evaluate(TOMORROW, locale)
        assert written in (await alice.rows.locator(".due_date").text_content() or "")
        await in_its_language(page, language)
        await alice.rows.locator(".actions").click()
        await page.get_by_role("menuitem", name=there["Edit"]).click()
        await in_its_language(page, language)
        await alice.dialog.get_by_role("button", name=there["Cancel"]).click()
        await page.locator("#select").click()
        await alice.rows.locator(".pick").check()
        await in_its_language(page, language)
        for name in ("move", "label"):
            await page.locator(f"#selected .{name}").click(timeout=5000)  # the offer to undo is not in the way
            await in_its_language(page, language)
            await alice.dialog.get_by_role("button", name=there["Cancel"]).click()
        await page.locator("#selected .stop").click(timeout=5000)
        await page.locator("#help-button").click()
        await in_its_language(page, language)
        await page.keyboard.press("Escape")
        await page.locator("#account-button").click()
        await page.locator("#calendar-maker .primary").click()
        await expect(page.locator("#account .calendar li")).to_contain_text(there["not used yet"])
        await page.locator("#account summary").click()
        await in_its_language(page, language)


async def test_what_the_service_refuses_is_told_in_it_beside_its_field(browser: Browser, service: str) -> None:
    there = words("de")
    async with visiting(browser, service, locale="de-DE") as alice:
        form = alice.page.locator("#account-form")
        await form.locator(".switch").click()
        email, password = form.locator("[name=email]"), form.locator("[name=password]")
        await email.fill("alice")
        await password.fill("short")
        await form.locator(".primary").click()
        await expect(email).to_have_accessible_description(
            there["must be an e-mail address, such as alice@example.com"]
        )
        await expect(password).to_have_accessible_description("Ein Passwort hat 8 bis 128 Zeichen")
        await form.locator(".switch").click()
        await email.fill(EMAIL)
        await password.fill("not the password")
        await form.locator(".primary").click()
        await expect(form.get_by_role("alert")).to_have_text(there[CredentialsInvalidError.detail])


async def test_english_loads_no_other_language(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.page.evaluate(INSTALLED)
        await expect(alice.page.locator("html")).to_have_attribute("lang", "en")
        cached = await alice.page.evaluate(
            "caches.keys().then(([name]) => caches.open(name)).then((found) => found.keys())"
            ".then((found) => found.map(({ url }) => url))"
        )
        loaded = await alice.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        assert not [address for address in loaded + cached if "/words-" in address]
        assert [address for address in cached if address.endswith("/words.js")]


async def test_a_browser_of_another_language_gets_english(browser: Browser, service: str) -> None:
    async with visiting(browser, service, locale="pl-PL") as alice:
        await expect(alice.page.locator("html")).to_have_attribute("lang", "en")
        await expect(alice.page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_where_a_language_cannot_be_loaded_the_page_is_english(browser: Browser, service: str) -> None:
    context = await browser.new_context(locale="de-DE", service_workers="block")
    page = await context.new_page()
    await page.route("**/words-de.js", lambda route: route.abort())
    await page.goto(service)
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await context.close()
