"""The service is killed and comes back, and a person notices, but loses nothing."""

import os
import re
import signal
from pathlib import Path

import psutil
from playwright.async_api import Browser, expect

from tests.cli.command import workers_of
from tests.service import Service
from tests.web.people import Person, visiting


async def test_changes_made_while_the_service_is_away_are_kept_and_sent(browser: Browser, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with Service(data_dir) as service:
        url = service.url
        async with visiting(browser, url) as alice:
            await alice.sign_up()
            await alice.add("Buy milk", "Call bob")

            workers = workers_of(service)
            os.kill(service.process.pid, signal.SIGKILL)
            _, alive = psutil.wait_procs(workers, timeout=60)  # they notice, and finish what they have begun
            assert alive == []
            await alice.new_title.fill("Water the plants")
            await alice.new_title.press("Enter")
            await alice.edit("Call bob", title="Call charlie")
            await alice.row("Buy milk").get_by_role("checkbox").check()
            outage = alice.page.get_by_text("The service cannot be reached.")
            await expect(outage).to_be_visible()
            await expect(alice.page.get_by_text("Not saved yet")).to_have_count(3)
            await alice.new_title.fill("Half a thought")

            with Service(data_dir, {"PORT": url.rsplit(":", 1)[1]}) as again:
                assert again.url == url
                await alice.everything_saved()
                await expect(outage).to_be_hidden()
                await expect(alice.new_title).to_have_value("Half a thought")
                await alice.page.reload()
                await expect(alice.titles).to_have_text(["Water the plants", "Call charlie", "Buy milk"])
                await expect(alice.row("Buy milk").get_by_role("checkbox")).to_be_checked()
                await expect(alice.new_title).to_have_value("Half a thought")


FULL = """() => {
    const { setItem } = Storage.prototype; // there is room for little
    Storage.prototype.setItem = function (name, value) {
        if (name.includes("outbox")) throw new DOMException("", "QuotaExceededError");
        setItem.call(this, name, value);
    };
}"""
NOT_KEPT = "do not close this tab until it is saved"


async def test_what_the_browser_has_no_room_for_is_sent_all_the_same_and_told(member: Person) -> None:
    await member.page.evaluate(FULL)
    await member.page.context.set_offline(True)
    await member.new_title.press_sequentially("Buy milk")
    await member.new_title.press("Enter")
    told = member.page.get_by_text(NOT_KEPT)
    await expect(told).to_be_visible()
    async with member.page.expect_event("requestfailed", lambda request: request.method == "GET"):
        await member.page.evaluate("dispatchEvent(new Event('focus'))")  # the list is read
    await expect(member.page.get_by_text("What you change is kept here")).to_have_count(0)
    await expect(told).to_be_visible()
    await member.page.context.set_offline(False)
    await member.everything_saved()
    await expect(member.titles).to_have_text(["Buy milk"])
    await member.page.reload()
    await expect(member.titles).to_have_text(["Buy milk"])


async def test_nothing_that_was_told_of_an_outage_stays_for_the_next_person(newcomer: Person) -> None:
    page = newcomer.page
    await page.evaluate(FULL)
    await page.route(re.compile("/tasks"), lambda route: route.abort())
    await newcomer.new_title.press_sequentially("Buy milk")
    await newcomer.new_title.press("Enter")
    told = page.get_by_text("The service cannot be reached.")
    await expect(told).to_contain_text(NOT_KEPT)
    await page.get_by_role("button", name="Sign out").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(told).to_be_hidden()
    await newcomer.sign_in()
    await page.evaluate("dispatchEvent(new Event('focus'))")  # the list is read, and cannot be
    await expect(told).to_contain_text("What you change is kept here")
