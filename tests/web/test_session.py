"""Where tokens are, how long they serve, and that they end."""

import json
from collections.abc import Iterator

import httpx2
import pytest
from playwright.async_api import Browser, Route, expect

from taskward.auth.devices import MARK_LENGTH
from taskward.auth.issue import issue_token
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import Person, visiting

KEPT = "taskward.refresh"
DEVICE = "taskward.device"


async def test_the_refresh_token_is_in_the_tabs_storage_and_the_access_token_nowhere(member: Person) -> None:
    stored = await member.stored()
    assert stored["local"].keys() == {DEVICE}
    kept = json.loads(stored["session"].pop(KEPT))
    assert stored["session"] == {}
    assert kept.keys() == {"user_id", "refresh_token", "since"}
    assert await member.page.evaluate("document.cookie") == ""


async def test_a_refused_access_token_is_renewed_without_a_word(member: Person) -> None:
    before = json.loads((await member.stored())["session"][KEPT])["refresh_token"]

    async def spoil(route: Route) -> None:
        await route.continue_(headers={**route.request.headers, "authorization": "Bearer a.b.c"})

    await member.page.route("**/tasks", spoil, times=1)
    await member.add("Buy milk")
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])
    assert json.loads((await member.stored())["session"][KEPT])["refresh_token"] != before


async def test_a_tab_goes_on_after_another_one_has_used_the_refresh_token(member: Person) -> None:
    """A refresh token that comes back after its successor was used would end the session of both."""
    other = await member.another_tab()

    async def spoil(route: Route) -> None:
        await route.continue_(headers={**route.request.headers, "authorization": "Bearer a.b.c"})

    for tab, title in ((member, "Buy milk"), (other, "Call bob"), (member, "Water the plants")):
        await tab.page.route("**/tasks", spoil, times=1)
        await tab.page.bring_to_front()
        await tab.add(title)
    for tab in (member, other):
        await tab.page.reload()
        await expect(tab.rows).to_have_count(3)


async def test_signing_out_ends_the_refresh_token(member: Person) -> None:
    token = json.loads((await member.stored())["session"][KEPT])["refresh_token"]
    async with member.page.expect_response("**/auth/revoke"):
        await member.page.get_by_role("button", name="Sign out").click()
    assert (await member.stored())["session"] == {}
    response = httpx2.post(
        f"{member.url}/auth/token", data={"grant_type": "refresh_token", "refresh_token": token}
    )
    assert response.json()["code"] == "CREDENTIALS_INVALID"


async def test_a_browser_stays_known_for_each_who_signed_in_there(member: Person) -> None:
    """The device token that the page sends comes back with the newer mark in front."""
    first = (await member.stored())["local"][DEVICE]
    await member.page.get_by_role("button", name="Sign out").click()
    await member.sign_up("bob@example.com")
    both = (await member.stored())["local"][DEVICE]
    assert both == both[:MARK_LENGTH] + first


async def test_the_changes_of_one_are_not_shown_to_the_next(member: Person) -> None:
    await member.new_title.fill("Buy a present for bob")  # and not added
    await member.page.get_by_role("button", name="Sign out").click()
    await member.sign_up("bob@example.com")
    await expect(member.new_title).to_have_value("")
    await expect(member.page.get_by_text("0 tasks")).to_be_visible()


@pytest.fixture
def without_accounts(database_url: str) -> Iterator[str]:
    with served(Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, LOCAL_ACCOUNTS=False)) as url:
        yield url


async def test_without_accounts_a_token_lets_in(browser: Browser, without_accounts: str) -> None:
    async with visiting(browser, without_accounts) as alice:
        await expect(alice.password).to_be_hidden()
        field = alice.page.get_by_label("Access token")
        for wrong in ("rubbish with spaces and ü", "a.b.c"):
            await field.fill(wrong)
            await alice.page.get_by_role("button", name="Sign in").click()
            await expect(alice.page.get_by_role("alert")).to_be_visible()
            await expect(field).to_be_focused()
        await field.fill(f" {issue_token('alice', SECRET.encode(), 'HS256', 300)}\n")
        await alice.page.get_by_role("button", name="Sign in").click()
        await alice.add("Buy milk")
        stored = await alice.stored()
        assert stored == {"local": {}, "session": {}}
        await alice.page.get_by_role("button", name="Sign out").click()
        await expect(field).to_have_value("")
