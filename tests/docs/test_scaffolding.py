"""What stands around the code: CI, hooks, templates, editors. None of it knows what the code does not know."""

import configparser
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.documents import ROOT, files

pytestmark = pytest.mark.quick

GITHUB = ROOT / ".github"
PINNED = re.compile(r"actions/(?:checkout|setup-python)@[0-9a-f]{40}")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_the_workflow_calls_ci_run_and_nothing_else() -> None:
    workflows = sorted((GITHUB / "workflows").iterdir())
    jobs = [job for path in workflows for job in yaml.safe_load(path.read_text())["jobs"].values()]
    steps = [step for job in jobs for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert all(PINNED.fullmatch(step["uses"]) for step in steps if "uses" in step)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_workflow_may_read_and_nothing_else() -> None:
    for path in (GITHUB / "workflows").iterdir():
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in workflow["jobs"].values())
        assert "secrets." not in path.read_text()
        assert set(workflow[True]) == {"push", "pull_request"}  # `on`, as YAML 1.1 reads it


def test_the_python_that_runs_is_the_oldest_that_is_promised() -> None:
    (setup,) = (
        step["with"]
        for step in read(".github/workflows/ci.yml")["jobs"]["run"]["steps"]
        if "setup-python" in step.get("uses", "")
    )
    assert setup["python-version"].split()[-1] == PYPROJECT["project"]["requires-python"].removeprefix(">=")


@pytest.mark.parametrize("name", ["bug", "idea"])
def test_the_templates_ask_for_something(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    assert any(part.get("validations", {}).get("required") for part in form["body"])
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids))


def test_who_found_a_gap_is_sent_where_it_is_told_in_private() -> None:
    assert "SECURITY.md" in read(".github/ISSUE_TEMPLATE/bug.yml")["body"][0]["attributes"]["value"]
    assert read(".github/ISSUE_TEMPLATE/config.yml") == {"blank_issues_enabled": False}


def hooks() -> dict[str, list[str]]:
    """Every hook, with its command."""
    repositories = read(".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"], "versions are locked, and once"
    return {hook["id"]: shlex.split(hook["entry"]) for hook in repositories[0]["hooks"]}


def test_every_hook_runs_a_tool_that_comes_with_the_locked_ones() -> None:
    wanted = {re.split(r"[>=<]", name)[0] for name in PYPROJECT["dependency-groups"]["dev"]}
    packages = {"ruff": "ruff", "kingfisher": "kingfisher-bin"}
    assert {command[0].removeprefix(".venv/bin/") for command in hooks().values()} == packages.keys()
    assert {*packages.values(), "prek"} <= wanted
    assert all((Path(sys.prefix) / "bin" / program).exists() for program in (*packages, "prek"))


def test_hooks_and_make_lint_ask_ruff_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in ("ruff-check", "ruff-format"):
        asked = " ".join(hooks()[name]).removeprefix(".venv/bin/").removesuffix(" --force-exclude")
        assert re.search(rf"^\t\$\(BIN\)/{asked}$", makefile, re.MULTILINE), asked


def test_contributors_are_told_the_floor_of_coverage() -> None:
    floor = PYPROJECT["tool"]["coverage"]["report"]["fail_under"]
    assert f"No less than {floor} % of the lines" in (ROOT / "CONTRIBUTING.md").read_text()


def editorconfig() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read_string("[root]\n" + (ROOT / ".editorconfig").read_text())
    return parser


def test_editors_are_told_what_ruff_asks_for() -> None:
    assert editorconfig()["*.py"]["max_line_length"] == str(PYPROJECT["tool"]["ruff"]["line-length"])
    assert editorconfig()["*.{py,toml,mako}"]["indent_size"] == "4"  # ruff's own default
    assert editorconfig()["{Makefile,go.mod,*.go}"]["indent_style"] == "tab"


def test_no_line_ends_in_white_space_and_none_begins_with_a_tab_but_where_make_and_go_want_it() -> None:
    for path in files():
        if path.suffix in {".png", ".lock"}:
            continue
        text = path.read_bytes()
        assert b"\r" not in text, path
        assert not re.search(rb"[ \t]$", text, re.MULTILINE), path
        tabs = path.name in {"Makefile", "go.mod"} or path.suffix == ".go"
        assert tabs or not re.search(rb"^\t", text, re.MULTILINE), path
