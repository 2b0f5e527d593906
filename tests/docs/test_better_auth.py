"""The front end of docs/better-auth.md, put together from its pieces as they stand there, and used."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from taskward.auth import keys
from taskward.auth.jwk import MAX_KEYS
from taskward.settings import Settings
from tests.better_auth.node import HERE, NODE, NodeServer, install_packages, run
from tests.better_auth.people import Person
from tests.docs.documents import ROOT, code, section
from tests.service import Service

DOCUMENT = (ROOT / "docs" / "better-auth.md").read_text()
PLACEHOLDER = "<the secret>"
FRONT_END = "http://localhost:3000"
Pieces = dict[str, str]


@pytest.fixture
def pieces() -> Pieces:
    """Every piece of the document, by the name in its first line."""
    text = DOCUMENT.replace(PLACEHOLDER, "a secret of a test, in place of a random one")
    return dict(re.findall(r"^```(?:ts|ini)\n(?://|#) ([^\n]+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def variables(piece: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in piece.splitlines())


def put_together(folder: Path, pieces: Pieces) -> None:
    """Write the files of the front end."""
    for name in (name for name in pieces if name.endswith(".ts")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(pieces[name])
    shutil.copy(HERE / "alias.mjs", folder)
    (folder / "node_modules").symlink_to(install_packages())


@contextmanager
def front_end(folder: Path, pieces: Pieces) -> Iterator[NodeServer]:
    """Serve the front end."""
    put_together(folder, pieces)
    with NodeServer(folder, HERE / "front_end.mjs", variables(pieces[".env.local of the front end"])) as server:
        yield server


def visit(server: NodeServer, service: Service, folder: Path, token_path: str) -> dict[str, Any]:
    """Return what happens on a page of the front end whose back end is this service."""
    server.tell("TASKWARD_URL", service.url)
    happened: dict[str, Any] = run(folder, HERE / "page.mjs", {"url": server.url, "tokenPath": token_path})
    return happened


def check(happened: dict[str, Any]) -> None:
    assert happened["nobody"] == happened["signedOut"] == "Nobody is signed in."
    assert [task["title"] for task in happened["bought"]["result"]] == ["Buy milk"]
    assert happened["bought"]["tokens"] == 1
    assert happened["again"] == {"result": [200, 200], "tokens": 0}
    assert happened["atOnce"] == {"result": [200, 200, 200], "tokens": 1}
    assert happened["refused"] == {"result": [200, 200, 200], "tokens": 2}  # the spoilt one, and one for all three
    assert happened["bob"]["tasks"] == []


def test_the_first_way_works_as_it_is_written(pieces: Pieces, tmp_path: Path, database_url: str) -> None:
    with front_end(tmp_path, pieces) as server:
        settings = {
            name: value.replace(FRONT_END, server.url)
            for name, value in variables(pieces[".env of Taskward, public keys"]).items()
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
    settings = variables(pieces[".env of Taskward, shared secret"])
    with (
        front_end(tmp_path, pieces) as server,
        Service(tmp_path / "data", {"DATABASE_URL": database_url, **settings}) as service,
    ):
        check(visit(server, service, tmp_path, "/api/taskward-token"))


def test_the_typescript_compiler_finds_nothing(pieces: Pieces, tmp_path: Path) -> None:
    put_together(tmp_path, pieces)
    shutil.copy(HERE / "tsconfig.json", tmp_path)
    compiler = tmp_path / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run([NODE, compiler, "--project", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_piece_has_a_name_and_is_used(pieces: Pieces) -> None:
    assert len(re.findall(r"^```\w", DOCUMENT, re.MULTILINE)) == len(pieces) == 9
    assert all(name.endswith(".ts") or name.startswith(".env") for name in pieces)


def test_whoever_forgets_to_replace_the_secret_is_told() -> None:
    assert DOCUMENT.count(f"BETTER_AUTH_SECRET={PLACEHOLDER}\n") == 2
    with pytest.raises(ValidationError, match="at least 32 characters"):
        Settings(BETTER_AUTH_SECRET=PLACEHOLDER)


def test_how_keys_are_fetched_is_as_it_is_written() -> None:
    said = " ".join(section(DOCUMENT, "When keys change").split())
    assert f"at most once in {keys.MIN_PAUSE_SECONDS} seconds" in said
    assert f"every {keys.REFRESH_SECONDS // 60} minutes" in said
    assert f"at most {MAX_KEYS} keys" in said


def test_the_version_is_the_one_that_is_tested() -> None:
    version = re.search(r'"better-auth": "(\d+\.\d+)(\.\d+)"', (HERE / "package.json").read_text())
    assert version
    assert f"Better Auth {version[1]}," in DOCUMENT
    assert f"npx auth@{version[1]}{version[2]} migrate" in code(DOCUMENT)
