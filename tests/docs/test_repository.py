import re
from datetime import date

import pytest

import taskward
from tests.docs.documents import ROOT, documents, files

pytestmark = pytest.mark.quick

# Written so that this file does not contain what it looks for.
MACHINE = re.compile(r"(?<![\w.$)}])/(?:home|root|work|Users)[/]")
INDEXES = re.compile(
    r"(?:pypi|pythonhosted|npmjs|yarnpkg|crates|golang|docker|quay|ghcr|gcr|shields)[.](?:org|com|io)\b"
    r"|--(?:extra-)?index[-]url[ =]"
)
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_link_leads_to_a_file_of_the_repository() -> None:
    for document in documents():
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            path, _, anchor = target.partition("#")
            found = document.parent / path if path else document
            assert found.exists(), f"{target}, in {document.name}"
            assert found.resolve().is_relative_to(ROOT), f"{target}, in {document.name}"
            assert not anchor or anchor in anchors(found.read_text()), f"{target}, in {document.name}"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("forbidden", [MACHINE, INDEXES], ids=["a path of one machine", "a registry"])
def test_no_file_names(forbidden: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files()
        if (match := forbidden.search(path.read_text(errors="replace")))
    ]
    assert found == []


def test_every_file_is_utf_8_and_ends_in_a_newline() -> None:
    for path in files():
        if path.suffix == ".png":
            continue
        text = path.read_text()
        assert not text or text.endswith("\n"), path
        assert not text.endswith("\n\n"), path


def test_every_decision_has_its_number_and_its_three_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").iterdir())
    for number, record in enumerate(records, 1):
        assert record.name.startswith(f"{number:04}-")
        text = record.read_text()
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= SECTIONS
    assert not re.search(r"^### .+\n+(?:#|\Z)", text, re.MULTILINE), "a section is empty"


def test_the_changelog_has_the_version_that_this_is_above_all_earlier_ones() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(\d+)\.(\d+)\.(\d+)\] - ([\d-]+)$", text, re.MULTILINE)
    assert ".".join(versions[0][:3]) == taskward.__version__
    order = [(*map(int, version[:3]), date.fromisoformat(version[3])) for version in versions]
    assert order == sorted(order, reverse=True)
    assert len({version[:3] for version in order}) == len(order)


def test_the_files_of_the_repository_are_found() -> None:
    assert {ROOT / "pyproject.toml", ROOT / "src" / "taskward" / "app.py"} <= set(files())
    assert {ROOT / ".gitignore", ROOT / ".github" / "workflows" / "ci.yml"} <= set(files())
    assert ROOT / "README.md" in documents()
