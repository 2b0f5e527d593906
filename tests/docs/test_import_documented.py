"""The document on other products: its lines are typed into a shell, and its table has every format."""

import sys
from pathlib import Path

from taskward.auth.issue import issue_token
from taskward.client.imports.recognise import FORMATS
from tests.conftest import SECRET
from tests.docs.documents import ROOT, rows
from tests.docs.shell import to_run, type_in
from tests.service import Service

DOCUMENT = (ROOT / "docs" / "import.md").read_text()


def test_every_line_does_what_it_says(tmp_path: Path) -> None:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET}) as service:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "TASKWARD_SERVER": service.url,
            "TASKWARD_TOKEN": issue_token("alice", SECRET.encode(), "HS256", 600),
        }
        printed = type_in("".join(to_run("import.md")), tmp_path, environment)
    assert printed == (
        "1\t-\tWater the ferns\t2028-02-29\thigh\tgarden, home\t\n"
        "todo.txt: 1 task. Nothing was created: a dry run.\n"
        "1 rows: 1 created.\n1 rows: 1 created.\n"
    )


def test_the_table_has_every_format() -> None:
    named = [name.strip("` ") for first, *_ in rows(DOCUMENT, "`--from`") for name in first.split(",")]
    assert sorted(named) == sorted(FORMATS)
