"""The same users and tasks in PocketBase: its API makes the collection, and SQLite takes the rows."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.data import FIRST, Shape, tasks
from bench.servers import Server
from bench.users import TOKEN_SECONDS, User

FORMAT = 1  # to be raised with every change of the data, so that kept ones are made again
NAME = "pocketbase"
EMAIL, PASSWORD = "bench@example.com", "a password for measurements"
OWNED = "owner = @request.auth.id"
COLLECTION = {
    "name": "tasks",
    "type": "base",
    "listRule": OWNED,
    "viewRule": OWNED,
    "updateRule": OWNED,
    "deleteRule": OWNED,
    "createRule": "@request.body.owner = @request.auth.id",
    "fields": [
        {"name": "title", "type": "text", "required": True, "max": 200},
        {"name": "description", "type": "text", "max": 1000},
        {"name": "completed", "type": "bool"},
        {"name": "due_date", "type": "text", "max": 10},
        {"name": "due_time", "type": "text", "max": 5},
        {"name": "due_zone", "type": "text", "max": 255},
        {"name": "priority", "type": "select", "maxSelect": 1, "values": ["high", "medium", "low"]},
        {"name": "tags", "type": "json"},
        {"name": "created", "type": "autodate", "onCreate": True},
        {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
    ],
    "indexes": ["CREATE INDEX idx_tasks_owner_created ON tasks (owner, created)"],
}
INSERT_USER = "INSERT INTO users (id, tokenKey, email, created, updated) VALUES (?, ?, ?, ?, ?)"
INSERT_TASK = """
    INSERT INTO tasks (owner, id, title, description, completed, created, updated,
                       due_date, due_time, due_zone, priority, tags)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
TIME = "%Y-%m-%d %H:%M:%S.000Z"
NULL = "\\N"


def kept(program: Path, version: str, folder: Path, shape: Shape) -> Path:
    """Return a data folder of PocketBase with data of this shape, which is filled if it is not there yet."""
    place = folder / f"{NAME}-{version}-{FORMAT}-{shape.users}-{shape.tasks}"
    if not place.exists():
        draft = folder / f"{NAME}-draft"
        shutil.rmtree(draft, ignore_errors=True)
        _make_collection(program, draft, folder)
        _fill(draft / "data.db", shape)
        draft.rename(place)
    return place


def server(program: Path, data: Path, folder: Path, name: str, **settings: str) -> Server:
    """Return PocketBase with this data."""
    command = [str(program), "serve", "--dir", str(data), "--http", "127.0.0.1:{port}"]
    return Server(name, command, settings, folder, api=NAME)


def users_of(server: Server, shape: Shape, count: int) -> list[User]:
    """Return many users with as many tasks as most have, and a token for each."""
    chosen: dict[str, list[str]] = {user_id(owner): [] for owner in shape.typical(count)}
    for owner, number, *_ in tasks(shape):
        if (ids := chosen.get(user_id(owner))) is not None:
            ids.append(task_id(number))
    token = _superuser(server)
    return [User(owner, _token(server, token, owner), ids) for owner, ids in chosen.items()]


def user_id(owner: str) -> str:
    """Return what PocketBase would call a user: fifteen letters and digits."""
    return f"user{int(owner.removeprefix('user_')):011}"


def task_id(number: int) -> str:
    """Return what PocketBase would call a task."""
    return f"task{number:011}"


def _make_collection(program: Path, data: Path, folder: Path) -> None:
    subprocess.run(
        [program, "superuser", "upsert", EMAIL, PASSWORD, "--dir", data], check=True, capture_output=True
    )
    with server(program, data, folder, f"{NAME}-draft") as draft:
        token = _superuser(draft)
        _, _, users = draft.get("/api/collections/users", token)
        owner = {"name": "owner", "type": "relation", "required": True, "maxSelect": 1, "cascadeDelete": True,
                 "collectionId": json.loads(users)["id"]}  # fmt: skip
        draft.post("/api/collections", COLLECTION | {"fields": [owner, *COLLECTION["fields"]]}, token)


def _fill(database: Path, shape: Shape) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(INSERT_USER, _users(shape))
        connection.executemany(INSERT_TASK, _tasks(shape))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ANALYZE")
        connection.commit()


def _users(shape: Shape) -> Iterator[tuple[str, ...]]:
    created = FIRST.strftime(TIME)
    for owner in shape.counts():
        yield user_id(owner), f"a key for measurements of {owner}", f"{owner}@example.com", created, created


def _tasks(shape: Shape) -> Iterator[tuple[object, ...]]:
    for owner, number, title, description, completed, created_at, updated_at, _, *due, tags in tasks(shape):
        yield (
            user_id(owner), task_id(number), title, _text(description), completed, created_at.strftime(TIME),
            updated_at.strftime(TIME), *map(_text, due), _array(tags),
        )  # fmt: skip


def _text(value: str) -> str:
    return "" if value == NULL else value


def _array(tags: str) -> str:
    return json.dumps([tag for tag in tags.strip("{}").split(",") if tag])


def _superuser(server: Server) -> str:
    found = server.post(
        "/api/collections/_superusers/auth-with-password", {"identity": EMAIL, "password": PASSWORD}
    )
    return str(found["token"])


def _token(server: Server, superuser: str, owner: str) -> str:
    found = server.post(f"/api/collections/users/impersonate/{owner}", {"duration": TOKEN_SECONDS}, superuser)
    return str(found["token"])
