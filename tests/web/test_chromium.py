"""Where the browser comes from, and that nobody overlooks that there is none."""

import json
import platform
from pathlib import Path

import pytest

from tests.web.chromium import NAMES, PACKAGE, REQUIRED, Chromium, find_chromium


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a browser, for which there is no package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    for name in REQUIRED:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_a_browser_the_tests_are_left_out_aloud() -> None:
    with pytest.raises(pytest.skip.Exception, match="NOT TESTED IN A BROWSER"):
        find_chromium()


@pytest.mark.parametrize("name", REQUIRED)
def test_where_a_browser_is_required_the_tests_fail_without_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(pytest.fail.Exception, match="NOT TESTED IN A BROWSER"):
        find_chromium()


@pytest.mark.parametrize("name", NAMES)
def test_without_the_package_the_browser_of_the_machine_is_taken(elsewhere: Path, name: str) -> None:
    program = elsewhere / name
    program.touch(0o755)
    assert find_chromium() == Chromium(str(program))


@pytest.mark.parametrize("folder", [PACKAGE, PACKAGE.parent])
def test_the_lock_files_name_no_registry_and_a_hash_of_every_package(folder: Path) -> None:
    root, *packages = json.loads((folder / "package-lock.json").read_text())["packages"].values()
    assert root["dependencies"] == json.loads((folder / "package.json").read_text())["dependencies"]
    assert packages
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
