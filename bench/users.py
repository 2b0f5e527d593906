"""The users of the load: their tokens, their tasks and the entity tags of their lists, in a file for wrk."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection

from bench.data import Shape
from bench.databases import Databases
from bench.servers import SECRET, Server
from taskward.auth.issue import issue_token

COUNT = 200
TOKEN_SECONDS = 86_400
NO_TAG = '"none"'


@dataclass(frozen=True)
class User:
    """A user with a token, and tasks that no run deletes."""

    user_id: str
    token: str
    task_ids: Sequence[int | str]


def users_of(databases: Databases, name: str, shape: Shape) -> list[User]:
    """Return many users with as many tasks as most have."""
    with closing(databases.superuser(name)) as superuser:
        return [user(superuser, user_id) for user_id in shape.typical(COUNT)]


def user(superuser: Connection, user_id: str) -> User:
    """Return one user, with all their tasks."""
    rows = superuser.execute("SELECT id FROM tasks WHERE user_id = %s ORDER BY id", [user_id]).fetchall()
    return User(user_id, issue_token(user_id, SECRET.encode(), "HS256", TOKEN_SECONDS), [row[0] for row in rows])


def write(path: Path, users: list[User], tagged_by: Server | None = None) -> Path:
    """Write the file; with the tags that lists have just now, where a server that gives tags is named."""
    lines = []
    for user in users:
        tag = tagged_by.get("/tasks?limit=20", user.token)[1]["etag"] if tagged_by else NO_TAG
        lines.append(f"{user.token} {tag} {','.join(map(str, user.task_ids))} {user.user_id}\n")
    path.write_text("".join(lines))
    return path
