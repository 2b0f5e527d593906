"""Makes the pictures of the documents, from a service that runs: `make screenshots`."""

import asyncio
import io
import shlex
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.cli.client.people import Person
from tests.conftest import SECRET
from tests.docs.documents import ROOT
from tests.service import Service
from tests.web.chromium import find_chromium
from tests.web.people import visiting

IMAGES = ROOT / "docs" / "images"
TASKS: dict[str, dict[str, str]] = {
    "Water the plants": {"tags": "home, plants"},
    "Call bob about Saturday": {"description": "He wanted to bring the tent", "due_date": "2031-05-02"},
    "Return the library books": {},
    "Buy milk": {"description": "Two litres", "priority": "high"},
}


async def photograph(browser: Browser, url: str) -> None:
    window = {"width": 760, "height": 620}
    async with visiting(browser, url, viewport=window) as alice:
        await alice.sign_up()
        for title, fields in TASKS.items():
            await alice.add(title)
            if fields:
                await alice.edit(title, **fields)
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


COMMANDS = (
    ("add", "Buy milk", "--description", "Two litres"),
    ("add", "Call bob about Saturday"),
    ("done", "1"),
    ("list",),
    ("show", "2", "--json"),
)


def typed(person: Person) -> str:
    """Return as HTML what a terminal shows after the commands."""
    console = Console(record=True, width=88, file=io.StringIO())
    for command in COMMANDS:
        console.print(Text(f"$ taskward {shlex.join(command)}", style="bold"))
        terminal = person.at_a_terminal(*command)
        assert terminal.end() == 0, terminal.output
        console.print(Text.from_ansi(terminal.output.replace("\r\n", "\n").rstrip()))
    return console.export_html(theme=MONOKAI, inline_styles=True)


async def photograph_terminal(browser: Browser, html: str) -> None:
    page = await browser.new_page(viewport={"width": 900, "height": 600})
    await page.set_content(html)
    await page.locator("pre").screenshot(path=IMAGES / "command-line.png")


async def visit(url: str, html: str, fonts: Path) -> None:
    chromium = find_chromium()
    of_machine = {**chromium.environment, "FONTCONFIG_FILE": str(fonts)}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.path, env=chromium.environment)
        await photograph(browser, url)
        await browser.close()
        browser = await playwright.chromium.launch(executable_path=chromium.path, env=of_machine)
        await photograph_terminal(browser, html)
        await browser.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="taskward-screenshots-") as folder:
        Path(folder).chmod(0o755)  # the PostgreSQL of a service that runs as root may be somebody else
        with Service(Path(folder) / "data", {"JWT_SECRET_KEY": SECRET}) as service:
            home = Path(folder) / "home"
            home.mkdir()
            html = typed(Person(home, service.url).has_token("alice"))
            # The browser's package has no font whose letters are equally wide, as they are in a terminal.
            fonts = Path(folder) / "fonts.conf"
            fonts.write_text("<fontconfig><dir>/usr/share/fonts</dir></fontconfig>")
            asyncio.run(visit(service.url, html, fonts))


if __name__ == "__main__":
    main()
