"""The linter for the JavaScript, of the page and of the tests. Its rules are in .oxlintrc.json."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from taskward.web.routes import FILES
from tests.better_auth.node import NODE, install_packages
from tests.docs.documents import ROOT, files

RULES = ".oxlintrc.json"


def lint(folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter in `folder`, by the rules there."""
    program = install_packages(Path(__file__).parent) / "oxlint" / "bin" / "oxlint"
    return subprocess.run(
        [NODE, program, "--config", RULES, "--deny-warnings", *paths], cwd=folder, env={}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_linter_has_nothing_to_say() -> None:
    scripts = [path for path in files() if path.suffix in {".js", ".mjs"}]
    done = lint(ROOT, *scripts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"on {len(scripts)} files" in done.stdout, "some were not looked at"
    assert len(scripts) > len(list(FILES.glob("*.js"))) > 10


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("fetch(adress);", "no-undef"),
        ("fetch(process.env.HOME);", "no-undef"),
        ('import { rowz } from "./rows.js";\nrowz();', "named"),
        ('import { show } from "./rows.js";', "no-unused-vars"),
        ("if (document.title == 1) close();", "eqeqeq"),
        ("if (document.title = 1) close();", "no-cond-assign"),
    ],
)
def test_the_linter_sees_mistakes_that_no_build_step_would_catch(tmp_path: Path, line: str, rule: str) -> None:
    folder = tmp_path / FILES.relative_to(ROOT)
    shutil.copytree(FILES, folder)
    shutil.copy(ROOT / RULES, tmp_path)
    (folder / "wrong.js").write_text(f"{line}\n")
    done = lint(tmp_path, folder / "wrong.js")
    assert done.returncode == 1
    assert re.search(rf"\({rule}\)", done.stdout), done.stdout
