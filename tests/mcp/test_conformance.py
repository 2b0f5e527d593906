"""The official conformance suite and the official inspector, against a service as people start it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskward.auth.issue import issue_token
from tests.better_auth.node import NODE
from tests.conftest import SECRET
from tests.mcp.packages import PACKAGES, packages
from tests.prefix_proxy import with_token
from tests.service import Service

TOKEN = issue_token("alice", SECRET.encode(), "HS256", 3600)
NEWEST, BEFORE = "2026-07-28", "2025-11-25"

# What a server of nothing but tools can be asked, and which checks fail: it has no such feature, or the check
# needs a tool that is there for the suite alone. Anything else that fails is a mistake of ours.
UNTESTABLE = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
NO_PROMPTS_NO_RESOURCES = {
    "sep-2549-prompts-list-caching-hints",
    "sep-2549-resources-list-caching-hints",
    "sep-2549-resources-templates-list-caching-hints",
}
SCENARIOS: dict[tuple[str, str], set[str]] = {
    ("server-stateless", NEWEST): UNTESTABLE,
    ("tools-list", NEWEST): set(),
    ("caching", NEWEST): NO_PROMPTS_NO_RESOURCES,
    ("http-header-validation", NEWEST): set(),
    ("dns-rebinding-protection", NEWEST): set(),
    ("server-initialize", BEFORE): set(),
    ("ping", BEFORE): set(),
    ("tools-list", BEFORE): set(),
    ("dns-rebinding-protection", BEFORE): set(),
    ("server-initialize", "2025-06-18"): set(),
    ("ping", "2025-06-18"): set(),
    ("tools-list", "2025-06-18"): set(),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the suite, which has no token, finds a service: behind a proxy that has one."""
    with with_token(TOKEN) as proxy:
        settings = {"JWT_SECRET_KEY": SECRET, "ALLOWED_ORIGINS": proxy.url}
        with Service(tmp_path_factory.mktemp("service") / "data", settings) as service:
            proxy.behind = service.url.removeprefix("http://")
            yield f"{proxy.url}/mcp"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    path = {"PATH": str(NODE.parent)}
    return subprocess.run([NODE, *command], env=path, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("scenario", "revision"), SCENARIOS)
def test_the_suite_finds_nothing(address: str, tmp_path: Path, scenario: str, revision: str) -> None:
    program = packages() / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    done = run(
        program, "server", "--url", address, "--scenario", scenario, "--spec-version", revision, "-o", tmp_path
    )
    (results,) = tmp_path.glob("*/checks.json")
    checks: list[dict[str, Any]] = json.loads(results.read_text())
    failed = {check["id"] for check in checks if check["status"] in ("FAILURE", "WARNING")}
    assert failed == SCENARIOS[scenario, revision], done.stdout
    assert {check["id"] for check in checks if check["status"] == "SUCCESS"}


def inspect(address: str, *options: str) -> Any:
    folder = packages() / "@modelcontextprotocol" / "inspector"
    program = folder / json.loads((folder / "package.json").read_text())["bin"]["mcp-inspector"]
    done = run(program, "--cli", address, "--transport", "http", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_inspector_lists_and_calls_the_tools(address: str) -> None:
    listed = inspect(address, "--method", "tools/list")
    assert [tool["name"] for tool in listed["tools"]] == [
        "find_tasks",
        "add_tasks",
        "update_tasks",
        "complete_tasks",
    ]
    tasks = json.dumps([{"title": "Buy milk"}])
    added = inspect(address, "--method", "tools/call", "--tool-name", "add_tasks", "--tool-arg", f"tasks={tasks}")
    assert added["structuredContent"]["tasks"][0]["title"] == "Buy milk"
    found = inspect(address, "--method", "tools/call", "--tool-name", "find_tasks", "--tool-arg", "q=milk")
    assert found["structuredContent"]["count"] >= 1


def test_the_lock_file_names_no_registry_and_a_hash_of_every_package() -> None:
    root, *locked = json.loads((PACKAGES / "package-lock.json").read_text())["packages"].values()
    assert root["dependencies"] == json.loads((PACKAGES / "package.json").read_text())["dependencies"]
    assert len(locked) > 20
    for package in locked:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
