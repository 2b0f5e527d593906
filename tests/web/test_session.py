"""Where tokens are, how long they serve, and that they end."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from playwright.async_api import Browser, BrowserContext, Route, expect

from taskward.auth.devices import MARK_LENGTH
from taskward.auth.issue import issue_token
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.web.conftest import served
from tests.web.people import Person, visiting
from tests.web.programs import ask

DEVICE = "taskward.device"


# What other scripts of the origin could see: told to every tab before the page's own scripts run.
LISTEN = """
const heard = (window.heard = []);
const tell = BroadcastChannel.prototype.postMessage;
BroadcastChannel.prototype.postMessage = function (message) {
  heard.push(JSON.stringify(message));
  return tell.call(this, message);
};
const read = Response.prototype.text;
Response.prototype.text = async function () {
  const text = await read.call(this);
  heard.push(text);
  return text;
};
"""


async def spoil(route: Route) -> None:
    await route.continue_(headers={**route.request.headers, "authorization": "Bearer a.b.c"})


@pytest.fixture
async def member(newcomer: Person) -> Person:
    """Alice, with all that signing in has left in the page and in the browser."""
    return newcomer


async def test_no_script_sees_the_refresh_token(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.page.context.add_init_script(LISTEN)
        await alice.visit()
        await alice.sign_up()
        first = await alice.refresh_cookie()
        other = await alice.another_tab()
        second = await alice.refresh_cookie()
        assert first is not None
        assert second is not None
        assert second["value"] != first["value"]
        assert second["httpOnly"]
        assert second["sameSite"] == "Strict"
        assert second["path"] == "/"
        for tab in (alice, other):
            seen = await tab.page.evaluate("[document.cookie, JSON.stringify(window.heard)]")
            assert seen[0] == ""
            assert "access_token" in seen[1]
            stored = await tab.stored()
            assert stored == {"local": {DEVICE: stored["local"][DEVICE]}, "session": {}}
            for cookie in (first, second):
                assert cookie["value"].partition(".")[0] not in str((seen, stored))


async def test_a_tab_forgets_what_earlier_versions_kept(member: Person) -> None:
    await member.page.evaluate("sessionStorage.setItem('taskward.refresh', '{}')")
    await member.page.reload()
    await expect(member.new_title).to_be_focused()
    assert (await member.stored())["session"] == {}


async def test_a_new_tab_is_signed_in_also_when_no_other_is_open(member: Person) -> None:
    await member.add("Buy milk")
    keeper = await member.page.context.new_page()  # else the browser would be closed with its last tab
    await member.page.close()
    tab = Person(await keeper.context.new_page(), member.url)
    await tab.visit()
    await expect(tab.titles).to_have_text(["Buy milk"])


async def restarted(browser: Browser, person: Person) -> BrowserContext:
    """Return what the browser is when it was closed and opened again: session cookies are gone."""
    state = await person.page.context.storage_state()
    state["cookies"] = [cookie for cookie in state["cookies"] if cookie["expires"] != -1]
    await person.page.context.close()
    return await browser.new_context(storage_state=state)


async def test_tomorrow_one_is_signed_in(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.sign_up()
        await alice.add("Buy milk")
        context = await restarted(browser, alice)
        tomorrow = Person(await context.new_page(), service)
        await tomorrow.visit()
        await expect(tomorrow.titles).to_have_text(["Buy milk"])
        await context.close()


async def test_a_shared_computer_forgets_when_the_browser_is_closed(browser: Browser, service: str) -> None:
    async with visiting(browser, service) as alice:
        await alice.page.get_by_label("This is a shared computer").check()
        await alice.sign_up()
        await alice.page.reload()
        await expect(alice.new_title).to_be_focused()
        context = await restarted(browser, alice)
        somebody = Person(await context.new_page(), service)
        await somebody.visit()
        await expect(somebody.page.get_by_role("heading", name="Sign in")).to_be_visible()
        await context.close()


class Blank(BaseHTTPRequestHandler):
    """A page of somebody else, which may do whatever it likes."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def front() -> Iterator[str]:
    """Another origin on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_page_of_another_origin_cannot_use_the_cookie(
    browser: Browser, database_url: str, front: str
) -> None:
    """Also not one that may read responses (CORS), and is the same site for the browser, which ignores ports."""
    settings = Settings(DATABASE_URL=database_url, JWT_SECRET_KEY=SECRET, ALLOWED_ORIGINS=front)
    with served(settings) as url:
        async with visiting(browser, url) as alice:
            await alice.sign_up()
            before = await alice.refresh_cookie()
            context = await browser.new_context(storage_state=await alice.page.context.storage_state())
            page = await context.new_page()
            await page.goto(front)
            for path, form in (
                ("/auth/token", "grant_type=refresh_token&cookie=keep"),
                ("/auth/revoke", "cookie=clear"),
            ):
                async with page.expect_request(f"{url}{path}") as waited:
                    told = await page.evaluate(ASK_ELSEWHERE, [url + path, form])
                headers = await (await waited.value).all_headers()
                assert "taskward_refresh" in headers["cookie"], "it was sent"
                assert told == [403, "ORIGIN_REFUSED"]
            await context.close()
            assert await alice.refresh_cookie() == before
            await alice.page.reload()
            await expect(alice.new_title).to_be_focused()


ASK_ELSEWHERE = """async ([url, form]) => {
  const response = await fetch(url, { method: "POST", body: new URLSearchParams(form), credentials: "include" });
  return [response.status, (await response.json()).code];
}"""


async def test_a_refused_access_token_is_renewed_without_a_word(member: Person) -> None:
    before = await member.refresh_cookie()
    await member.page.route("**/tasks", spoil, times=1)
    await member.add("Buy milk")
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])
    assert await member.refresh_cookie() != before


async def test_tabs_that_refresh_at_once_and_in_turn_all_go_on(
    member: Person, superuser: psycopg.Connection
) -> None:
    """A refresh token that comes back after its successor was used would end the session of all."""
    tabs = [member, *[await member.another_tab() for _ in range(3)]]
    for _ in range(2):
        await asyncio.gather(*(tab.page.reload() for tab in tabs))
        for tab in tabs:
            await expect(tab.page.get_by_role("button", name="Sign out")).to_be_visible()
        superuser.execute("UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'")
    for number, tab in enumerate(tabs):
        await tab.page.route("**/tasks", spoil, times=1)
        await tab.page.bring_to_front()
        await tab.add(f"Task {number}")
        superuser.execute("UPDATE refresh_tokens SET rotated_at = rotated_at - interval '11 seconds'")
    for tab in tabs:
        await tab.page.reload()
        await expect(tab.rows).to_have_count(4)


async def test_a_refresh_that_reaches_nobody_signs_nobody_out(member: Person) -> None:
    await member.add("Buy milk")
    await member.page.route("**/auth/token", lambda route: route.abort())
    await member.page.reload()
    await expect(member.page.get_by_text("The service cannot be reached.")).to_be_visible()
    await expect(member.page.get_by_role("heading", name="Sign in")).to_be_hidden()
    await member.page.unroute("**/auth/token")
    await member.page.get_by_role("button", name="Try now").click()
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_signing_out_ends_the_refresh_token(member: Person) -> None:
    cookie = await member.refresh_cookie()
    assert cookie is not None
    async with member.page.expect_response("**/auth/revoke"):
        await member.page.get_by_role("button", name="Sign out").click()
    assert (await member.stored())["session"] == {}
    assert await member.refresh_cookie() is None
    token = cookie["value"].partition(".")[0]
    form = {"grant_type": "refresh_token", "refresh_token": token}
    response = ask("POST", f"{member.url}/auth/token", data=form)
    assert response.json()["code"] == "CREDENTIALS_INVALID"


async def test_who_signed_out_while_the_service_was_away_is_not_back_when_it_is(member: Person) -> None:
    """No script can delete the cookie; so the page tells the service before it asks for anything."""
    await member.page.route("**/auth/*", lambda route: route.abort())
    await member.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_text("The service could not be told.")).to_be_visible()
    assert await member.refresh_cookie() is not None
    await member.page.unroute("**/auth/*")
    await member.page.reload()
    await expect(member.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await member.refresh_cookie() is None
    assert (await member.stored())["local"].keys() == {DEVICE}


async def test_who_signs_in_after_that_stays_signed_in(member: Person, superuser: psycopg.Connection) -> None:
    await member.page.route("**/auth/*", lambda route: route.abort())
    await member.page.get_by_role("button", name="Sign out").click()
    await expect(member.page.get_by_text("The service could not be told.")).to_be_visible()
    await member.page.unroute("**/auth/*")
    await member.sign_in()
    await member.page.reload()
    await expect(member.new_title).to_be_focused()
    going_on = superuser.execute("SELECT count(*) FROM refresh_tokens WHERE expires_at > now()").fetchone()
    assert going_on == (1,)


async def test_a_tab_never_becomes_somebody_elses(member: Person) -> None:
    """Bob signs in in another tab, by the cookie that both tabs have; alice's is signed out when it notices."""
    await member.add("Buy milk")
    await member.page.evaluate("window.BroadcastChannel.prototype.postMessage = () => {}")
    other = await member.another_tab()
    await other.page.evaluate("window.BroadcastChannel.prototype.postMessage = () => {}")
    await other.page.get_by_role("button", name="Sign out").click()  # of which the first tab hears nothing
    await other.sign_up("bob@example.com")
    await other.add("Call charlie")
    await member.page.route("**/tasks?*", spoil, times=1)
    await member.page.bring_to_front()
    await member.page.evaluate("dispatchEvent(new Event('focus'))")
    await expect(member.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(member.rows).to_have_count(0)
    await other.page.reload()
    await expect(other.titles).to_have_text(["Call charlie"])


async def test_what_one_sent_is_never_sent_again_as_the_next(member: Person) -> None:
    """The answer says that alice's log-in has ended, and comes when bob is there."""
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await released.wait()
        await route.fulfill(status=401, json={"detail": "The log-in has ended.", "code": "TOKEN_INVALID"})

    await member.page.route("**/tasks", hold, times=1)
    await member.new_title.fill("Buy a present for bob")
    await member.new_title.press("Enter")
    await asked.wait()
    await member.page.get_by_role("button", name="Sign out").first.click()
    question = member.page.get_by_role("dialog", name="Sign out and lose changes?")
    await question.get_by_role("button", name="Sign out").click()
    await member.sign_up("bob@example.com")
    released.set()
    await member.add("Call charlie")  # which is sent when what alice sent has come to its end
    await member.page.reload()
    await expect(member.titles).to_have_text(["Call charlie"])


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
