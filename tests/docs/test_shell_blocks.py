"""Every shell block in `docs` is run by a test, or says why not."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from taskward.embedded.server import EmbeddedPostgres, program
from taskward.settings import Settings
from tests.better_auth.node import NODE
from tests.docs.documents import ROOT
from tests.docs.shell import blocks, to_run, type_in
from tests.docs.test_readme import ADDRESS
from tests.embedded.clusters import embedded
from tests.embedded.test_backup import TASKS, as_superuser, write_tasks
from tests.service import Service

RUN_HERE = {"authentication.md", "quickstart.md", "backup.md", "upgrade.md"}
RUN_ELSEWHERE = {"command-line.md", "better-auth.md", "import.md", "automation.md"}  # by tests of their own
DATA = str(Settings().data_dir)
ALICES = [("alice", "Buy milk", 1), ("alice", "Call bob", 2)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that looks like a fresh clone after `make run`: the environment, and no data yet."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


def tasks_in(data_dir: Path) -> list[tuple[object, ...]]:
    with embedded(data_dir) as server, as_superuser(server) as connection:
        return connection.execute(TASKS).fetchall()


def test_every_shell_block_is_run_or_says_why_not() -> None:
    names = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert {name for name in names if to_run(name)} == RUN_HERE | RUN_ELSEWHERE
    for name in names:
        assert all(len(block.reason) > 10 for block in blocks(name) if block.reason is not None), name


def test_the_quick_start_works_as_it_is_written(home: Path) -> None:
    token, first_task = to_run("quickstart.md")
    with Service(home / DATA) as service:
        printed = type_in(f'{token}{first_task}echo\necho "$TOKEN"'.replace(ADDRESS, service.url), home, {})
        task, alice = printed.splitlines()
        assert json.loads(task)["title"] == "Buy milk"
        with front_end(home, service.url, alice) as page:
            assert "<li>Buy milk</li>" in httpx2.get(page).text
            added = httpx2.post(page, data={"title": "<b>Call bob</b>"}, follow_redirects=True)
            assert "<li>&#60;b&#62;Call bob&#60;/b&#62;</li>" in added.text


def test_people_register_and_log_in_as_it_is_written(tmp_path: Path) -> None:
    (calls,) = to_run("authentication.md")
    with Service(tmp_path / DATA) as service:
        registered, tokens = json_documents(type_in(calls.replace(ADDRESS, service.url), tmp_path, {}))
    assert registered["email"] == "alice@example.com"
    assert {"access_token", "token_type", "expires_in", "refresh_token", "user_id"} < set(tokens)


def json_documents(printed: str) -> list[Any]:
    return [json.loads(document) for document in printed.replace("}{", "}\n{").splitlines()]


@contextmanager
def front_end(folder: Path, api: str, token: str) -> Iterator[str]:
    """Run the page of the quick start on a free port; give its address."""
    text = (ROOT / "docs" / "quickstart.md").read_text()
    script = re.search(r"^```js\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert script
    free = script[1].replace(ADDRESS, api).replace("listen(3000,", "listen(0,")
    free = re.sub(
        r"\(\) => console\.log\(.+\)\);$", "function () { console.log(this.address().port) });", free.strip()
    )
    (folder / "front-end.mjs").write_text(free)
    environment = {"PATH": os.environ["PATH"], "TOKEN": token}
    with subprocess.Popen(
        [NODE, "front-end.mjs"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def test_a_backup_is_made_and_restored_as_it_is_written(home: Path) -> None:
    with embedded(home / DATA) as server:
        write_tasks(server, "Buy milk", "Call bob")
        type_in(to_run("backup.md")[0], home, {})
    type_in(to_run("backup.md")[1], home, {})
    assert tasks_in(home / "restored-data") == ALICES


def test_a_database_of_ones_own_is_backed_up_and_restored_as_it_is_written(
    home: Path, postgres: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    for _, title, _ in ALICES:
        superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', %s)", [title])
    new = make_conninfo(postgres.superuser_conninfo, dbname="elsewhere")
    superuser.execute("CREATE DATABASE elsewhere")
    try:
        environment = {
            "DATABASE_URL": url(postgres, superuser.info.dbname), "NEW_DATABASE_URL": url(postgres, "elsewhere"),
            "PATH": f"{program('pg_dump').parent}:{os.environ['PATH']}",
        }  # fmt: skip
        _, _, dump, restore = to_run("backup.md")
        type_in(dump, home, environment)
        assert "ok       isolation" in type_in(restore, home, environment)
        with psycopg.connect(new) as connection:
            assert connection.execute(TASKS).fetchall() == ALICES
    finally:
        superuser.execute(sql.SQL("DROP DATABASE elsewhere WITH (FORCE)"))


def url(postgres: EmbeddedPostgres, database: str) -> str:
    return postgres.url.replace("taskward@/taskward?", f"postgres@/{database}?")


def test_an_upgrade_goes_by_way_of_a_backup_as_it_is_written(home: Path) -> None:
    old, new = to_run("upgrade.md")
    with embedded(home / DATA) as server:
        write_tasks(server, "Buy milk", "Call bob")
        type_in(old, home, {})
    type_in(new, home, {})
    assert tasks_in(home / DATA) == ALICES
    assert (home / DATA / "postgres-before" / "PG_VERSION").exists()
