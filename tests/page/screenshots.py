"""Makes the pictures of the README, from a service that runs: `make screenshots`."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

from tests.docs.documents import ROOT
from tests.page.chromium import find_chromium
from tests.page.people import visiting
from tests.service import Service

IMAGES = ROOT / "docs" / "images"
TASKS = {
    "Water the plants": "",
    "Call bob about Saturday": "He wanted to bring the tent",
    "Return the library books": "",
    "Buy milk": "Two litres",
}


async def photograph(browser: Browser, url: str) -> None:
    window = {"width": 760, "height": 560}
    async with visiting(browser, url, viewport=window) as alice:
        await alice.sign_up()
        for title, description in TASKS.items():
            await alice.add(title)
            if description:
                await alice.edit(title, description=description)
        await alice.row("Return the library books").get_by_role("checkbox").check()
        await alice.everything_saved()
        await alice.page.reload()
        await expect(alice.rows).to_have_count(len(TASKS))
        for scheme in ("light", "dark"):
            await alice.page.emulate_media(color_scheme=scheme)
            await alice.page.screenshot(path=IMAGES / f"page-{scheme}.png")

    page = await browser.new_page(viewport={"width": 1100, "height": 800})
    await page.goto(f"{url}/docs")
    await page.locator(".opblock").first.wait_for()
    await page.screenshot(path=IMAGES / "docs.png")


async def visit(url: str) -> None:
    chromium = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.path, env=chromium.environment)
        await photograph(browser, url)
        await browser.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="taskward-screenshots-") as folder:
        Path(folder).chmod(0o755)  # the PostgreSQL of a service that runs as root may be somebody else
        with Service(Path(folder) / "data") as service:
            asyncio.run(visit(service.url))


if __name__ == "__main__":
    main()
