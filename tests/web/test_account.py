"""The account's own screen: who one is, where one is signed in, and what is kept, taken along and deleted."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Download, Locator, Route, expect

from taskward.auth.issue import issue_token
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import EMAIL, PASSWORD, Person, open_account, visiting
from tests.web.programs import LOG_IN, ask
from tests.web.test_signing_out import seen


def log_in(url: str, program: str) -> dict[str, str]:
    """Log in with another program, and return its tokens."""
    granted: dict[str, str] = ask("POST", f"{url}/auth/token", data=LOG_IN, headers={"User-Agent": program}).json()
    return granted


def goes_on(url: str, log_in: dict[str, str]) -> bool:
    """Use a log-in's refresh token: access tokens end within five seconds, this at once."""
    form = {"grant_type": "refresh_token", "refresh_token": log_in["refresh_token"]}
    granted = ask("POST", f"{url}/auth/token", data=form)
    log_in |= granted.json()
    return granted.status_code == 200


def tokens_of(url: str) -> list[dict[str, Any]]:
    """Return what the service knows of alice's tokens."""
    headers = {"Authorization": f"Bearer {log_in(url, 'curl/8.5.0')['access_token']}"}
    tokens: list[dict[str, Any]] = ask("GET", f"{url}/auth/tokens", headers=headers).json()["tokens"]
    return tokens


def part(screen: Locator, name: str) -> Locator:
    return screen.get_by_role("region", name=name, exact=True)


async def said(screen: Locator, text: str) -> None:
    await expect(screen.get_by_role("status")).to_have_text(text)


async def test_it_says_who_one_is(person: Person) -> None:
    await person.page.get_by_role("button", name="I have no account yet").click()
    await person.page.get_by_label("Your name, if you like").fill("Alice")
    await person.sign_up_here()
    you = part(await open_account(person), "You")
    await expect(you).to_contain_text("Alice")
    await expect(you).to_contain_text(EMAIL)
    await expect(you).to_contain_text("usr_")


async def test_log_ins_are_listed_and_ended(member: Person) -> None:
    laptop, phone = (log_in(member.url, program) for program in ("curl/8.5.0", "Wget/1.21"))
    sessions = part(screen := await open_account(member), "Where you are signed in")
    await expect(sessions.locator("li")).to_have_count(3)
    here = sessions.locator("li").filter(has_text="this browser")
    await expect(here.get_by_role("button")).to_have_count(0)
    await sessions.get_by_role("button", name="Sign out: curl").click()
    await expect(sessions.locator("li")).to_have_count(2)
    await said(screen, "Signed out: curl")
    assert not goes_on(member.url, laptop)
    assert goes_on(member.url, phone)
    await sessions.get_by_role("button", name="Sign out everywhere else").click()
    await expect(sessions.locator("li")).to_have_count(1)
    await expect(here).to_have_count(1)
    await expect(sessions.get_by_role("button")).to_have_count(0)
    assert not goes_on(member.url, phone)


async def test_one_that_another_device_has_ended_is_gone_too(member: Person) -> None:
    laptop = log_in(member.url, "curl/8.5.0")
    sessions = part(screen := await open_account(member), "Where you are signed in")
    ended = sessions.get_by_role("button", name="Sign out: curl")
    await expect(ended).to_be_visible()
    ask("POST", f"{member.url}/auth/revoke", data={"token": laptop["refresh_token"]}).raise_for_status()
    await ended.click()
    await expect(sessions.locator("li")).to_have_count(1)
    await expect(sessions.get_by_role("alert")).to_have_count(0)
    await expect(screen.get_by_role("button", name="Close")).to_be_focused()  # no other button is left


