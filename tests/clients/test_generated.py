"""Clients made from the published description have strict types, and do with the service what these promise."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.better_auth.node import NODE
from tests.clients import generated
from tests.clients.generated import HERE, run
from tests.conftest import SECRET
from tests.server.wire import TOKENS
from tests.service import Service

STORY = {
    "created": ["Buy milk", "Europe/Berlin"],
    "listed": [1, "Water the ferns", "high"],
    "updated": [None, None, ["Home", "plants"]],
    "current": "Water the ferns",
    "completed": [True, True, True],
    "deleted": 204,
    "gone": ["TASK_NOT_FOUND", "forget it"],
    "batch": [201, "Buy bread", "TASK_NOT_FOUND", 204],
    "stranger": "TOKEN_INVALID",
    "refused": ["title"],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service") / "data", {"JWT_SECRET_KEY": SECRET}) as service:
        yield service


@pytest.fixture
def description(service: Service, tmp_path: Path) -> Path:
    """The document that the running service publishes, in a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx2.get(f"{service.url}/openapi.json").content)
    return path


def tasks(service: Service, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return [task["title"] for task in httpx2.get(f"{service.url}/tasks", headers=headers).json()["tasks"]]


def test_a_typescript_client_type_checks_and_works(service: Service, description: Path, tmp_path: Path) -> None:
    generated.typescript_client(tmp_path, description)
    shutil.copy(HERE / "story.ts", tmp_path)
    generated.check_typescript(tmp_path, "story.ts")
    assert json.loads(run([NODE, "story.ts", service.url, TOKENS["alice"]], tmp_path)) == STORY
    assert tasks(service, TOKENS["alice"]) == ["Buy milk"]


def test_a_python_client_type_checks_and_works(service: Service, description: Path, tmp_path: Path) -> None:
    python = generated.python_client(tmp_path, description)
    shutil.copy(HERE / "story.py", tmp_path)
    generated.check_python(tmp_path, python, "story.py")
    assert json.loads(run([python, "story.py", service.url, TOKENS["bob"]], tmp_path)) == STORY
    assert tasks(service, TOKENS["bob"]) == ["Buy milk"]


def test_the_lock_files_name_no_registry_and_a_hash_of_every_package() -> None:
    root, *packages = json.loads((HERE / "package-lock.json").read_text())["packages"].values()
    assert root["dependencies"] == json.loads((HERE / "package.json").read_text())["dependencies"]
    assert len(packages) > 20
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages)
    pinned = [line for line in generated.LOCK.read_text().splitlines() if line[0] not in "# "]
    assert len(pinned) > 20
    assert all("==" in line and line.endswith("\\") for line in pinned)
