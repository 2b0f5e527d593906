"""What a model pays for the tools, and for what they tell."""

import json
from pathlib import Path

from taskward.mcp.tools import INSTRUCTIONS, listed
from tests.better_auth.node import run
from tests.client import Client
from tests.mcp.agents import call
from tests.mcp.packages import PACKAGES, packages

AT_MOST = 1500

# Ten tasks as people write them; each fifth of a list of fifty.
TASKS = [
    {"title": "Water the ferns", "due_date": "2026-11-27", "tags": ["home"]},
    {"title": "Buy milk"},
    {"title": "Call the dentist about Thursday", "due_date": "2026-12-01", "due_time": "09:30"},
    {"title": "Send the invoice to Charlie", "priority": "high"},
    {"title": "Book train tickets", "due_date": "2026-12-03"},
    {"title": "Read chapter 4"},
    {"title": "Renew the passport", "description": "Bring two photos and the old one."},
    {"title": "Fix the kitchen tap", "tags": ["home"]},
    {"title": "Write to Bob", "priority": "low"},
    {"title": "Pay the electricity bill", "due_date": "2026-11-30"},
]  # fmt: skip


def tokens(folder: Path, *texts: str) -> list[int]:
    (folder / "node_modules").symlink_to(packages())
    counted: list[int] = run(folder, PACKAGES / "tokens.mjs", texts)
    print(f"tokens (o200k): {counted}")  # noqa: T201
    return counted


def test_the_tools_cost_little_before_the_first_word(tmp_path: Path) -> None:
    hello, tools, instructions = tokens(tmp_path, "hello world", json.dumps(listed()), INSTRUCTIONS)
    assert hello == 2  # the vocabulary is the one that is meant
    assert 500 < tools + instructions < AT_MOST


async def test_fifty_tasks_cost_little(alice: Client, tmp_path: Path) -> None:
    await call(alice, "add_tasks", tasks=TASKS * 5)
    (content,) = (await call(alice, "find_tasks"))["content"]
    (counted,) = tokens(tmp_path, content["text"])
    assert content["text"].count('"title"') == 50
    assert 500 < counted < AT_MOST
