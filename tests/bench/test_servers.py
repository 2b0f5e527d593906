"""What is measured answers alike, and the client asks for what it says it does. No time is looked at."""

from contextlib import closing
from pathlib import Path

import httpx2
import psycopg

from bench.client import Client, Load
from bench.databases import Databases
from bench.servers import Server, taskward, uvicorn
from bench.users import user, write
from tests.bench.conftest import SHAPE

ALIKE = ("id", "user_id", "title", "description", "completed")


def test_the_usual_stack_answers_as_the_service_does(
    loaded: psycopg.Connection, databases: Databases, kept: str, tmp_path: Path
) -> None:
    plain = databases.clone_plain(kept, "plain")
    owner = user(loaded, SHAPE.typical(1)[0])
    with (
        taskward(tmp_path, DATABASE_URL=databases.url("loaded")) as ours,
        uvicorn(tmp_path, "baseline", "bench.baseline.app:app", DATABASE_URL=plain) as baseline,
    ):
        responses = [_everything(server, owner.token, owner.task_ids[0]) for server in (ours, baseline)]
        write(tmp_path / "users", [owner], ours)
    assert responses[0] == responses[1]
    assert (tmp_path / "users").read_text().split()[1] not in ("", '"none"')


def _everything(server: Server, token: str, task_id: int | str) -> list[object]:
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{server.port}", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        responses = [
            client.get("/tasks?limit=20"),
            client.get(f"/tasks/{task_id}"),
            client.post("/tasks", json={"title": "Buy milk", "description": "Two litres"}),
            client.patch(f"/tasks/{task_id}", json={"title": "Buy bread"}),
            client.patch(f"/tasks/{task_id}/complete"),
            client.get("/tasks?limit=1"),
        ]
        refused = httpx2.get(f"http://127.0.0.1:{server.port}/tasks", headers={"Authorization": "Bearer no"})
    said = [_alike(response.json()) for response in responses]
    return [[response.status_code for response in (*responses, refused)], said]


def _alike(body: dict[str, object]) -> object:
    if isinstance(tasks := body.get("tasks"), list):
        return body["count"], [_alike(task) for task in tasks]
    return [body[name] for name in ALIKE]


def test_every_request_of_the_timetable_is_accounted_for(tmp_path: Path) -> None:
    with (
        uvicorn(tmp_path, "bound", "bench.bounds:bare") as server,
        closing(Load([Client("token tag 1,2 alice", server.port)], server.port, connections=10, rate=200)) as load,
    ):
        load.run(0.5)
    assert len(load.latencies) + len(load.waiting(0)) == 100
    assert load.statuses == {200: len(load.latencies)}
    assert sum(connection.responses for connection in load.connections) == len(load.latencies) > 0
