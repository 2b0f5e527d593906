"""`/metrics` on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from taskward.observability.shared import shared_metrics
from taskward.operations.metrics_listener import serving_metrics
from tests.cli.command import refusal, until
from tests.conftest import SECRET
from tests.observability.scrape import value
from tests.service import Service

TOKEN = "S3cret-of-Prometheus-in-forty-characters"


def test_the_supervisor_tells_what_all_workers_counted(tmp_path: Path, database_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url, "WORKERS": "2", "JWT_SECRET_KEY": SECRET, "METRICS_PORT": "0",
        "DB_POOL_SIZE": "2", "DB_MAX_OVERFLOW": "1",
    }  # fmt: skip
    with Service(tmp_path / "data", settings) as service:
        (line,) = (line for line in service.banner.splitlines() if "metrics: " in line)
        address = line.split("metrics: ")[1]
        assert urlsplit(address).port != urlsplit(service.url).port
        until(lambda: value(httpx2.get(address).text, "taskward_database_connections_limit") == 6)
        for _ in range(20):
            assert httpx2.get(f"{service.url}/metrics").status_code == 404
        route = {"method": "GET", "route": "unmatched", "status": "404"}
        until(lambda: value(httpx2.get(address).text, "taskward_requests_total", **route) == 20)
    assert service.process.returncode == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        settings = {"METRICS_PORT": port, "PORT": "0", "DATA_DIR": str(tmp_path / "data")}
        line = refusal("serve", settings=settings, folder=tmp_path)
    assert "Set HOST or METRICS_PORT." in line


@contextmanager
def listening(token: bytes | None = None) -> Iterator[str]:
    with shared_metrics(), serving_metrics(socket.create_server(("127.0.0.1", 0)), token) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.quick
def test_with_a_token_it_wants_to_see_it() -> None:
    with listening(TOKEN.encode()) as url:
        answered = httpx2.get(f"{url}/metrics/?x", headers={"Authorization": f"Bearer {TOKEN}"})
        assert (answered.status_code, answered.headers["content-type"]) == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
        )
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}):
            refused = httpx2.get(f"{url}/metrics", headers=headers)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.content == b""


@pytest.mark.quick
@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /tasks HTTP/1.1", 404), ("GET / HTTP/1.1", 404), ("POST /metrics HTTP/1.1", 501), ("rubbish", 400)],
)
def test_there_is_nothing_else(request_line: str, status: int) -> None:
    with listening() as url, socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as client:
        client.sendall(request_line.encode() + b"\r\n\r\n")
        with client.makefile("rb") as stream:
            answered = stream.read()
    assert answered.startswith(b"HTTP/1.") or status == 400
    assert str(status).encode() in answered.split(b"\r\n\r\n")[0] + answered
    assert b"Python" not in answered


@pytest.mark.quick
def test_who_is_slow_is_cut_off_and_the_next_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taskward.operations.metrics_listener.SCRAPE_SECONDS", 0.3)
    with listening() as url, socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as slow:
        slow.sendall(b"GET /met")
        assert httpx2.get(f"{url}/metrics", timeout=20).status_code == 200
        assert slow.recv(1) == b""
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
