"""Everything that docs/automation.md shows, done against a service as `make run` starts it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.better_auth.node import NODE
from tests.docs.documents import ROOT, section
from tests.docs.shell import blocks, type_in
from tests.docs.test_readme import ADDRESS
from tests.docs.test_shell_blocks import json_documents
from tests.service import Service

DOCUMENT = (ROOT / "docs" / "automation.md").read_text()
SHELL = [block.lines for block in blocks("automation.md")]
TOKEN, ADD, LIST, PYTHON, PROGRAMS, AGENTS, CALENDAR = SHELL
LINES_OF_PYTHON = 30
ISSUE = "https://github.example.com/alice/ferns/issues/7"
HOSTILE = "$(touch hacked) `touch hacked` \"'; touch hacked #\\ {{ é 💧"


def shown(heading: str, language: str) -> str:
    """The one block of a language below a heading."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", section(DOCUMENT, heading), re.MULTILINE | re.DOTALL)
    return str(found)


class Reader:
    """Somebody who follows the document from its beginning, logged in, in a folder of their own."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.url, self.folder = service.url, folder
        self._run(f"taskward token alice | taskward login --token-stdin --server {self.url}")
        self.token = self.type_in('echo "$TASKWARD_TOKEN"').strip()

    def type_in(self, lines: str) -> str:
        return self._run(TOKEN + lines)

    def _run(self, lines: str) -> str:
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(self.folder)}
        return type_in(lines.replace(ADDRESS, self.url), self.folder, environment)

    def tasks(self) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        found: list[dict[str, Any]] = httpx2.get(f"{self.url}/tasks", headers=headers).json()["tasks"]
        return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("automation") / "taskward-data") as running:
        yield running


@pytest.fixture
def reader(service: Service) -> Iterator[Reader]:
    """A new reader, who finds no task."""
    reader = Reader(service, service.data_dir.parent)
    yield reader
    with httpx2.Client(headers={"Authorization": f"Bearer {reader.token}"}, base_url=service.url) as client:
        for task in reader.tasks():
            client.delete(f"/tasks/{task['id']}")


def test_every_shell_block_is_one_of_these() -> None:
    assert [block.lines for block in blocks("automation.md") if block.reason is not None] == [PROGRAMS]


def test_curl_adds_a_task_once_and_lists_what_is_due(reader: Reader) -> None:
    first, again = json.loads(reader.type_in(ADD)), json.loads(reader.type_in(ADD))
    assert first["title"] == "Water the ferns"
    assert again == first
    due = [task["id"] for task in json.loads(reader.type_in(LIST))["tasks"]]
    assert due == ([first["id"]] if first["due_date"] <= f"{datetime.now(UTC):%F}" else [])


def test_a_script_ends_when_something_is_wrong(reader: Reader) -> None:
    with pytest.raises(AssertionError):
        reader.type_in(ADD.replace('"Water the ferns"', '""') + "echo not reached > reached")
    assert not (reader.folder / "reached").exists()


def test_the_python_script_adds_tasks_once_and_prints_them(reader: Reader) -> None:
    script = shown("Python", "python")
    assert len(re.findall(r"^.*\S", script, re.MULTILINE)) <= LINES_OF_PYTHON
    (reader.folder / "due.py").write_text(script)
    for _ in range(2):
        printed = [line.split(" ", 1) for line in reader.type_in(PYTHON).splitlines()]
        assert [title for _, title in printed] == ["Water the ferns", "Call bob"]
    assert {day for day, _ in printed} == {task["due_date"] for task in reader.tasks()}
    with pytest.raises(AssertionError, match="A title can have up to 200 characters"):
        reader.type_in(f"python3 due.py {'x' * 201}")


def test_the_github_action_makes_a_task_of_an_issue_whatever_its_title(reader: Reader) -> None:
    workflow = yaml.safe_load(shown("GitHub Action", "yaml"))
    assert workflow[True] == {"issues": {"types": ["opened"]}}  # YAML 1.1, for which `on` is true
    (step,) = workflow["jobs"]["task"]["steps"]
    known = {
        "vars.TASKWARD_SERVER": reader.url, "secrets.TASKWARD_TOKEN": reader.token,
        "github.event.issue.title": HOSTILE, "github.event.issue.html_url": ISSUE,
    }  # fmt: skip
    assert "${{" not in step["run"]
    environment = {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda it: known[it[1]], value) for name, value in step["env"].items()
    }
    for _ in range(2):
        type_in(step["run"], reader.folder, environment)
    (task,) = reader.tasks()
    assert (task["title"], task["description"], task["uid"], task["tags"]) == (HOSTILE, ISSUE, ISSUE, ["github"])
    assert not (reader.folder / "hacked").exists()


def test_the_n8n_node_sends_a_request_that_makes_a_task_once(reader: Reader) -> None:
    (node,) = json.loads(shown("n8n", "json"))["nodes"]
    asked = node["parameters"]
    assert (node["type"], asked["sendBody"], asked["specifyBody"]) == ("n8n-nodes-base.httpRequest", True, "json")
    assert (asked["authentication"], asked["genericAuthType"]) == ("genericCredentialType", "httpHeaderAuth")
    expression = re.fullmatch(r"=\{\{ (.+) \}\}", asked["jsonBody"])  # which n8n evaluates as JavaScript
    assert expression
    for _ in range(2):
        body = evaluated(expression[1], {"title": HOSTILE, "id": 7})
        response = httpx2.request(
            asked["method"], asked["url"].replace(ADDRESS, reader.url), content=body,
            headers={"Authorization": f"Bearer {reader.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert response.is_success, response.text
    assert [(task["title"], task["uid"]) for task in reader.tasks()] == [(HOSTILE, "n8n 7")]


def evaluated(expression: str, item: dict[str, Any]) -> str:
    program = f"const $json = JSON.parse(process.argv[1]); process.stdout.write({expression})"
    command = [str(NODE), "-e", program, json.dumps(item)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


class Secrets(yaml.SafeLoader):
    """Reads Home Assistant's files, with the secret's name in the place of the secret."""


Secrets.add_constructor("!secret", lambda loader, node: ("secret", loader.construct_scalar(node)))  # type: ignore[arg-type]


def test_home_assistant_adds_a_task_and_counts_those_that_are_due(reader: Reader) -> None:
    configuration = yaml.load(shown("Home Assistant", "yaml"), Secrets)
    secret = re.search(r"`taskward: (Bearer )twp_…`", section(DOCUMENT, "Home Assistant"))
    assert secret

    def headers(given: dict[str, Any]) -> dict[str, str]:
        assert given == {"Authorization": ("secret", "taskward")}
        return {"Authorization": secret[1] + reader.token}

    action = configuration["rest_command"]["add_task"]
    body = re.sub(r"\{\{ title \| to_json \}\}", lambda _: json.dumps(HOSTILE), action["payload"])
    added = httpx2.request(
        action["method"].upper(), action["url"].replace(ADDRESS, reader.url), content=body,
        headers={**headers(action["headers"]), "Content-Type": action["content_type"]},
    )  # fmt: skip
    assert (added.status_code, added.json()["title"], added.json()["tags"]) == (201, HOSTILE, ["home"])

    (sensor,) = configuration["rest"]

    def counted() -> int:
        response = httpx2.get(sensor["resource"].replace(ADDRESS, reader.url), headers=headers(sensor["headers"]))
        member = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", sensor["sensor"][0]["value_template"])
        assert member
        return int(response.json()[member[1]])

    assert counted() == 0
    reader.type_in(ADD)
    assert counted() == 1


def test_an_agent_adds_and_finds_tasks(reader: Reader) -> None:
    added, found = json_documents(reader.type_in(AGENTS))
    assert added["result"]["structuredContent"]["tasks"][0]["title"] == "Buy milk"
    assert found["result"]["structuredContent"]["count"] == 1


def test_the_calendar_has_what_has_a_day_at_the_address_that_is_printed(reader: Reader) -> None:
    printed = reader.type_in(ADD + "echo\n" + CALENDAR)
    assert "SUMMARY:Water the ferns\n" in printed
    token, address = (reader.folder / "calendar").read_text().splitlines()
    assert address == f"{reader.url}/calendar/{token}.ics"
    assert "BEGIN:VTODO" in httpx2.get(f"{address}?as=todo").text
    wrong = httpx2.get(address.replace("twp_", "twp_x"))
    assert (wrong.status_code, wrong.json()["code"]) == (404, "CALENDAR_NOT_FOUND")
