"""The browser of the npm package, tried even where the machine has one that is taken instead."""

import platform

import pytest
from playwright.async_api import async_playwright

from tests.web.chromium import packaged


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="there is none for it")
async def test_the_packaged_browser_draws_text_without_the_fonts_of_the_machine() -> None:
    chromium = packaged()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.path, env=chromium.environment)
        page = await browser.new_page()
        await page.set_content("<p>Buy milk</p>")
        assert await page.get_by_text("Buy milk").is_visible()
        await browser.close()
