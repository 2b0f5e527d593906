import re
from pathlib import Path

import pytest

from taskward.settings import Settings
from taskward.settings.unread_names import variables
from tests.docs.documents import ROOT, code
from tests.docs.generated import in_document
from tests.docs.generated.settings import written
from tests.test_settings import PROVIDER

pytestmark = pytest.mark.quick

EXAMPLE = (ROOT / ".env.example").read_text()


def test_every_setting_is_explained() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_example_of_a_setting_would_do(tmp_path: Path) -> None:
    for name, field in Settings.model_fields.items():
        for example in field.examples or ():
            others = PROVIDER if name.startswith("oidc_") else {}
            lines = {**others, variables(name, field)[0]: example}.items()
            (tmp_path / "one").write_text("".join(f"{each}={value}\n" for each, value in lines))
            assert getattr(Settings(_env_file=tmp_path / "one"), name) != field.default, name


def defaults() -> dict[tuple[str, ...], str]:
    """Return each setting's default as the documents write it, by the names of its environment variables."""
    fields = Settings.model_fields.items()
    return {tuple(variables(name, field)): written(field.get_default()) for name, field in fields}


def example_lines() -> dict[str, str]:
    lines = (line.removeprefix("# ") for line in EXAMPLE.splitlines() if "=" in line)
    return dict(line.split("=", 1) for line in lines)


def test_every_setting_is_documented_once_with_its_default() -> None:
    sections = re.findall(r"^### (.+)\n(?:.*\n)*?- Default: (.+)$", in_document("settings"), re.MULTILINE)
    documented = [(tuple(code(names)), "" if value == "unset" else code(value)[0]) for names, value in sections]
    assert sorted(documented) == sorted(defaults().items())


def test_the_example_file_has_every_setting_and_its_default() -> None:
    assert example_lines() == {name: default for names, default in defaults().items() for name in names}


def test_the_example_file_says_what_each_setting_is_for() -> None:
    for paragraph in EXAMPLE.split("\n\n")[1:]:
        explanation, setting = paragraph.strip().split("\n")
        assert explanation.startswith("# ")
        assert "=" in setting


def test_the_example_file_changes_nothing_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "as_it_is").write_text(EXAMPLE)
    assert Settings(_env_file=tmp_path / "as_it_is") == Settings()


def test_the_example_file_changes_nothing_with_every_mark_taken_away(tmp_path: Path) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in example_lines().items())
    (tmp_path / "all").write_text(lines)
    assert Settings(_env_file=tmp_path / "all") == Settings()


@pytest.mark.parametrize(("first", "second"), [("JWT_SECRET_KEY", "BETTER_AUTH_SECRET")])
def test_the_first_of_two_names_wins_as_the_example_file_says(tmp_path: Path, first: str, second: str) -> None:
    assert f"Another name for {first}, which wins" in EXAMPLE
    (tmp_path / "both").write_text(f"{second}={'s' * 32}\n{first}={'f' * 32}\n")
    assert Settings(_env_file=tmp_path / "both").signing_secret == b"f" * 32
