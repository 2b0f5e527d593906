"""What bounds the service: the server without a framework, the framework without data, PostgreSQL alone."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psutil
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bench import wrk
from bench.databases import Databases
from bench.servers import Server, uvicorn
from bench.usage import Tree
from bench.users import User
from taskward.database.transaction import APP_ROLE, IDENTITY
from taskward.tasks.statements import READ_TASK

BODY = b'{"id":1,"title":"%s"}' % (b"x" * 250)  # as long as a task
CONNECTIONS = 16
PIPELINES = 50


@dataclass(frozen=True)
class Bound:
    """What one bound allows; processor time in µs per request."""

    name: str
    per_second: float
    cpu: float


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer everything with a constant: nothing but the server is left."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def _header(request: Request) -> str:
    return request.headers.get("authorization", "")


async def _bearer(request: Request) -> str:
    return _header(request)


route = FastAPI()


@route.get("/{path:path}")
async def constant(path: str, bearer: Annotated[str, Depends(_bearer)]) -> Any:
    """Answer with a constant, after one dependency and one path parameter."""
    del path, bearer
    return Response(BODY, media_type="application/json")


def measure(databases: Databases, name: str, users: list[User], file: Path, *, seconds: int) -> list[Bound]:
    """Return the bounds: two without a database, and, where pgbench is there, one without a service."""
    bounds = []
    for title, application in (
        ("uvicorn and a constant", "bench.bounds:bare"),
        ("FastAPI, one dependency, a constant", "bench.bounds:route"),
    ):
        with uvicorn(file.parent, "bound", application) as server:
            bounds.append(_of_server(title, server, file, seconds))
    if program := _pgbench(databases):
        bounds.append(_of_database(program, databases, name, users, file.parent, seconds))
    return bounds


def _of_server(title: str, server: Server, file: Path, seconds: int) -> Bound:
    wrk.run(server, "read", file, seconds=1, connections=CONNECTIONS, counting=False)
    before = server.tree.processor_seconds()
    run = wrk.run(server, "read", file, seconds=seconds, connections=CONNECTIONS, counting=False)
    return Bound(title, run.per_second, (server.tree.processor_seconds() - before) / run.requests * 1e6)


def _pgbench(databases: Databases) -> str | None:
    beside = Path(psutil.Process(databases.server.pid).exe()).with_name("pgbench")
    return str(beside) if beside.exists() else shutil.which("pgbench")


def _of_database(
    program: str, databases: Databases, name: str, users: list[User], folder: Path, seconds: int
) -> Bound:
    """Run identity and read as the service sends them: prepared, both in one round trip, one transaction."""
    script = folder / "read.sql"
    script.write_text("".join(pipeline(number) for number in range(PIPELINES)))
    chosen = users[:PIPELINES]
    defines = [f"--define=user{n}={user.user_id}" for n, user in enumerate(chosen)]
    defines += [f"--define=task{n}={user.task_ids[n % len(user.task_ids)]}" for n, user in enumerate(chosen)]
    database = Tree.of(databases.server.pid)
    before = database.processor_seconds()
    done = subprocess.run(
        [program, "--no-vacuum", "--protocol=prepared", "--client=8", f"--time={seconds}", f"--file={script}",
         *defines, databases.url(name)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    cpu = database.processor_seconds() - before
    transactions = _number(r"transactions actually processed: (\d+)", done.stdout) * PIPELINES
    per_second = _number(r"tps = ([\d.]+)", done.stdout) * PIPELINES
    return Bound("PostgreSQL alone, by pgbench: identity and read", per_second, cpu / transactions * 1e6)


def pipeline(number: int) -> str:
    """Return the lines of pgbench that read the task of one user, as the service asks for it."""
    owner = f":user{number}"
    values = {
        "role": f"'{APP_ROLE}'", "owner": owner, "timeout": "'2s'", "max_tasks": "'100000'",
        "correlation_id": "'1'",
    }  # fmt: skip
    identity = (IDENTITY.sql % values).strip()
    read = READ_TASK.sql % {"owner": owner, "task_id": f":task{number}"}
    return f"\\startpipeline\n{identity};\n{read};\n\\endpipeline\n"


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])