async def test_a_token_is_made_shown_once_and_revoked(member: Person) -> None:
    tokens = part(screen := await open_account(member), "Personal tokens")
    await tokens.get_by_label("It may").select_option("read tasks")
    await tokens.get_by_role("button", name="Make a token").click()
    name = tokens.get_by_label("What it is for")
    await expect(name).to_have_accessible_description("Say what it is for, so that you know it again")
    await name.fill("Backup script")
    await tokens.get_by_label("Good for").select_option("30 days")
    await tokens.get_by_role("button", name="Make a token").click()
    made = tokens.get_by_label("Your new token")
    await expect(made).to_be_focused()
    token = await made.input_value()
    authorization = {"Authorization": f"Bearer {token}"}
    assert ask("GET", f"{member.url}/tasks", headers=authorization).status_code == 200
    refused = ask("POST", f"{member.url}/tasks", headers=authorization, json={"title": "Buy milk"})
    assert refused.json()["code"] == "SCOPE_MISSING"
    await expect(tokens.locator("li")).to_contain_text("may read tasks")

    await screen.get_by_role("button", name="Close").click()
    await expect(member.page.locator("#account .once input").first).to_have_value("")
    assert token not in await seen(member.page)
    await open_account(member)
    await expect(made).to_be_hidden()
    await tokens.get_by_role("button", name="Revoke: Backup script").click()
    await expect(tokens.locator("li")).to_have_count(0)
    await said(screen, "Revoked: Backup script")
    assert tokens_of(member.url) == []


