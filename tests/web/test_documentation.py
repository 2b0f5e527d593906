"""The documentation in a browser: it works, and no script runs in it that is not its own."""

import asyncio
import json

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.web.people import EMAIL, PASSWORD, visiting
from tests.web.programs import register

INJECTED = [
    "insert('script', { text: 'stolen = 1' })",
    "insert('div', { innerHTML: '<img src=x onerror=\"stolen = 1\">' })",
    "insert('div', { innerHTML: '<a id=bait onclick=\"stolen = 1\">x</a>' }); bait.click()",
    "insert('a', { id: 'link', href: 'javascript:void(stolen = 1)' }); link.click()",
    "insert('script', { src: 'data:text/javascript,stolen=1' })",
    "insert('script', { src: 'http://127.0.0.1:1/evil.js' })",
    "await new Promise((onload) => insert('iframe', { onload, srcdoc: '<script>parent.stolen = 1</script>' }));"
    "stopped += 1",  # which is told in there alone
    "setTimeout('stolen = 1')",
    "await import(URL.createObjectURL(new Blob(['stolen = 1'], { type: 'text/javascript' })))",
    "await fetch('http://127.0.0.1:1/')",
]
PREPARE = """() => {
    const pause = () => new Promise((next) => setTimeout(next, 20));
    window.insert = (tag, values) => document.body.append(Object.assign(document.createElement(tag), values));
    window.stopped = 0;
    window.until = async (number) => { while (stopped < number) await pause(); };
    addEventListener("securitypolicyviolation", () => { stopped += 1 });
}"""


async def log_in(page: Page) -> None:
    """Use the form of the documentation."""
    await page.get_by_role("button", name="Authorize").first.click()
    form = page.locator(".auth-container", has_text="OAuth2, password")
    await form.locator("#oauth_username").fill(EMAIL)
    await form.locator("#oauth_password").fill(PASSWORD)
    await form.locator("button", has_text="Authorize").click()
    await expect(form.locator("button", has_text="Logout")).to_be_visible()
    await page.locator(".close-modal").click()


async def try_out(page: Page, operation_id: str) -> Locator:
    """Send the request of an operation; return where the response is shown."""
    operation = page.locator(f"[id$='-{operation_id}'].opblock")
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table")


async def test_people_log_in_and_try_it_out(browser: Browser, service: str) -> None:
    register(service)
    async with visiting(browser, f"{service}/docs") as alice:
        await log_in(alice.page)
        answered = await try_out(alice.page, "list_tasks")
        await expect(answered).to_contain_text('"count": 0')


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_no_injected_script_runs_and_nothing_goes_elsewhere(
    browser: Browser, service: str, path: str
) -> None:
    page = await browser.new_page()
    await page.goto(service + path)
    await expect(page.get_by_text("List tasks").locator("visible=true").first).to_be_visible()
    await page.evaluate(PREPARE)
    for number, attack in enumerate(INJECTED, 1):
        await page.evaluate(f"(async () => {{ {attack} }})().catch(() => null)")
        async with asyncio.timeout(15):
            await page.evaluate(f"until({number})")  # `wait_for_function` would need what the policy forbids
        assert await page.evaluate("typeof stolen") == "undefined", attack
    await page.close()


async def test_the_tasks_are_open_and_their_aliases_are_not(browser: Browser, service: str) -> None:
    async with visiting(browser, f"{service}/docs") as alice:
        await expect(alice.page.locator("[id$='-create_task'].opblock")).to_be_visible()
        shown = await alice.page.locator(".opblock").evaluate_all("blocks => blocks.map((block) => block.id)")
        assert {each.split("-")[1] for each in shown} == {"tasks"}
        await alice.page.locator("[data-tag='tasks at /users/{user_id}/tasks']").click()
        await expect(alice.page.locator("[id$='-users_user_id_create_task']")).to_be_visible()


async def test_trying_it_out_sends_nothing_that_nobody_typed(browser: Browser, service: str) -> None:
    async with visiting(browser, f"{service}/docs") as alice:
        async with alice.page.expect_request("**/tasks**") as asked:
            await try_out(alice.page, "list_tasks")
        request = await asked.value
        assert request.url == f"{service}/tasks"
        assert "if-none-match" not in await request.all_headers()
        async with alice.page.expect_request("**/tasks") as asked:
            await try_out(alice.page, "create_task")
        request = await asked.value
        assert "idempotency-key" not in await request.all_headers()
        assert json.loads(request.post_data or "{}").items() >= {"title": "Buy milk", "uid": None}.items()
