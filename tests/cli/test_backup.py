"""`taskward backup` and `taskward restore`, typed beside a service that runs."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskward.embedded.server import superuser_of_running
from tests.cli.command import refusal, taskward
from tests.conftest import SECRET
from tests.service import Service

TABLES = ("users", "tasks", "idempotency_keys", "accounts", "identities", "refresh_tokens", "alembic_version")
SETTINGS = {"JWT_SECRET_KEY": SECRET}
LOG_IN = {"grant_type": "password", "username": "alice@example.com", "password": "correct horse battery"}


def everything(service: Service) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, and what the next id will be."""
    superuser = superuser_of_running(service.data_dir)
    assert superuser is not None
    with psycopg.connect(make_conninfo(superuser, dbname="taskward")) as connection:
        rows = {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall() for table in TABLES
        }
        return rows | {"sequence": connection.execute("SELECT last_value, is_called FROM tasks_id_seq").fetchall()}


def log_in(client: httpx2.Client) -> dict[str, str]:
    tokens = client.post("/auth/token", data=LOG_IN)
    assert tokens.status_code == 200, tokens.text
    return {"Authorization": f"Bearer {tokens.json()['access_token']}"}


@pytest.fixture
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a task of alice's, one deleted, a keyed create and an account."""
    folder = tmp_path_factory.mktemp("first")
    with Service(folder / "data", SETTINGS) as service, httpx2.Client(base_url=service.url) as client:
        credentials = {"email": LOG_IN["username"], "password": LOG_IN["password"]}
        assert client.post("/auth/register", json=credentials).status_code == 201
        alice = log_in(client)
        for title in ("Buy milk", "Call bob", "Forget it"):
            created = client.post("/tasks", json={"title": title}, headers={**alice, "Idempotency-Key": title})
            assert created.status_code == 201
        assert client.delete(f"/tasks/{created.json()['id']}", headers=alice).status_code == 204
        yield service


def test_what_is_restored_is_what_was_backed_up_while_the_service_ran(first: Service, tmp_path: Path) -> None:
    file, other = tmp_path / "one.backup", tmp_path / "other"
    done = taskward("backup", str(file), settings={"DATA_DIR": str(first.data_dir)}, folder=tmp_path)
    assert done.stdout == f"Wrote {file}, {file.stat().st_size:,} bytes.\n", done.stderr
    done = taskward("restore", str(file), settings={"DATA_DIR": str(other)}, folder=tmp_path)
    assert done.stdout == f"Restored {file} to {other}.\n", done.stderr

    before = everything(first)
    said = refusal("restore", "--replace", str(file), settings={"DATA_DIR": str(first.data_dir)}, folder=tmp_path)
    assert f"another Taskward (process {first.process.pid}) is using" in said
    assert everything(first) == before

    with Service(other, SETTINGS) as second, httpx2.Client(base_url=second.url) as client:
        restored = everything(second)
        ((_, begins_at, *_),) = restored["users"]
        # But for the counter and the next id, which go on above every number that anybody may hold; what was
        # deleted is forgotten.
        again = [(user_id, begins_at, *rest, 0) for user_id, _, *rest, _deleted in before["users"]]
        ((last_id, called),) = before["sequence"]
        ((*going_on,),), ((*ended,),) = before.pop("refresh_tokens"), restored.pop("refresh_tokens")
        changed = [(new, old) for new, old in zip(ended, going_on, strict=True) if new != old]
        assert [new < old for new, old in changed] == [True], "it has ended: nobody knows whether it had since"
        assert restored == before | {"users": again, "sequence": [(last_id + 2**20, called)]}
        assert begins_at > 2**50
        alice = log_in(client)  # the account, and the startup check that passed before the service answered
        tasks = client.get("/tasks", headers=alice).json()
        assert [task["title"] for task in tasks["tasks"]] == ["Call bob", "Buy milk"]
        assert tasks["count"] == 2
        repeated = client.post(
            "/tasks", json={"title": "Buy milk"}, headers={**alice, "Idempotency-Key": "Buy milk"}
        )
        assert repeated.headers["Idempotency-Replayed"] == "true"
        created = client.post("/tasks", json={"title": "Go on"}, headers=alice).json()
        assert (created["id"], created["revision"]) == (
            4 + 2**20,
            begins_at + 1,
        )  # after three creates and a delete
        for since in (4, 0, begins_at + 9):
            assert client.get(f"/tasks/changes?since={since}", headers=alice).status_code == 410
        page = client.get(f"/tasks/changes?since={begins_at}", headers=alice).json()
        assert (page["tasks"], page["deleted"], page["count"]) == ([created], [], 3)


NO_BACKUPS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is not a backup that 'taskward backup' wrote"),
    "noise": (lambda _: bytes(range(256)) * 9, "is not a backup that 'taskward backup' wrote"),
    "packed": (gzip.compress, "is not a backup that 'taskward backup' wrote"),
    "sql": (lambda _: b"--\n-- PostgreSQL database dump\n--\n", "is SQL, not a backup from 'taskward backup'"),
    "begun": (lambda whole: whole[:2000], "is cut short, damaged, or from a newer PostgreSQL"),
    "cut": (lambda whole: whole[:-100], "cannot be restored, and nothing has changed"),
    "tomorrow": (lambda whole: whole[:6] + b"\x63" + whole[7:], "from a newer PostgreSQL"),
    "stranger": (lambda whole: whole.replace(b"alembic_version", b"another_version"), "of another program"),
}


def test_a_backup_can_be_made_of_a_service_at_rest_and_nothing_else_is_restored(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data")}
    assert taskward("migrate", settings=settings, folder=tmp_path).returncode == 0
    done = taskward("backup", "rest.backup", settings=settings, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    whole = (tmp_path / "rest.backup").read_bytes()
    for name, (made, reason) in NO_BACKUPS.items():
        (tmp_path / name).write_bytes(made(whole))
        line = refusal("restore", name, settings=settings, folder=tmp_path)
        assert line.startswith(f"taskward: {name} "), line
        assert reason in line
    for command, file, reason in (
        ("restore", "data", "data is a folder"),
        ("backup", "rest.backup", "rest.backup already exists"),
        ("backup", "not there/new", "no such file or folder: not there"),
        ("backup", "rest.backup/new", "rest.backup is not a folder, or a part of its path is not"),
    ):
        assert reason in refusal(command, file, settings=settings, folder=tmp_path)
    assert taskward("restore", "rest.backup", settings=settings, folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("command", "file", "settings", "reason"),
    [
        ("backup", "new", {"DATABASE_URL": "postgresql://db/x"}, "this is for the embedded database"),
        ("restore", "new", {"DATABASE_URL": "postgresql://db/x"}, "docs/backup.md"),
        ("backup", "new", {}, "there is no database in"),
        ("restore", "not there", {}, "no such file or folder: not there"),
        ("backup", "not there/new", {"DATA_DIR": "/"}, "there is no database in /"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, command: str, file: str, settings: dict[str, str], reason: str
) -> None:
    assert reason in refusal(command, file, settings=settings, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