async def test_a_token_that_comes_when_the_screen_is_closed_is_shown_to_nobody(member: Person) -> None:
    asked, released = asyncio.Event(), asyncio.Event()
    made: dict[str, str] = {}

    async def hold(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        response = await route.fetch()
        made.update(await response.json())
        asked.set()
        await released.wait()
        await route.fulfill(response=response)

    tokens = part(screen := await open_account(member), "Personal tokens")
    await member.page.route("**/auth/tokens", hold)
    await tokens.get_by_label("What it is for").fill("Backup script")
    await tokens.get_by_role("button", name="Make a token").click()
    await asked.wait()
    await screen.get_by_role("button", name="Close").click()
    released.set()
    await expect(member.page.locator("#token-maker .primary")).to_be_enabled()  # the answer was dealt with
    found = await seen(member.page)
    assert made["token"] not in found
    assert "Backup script" not in found
    await open_account(member)
    await expect(tokens.locator("li")).to_contain_text("Backup script")  # and can be revoked
    await expect(tokens.get_by_label("Your new token")).to_be_hidden()


async def test_a_calendar_link_is_made_copied_and_ended(browser: Browser, service: str) -> None:
    async with visiting(browser, service, permissions=["clipboard-read", "clipboard-write"]) as alice:
        await alice.sign_up()
        await alice.add("Buy milk")
        await alice.edit("Buy milk", due_date="2031-05-02")
        await alice.everything_saved()
        calendar = part(screen := await open_account(alice), "Calendar")
        await calendar.get_by_role("button", name="Make a calendar link").click()
        await calendar.get_by_role("button", name="Copy").click()
        await said(screen, "Copied.")
        link = await alice.page.evaluate("navigator.clipboard.readText()")
        assert "Buy milk" in ask("GET", link).text
        await expect(part(screen, "Personal tokens").locator("li")).to_have_count(0)
        await calendar.get_by_role("button", name="End: Calendar").click()
        await expect(calendar.locator("li")).to_have_count(0)
        assert tokens_of(service) == []


async def downloaded(download: Download, folder: Path) -> Any:
    path = folder / download.suggested_filename
    await download.save_as(path)
    return json.loads(path.read_text())


async def test_what_is_kept_is_downloaded(member: Person, tmp_path: Path) -> None:
    await member.add("Buy milk", "Call bob")
    data = part(await open_account(member), "Your data")
    async with member.page.expect_download() as waited:
        await data.get_by_role("button", name="Download my tasks").click()
    download = await waited.value
    assert download.suggested_filename == "tasks.json"
    assert {task["title"] for task in await downloaded(download, tmp_path)} == {"Buy milk", "Call bob"}
    async with member.page.expect_download() as waited:
        await data.get_by_role("button", name="Download everything").click()
    download = await waited.value
    assert download.suggested_filename == "taskward.json"
    everything = await downloaded(download, tmp_path)
    assert everything["account"]["email"] == EMAIL
    assert len(everything["tasks"]) == 2


async def test_an_export_that_was_cut_off_is_not_taken_for_one(member: Person) -> None:
    data = part(await open_account(member), "Your data")
    await member.page.route("**/auth/me/export", lambda route: route.fulfill(body='{"account": {}, "tasks": ['))
    await data.get_by_role("button", name="Download everything").click()
    await expect(data.get_by_role("alert")).to_have_text("The download was cut off. Please try again.")


async def delete(screen: Locator, *, proof: str) -> None:
    end = part(screen, "Leaving")
    if not await end.locator("form").is_visible():
        await end.get_by_text("Delete my account").click()
    await end.locator("form input:visible").fill(proof)
    await end.get_by_role("button", name="Delete everything for good").click()


async def test_an_account_is_deleted_by_who_has_the_password(member: Person, browser: Browser) -> None:
    await member.add("Buy milk")
    other = await member.another_tab()
    await member.page.bring_to_front()
    laptop = log_in(member.url, "curl/8.5.0")
    screen = await open_account(member)
    await delete(screen, proof="not the password")
    password = screen.get_by_label("Your password")
    await expect(password).to_have_accessible_description("The current password is wrong.")
    await expect(password).to_have_value("not the password")
    await delete(screen, proof=PASSWORD)
    for tab in (member, other):
        await expect(tab.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await expect(tab.rows).to_have_count(0)
        assert EMAIL not in await seen(tab.page)
        assert (await tab.stored())["session"] == {}
    await expect(member.page.get_by_text("Your account is deleted, and everything in it.")).to_be_visible()
    assert not goes_on(member.url, laptop)
    assert ask("POST", f"{member.url}/auth/token", data=LOG_IN).json()["code"] == "CREDENTIALS_INVALID"


@pytest.fixture
def without_accounts(database_url: str) -> Iterator[str]:
    with served(Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, LOCAL_ACCOUNTS=False)) as url:
        yield url


async def test_who_came_with_a_token_sees_what_there_is_for_them(browser: Browser, without_accounts: str) -> None:
    async with visiting(browser, without_accounts) as alice:
        token = issue_token("alice", SECRET.encode(), "HS256", 300)
        await alice.page.get_by_label("Access token").fill(token)
        await alice.page.get_by_role("button", name="Sign in").click()
        await alice.add("Buy milk")
        screen = await open_account(alice)
        parts = await screen.get_by_role("region").all()
        names = [await each.get_by_role("heading").text_content() for each in parts]
        assert names == ["You", "Personal tokens", "Calendar", "Your data", "Leaving"]
        await delete(screen, proof="all of it")
        await expect(screen.get_by_label("to show that you mean it")).to_have_accessible_description(
            "Type: delete everything"
        )
        await delete(screen, proof="Delete everything")
        await expect(alice.page.get_by_role("heading", name="Sign in")).to_be_visible()
        listed = ask("GET", f"{without_accounts}/tasks", headers={"Authorization": f"Bearer {token}"})
        assert listed.json()["count"] == 0


async def test_the_rules_for_a_password_are_there_before_the_mistake(person: Person) -> None:
    rules = "8 to 128 characters. Not a common password, and not your e-mail address."
    await expect(person.page.get_by_text(rules)).to_have_count(2)
    await expect(person.page.get_by_text(rules).locator("visible=true")).to_have_count(0)
    await expect(person.password).to_have_accessible_description("")
    await person.page.get_by_role("button", name="I have no account yet").click()
    await expect(person.password).to_have_accessible_description(rules)
    await expect(person.page.get_by_text(rules).locator("visible=true")).to_have_count(1)
    await person.sign_up_here()
    await (await open_account(person)).get_by_role("button", name="Change password").click()
    await expect(person.page.get_by_label("New password")).to_have_accessible_description(rules)


@pytest.fixture
def impatient(database_url: str) -> Iterator[str]:
    limit = "1/2 seconds"
    with served(Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, AUTH_RATE_LIMIT=limit)) as url:
        yield url


async def test_after_too_many_tries_it_counts_down(browser: Browser, impatient: str) -> None:
    async with visiting(browser, impatient) as alice:
        email, button = alice.page.get_by_label("E-mail address"), alice.page.get_by_role("button", name="Sign in")
        await email.fill(EMAIL)
        await alice.password.fill(PASSWORD)
        await button.click()
        told = alice.page.get_by_role("alert")
        await expect(told).to_have_text("The e-mail address or the password is wrong.")
        await alice.page.route("**/auth/token", lambda route: route.fulfill(
            status=429, headers={"Retry-After": "40"}, json={"detail": "Slow down.", "code": "RATE_LIMITED"}
        ), times=1)  # fmt: skip
        await button.click()
        await expect(told).to_have_text("Too many tries. Try again in 40 seconds.")
        await expect(told).to_have_text("Too many tries. Try again in 39 seconds.")
        await expect(told).to_have_attribute("aria-live", "off")
        await expect(email).to_have_value(EMAIL)
        await expect(alice.password).to_have_value(PASSWORD)
