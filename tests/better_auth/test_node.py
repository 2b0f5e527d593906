"""How Node and its packages come here, and how what was started ends."""

import json
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from tests.better_auth import node
from tests.better_auth.node import HERE, NodeServer
from tests.better_auth.registry import PACKAGE, serving


def test_the_lock_file_names_no_registry_and_a_hash_of_every_package() -> None:
    root, *packages = json.loads((HERE / "package-lock.json").read_text())["packages"].values()
    assert root["dependencies"] == json.loads((HERE / "package.json").read_text())["dependencies"]
    assert len(packages) > 20
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_without_a_registry_the_tests_fail_and_are_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    for _ in range(2):  # what the first attempt leaves behind is not taken for an installation
        with pytest.raises(AssertionError, match="needs an npm registry once"):
            node.install_packages()


def test_what_is_locked_is_installed_and_what_is_newest_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(HERE / ".npmrc", project)
    (project / "package.json").write_text(json.dumps({"dependencies": {PACKAGE: "1.0.0"}}))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.delenv("TASKWARD_NEWEST", raising=False)
    with serving() as registry:
        monkeypatch.setenv("npm_config_registry", registry.url)
        registry.publish("1.0.0")
        node.npm(project, "install", "--package-lock-only")
        registry.publish("2.0.0")
        assert installed(project) == "1.0.0"
        monkeypatch.setenv("TASKWARD_NEWEST", "1")
        assert installed(project) == "2.0.0"
        registry.publish("3.0.0")
        assert installed(project) == "2.0.0"  # a run tests one version
        node.newest.cache_clear()
        assert installed(project) == "3.0.0"  # and the next run the one of its day


def installed(project: Path) -> str:
    manifest = node.install_packages(project) / PACKAGE / "package.json"
    version: str = json.loads(manifest.read_text())["version"]
    return version


@pytest.mark.parametrize("program", ["process.exit(3)", "throw new Error('broken')", "import 'nothing'"])
def test_a_program_that_does_not_start_is_reported(tmp_path: Path, program: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "broken.mjs").write_text(program)
    with (
        pytest.raises(AssertionError, match="has ended"),
        NodeServer(tmp_path, tmp_path / "elsewhere" / "broken.mjs", {}),
    ):
        pass


def test_a_program_that_does_not_stop_by_itself_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "STOP_SECONDS", 0.1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "stubborn.mjs").write_text(
        "console.log('listening at nowhere'); setInterval(() => {}, 1000)"
    )
    with NodeServer(tmp_path, tmp_path / "elsewhere" / "stubborn.mjs", {}) as server:
        process = psutil.Process(server.pid)
    assert not process.is_running()


def test_a_program_ends_with_whoever_started_it(better_auth: NodeServer) -> None:
    """Closing its standard input is what the death of this process would do."""
    process = psutil.Process(better_auth.pid)
    better_auth.hang_up()
    process.wait(10)
