"""Spans, sent by a real service to a collector that listens here."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import psycopg
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.util.re import parse_env_headers

from taskward.auth.issue import issue_token
from taskward.observability import telemetry
from tests.conftest import SECRET
from tests.service import Service

CANARY = "canary7e3f"
SERVER = Span.SpanKind.SPAN_KIND_SERVER


class Collector:
    """An OTLP collector on loopback: keeps every body by the path it was sent to."""

    def __init__(self) -> None:
        received = self.received = dict[str, list[bytes]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.setdefault(self.path, []).append(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.received.get("/v1/traces", [])]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> set[str]:
        requests = [ExportMetricsServiceRequest.FromString(body) for body in self.received.get("/v1/metrics", [])]
        return {
            metric.name
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attribute(span: Span, name: str) -> str | None:
    return next((entry.value.string_value for entry in span.attributes if entry.key == name), None)


def use(service: Service) -> None:
    token = issue_token("alice", SECRET.encode(), "HS256", 300)
    with httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {token}"}) as alice:
        assert alice.post("/tasks", json={"title": CANARY}).status_code == 201
        assert alice.get("/api/alice/tasks/1").status_code == 200
        assert alice.get(f"/tasks?cursor={CANARY}&token={token}").status_code == 400
        assert alice.get(f"/api/{CANARY}/tasks").status_code == 403
        assert alice.get(f"/{CANARY}").status_code == 404
        made = alice.post("/auth/tokens", json={"name": CANARY, "scopes": ["calendar"]}).json()["token"]
        assert alice.get(f"/calendar/{made}.ics").status_code == 200
        assert alice.get(f"/calendar/{made[:-1]}.ics").status_code == 404
        assert alice.delete(f"/tasks?{CANARY}").status_code == 405
        assert alice.post("/tasks", json={"title": CANARY}).status_code == 500  # there is one with this title


def test_spans_have_templates_and_nothing_that_a_client_sent(
    tmp_path: Path, database_url: str, superuser: psycopg.Connection, collector: Collector
) -> None:
    superuser.execute("CREATE UNIQUE INDEX one_title ON tasks (title)")  # so that a title is in an exception
    settings = {
        "DATABASE_URL": database_url,
        "JWT_SECRET_KEY": SECRET,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    with Service(tmp_path / "data", settings) as service:
        use(service)
        scraped = httpx2.get(f"{service.url}/metrics").text
    assert service.process.returncode == 0, service.rest_of_output
    spans = collector.spans()
    served = [span for span in spans if span.kind == SERVER]
    assert {"POST /tasks", "GET /api/{user_id}/tasks/{task_id}", "GET /api/{user_id}/tasks"} <= {
        span.name for span in served
    }
    routes = {attribute(span, "http.route") for span in served}
    assert routes >= {"/tasks", "/api/{user_id}/tasks", "/api/{user_id}/tasks/{task_id}", None}
    assert "/calendar/{token}.ics" in routes
    assert {attribute(span, "url.path") for span in served} == {"REDACTED"}
    everything = b"".join(body for bodies in collector.received.values() for body in bodies)
    assert CANARY.encode() not in everything.lower()
    assert b"eyJ" not in everything
    assert b"twp_" not in everything
    assert collector.received.keys() == {"/v1/traces", "/v1/metrics"}
    assert "http.server.request.duration" in collector.metrics()
    assert 'taskward_requests_total{method="POST",route="/tasks",status="201"} 1.0' in scraped


def test_without_an_endpoint_nothing_is_sent_and_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in telemetry.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert telemetry.telemetry() == telemetry.OFF
    assert not any(telemetry.OFF.values())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    wanted = telemetry.telemetry()
    assert (wanted["auto_configure"], wanted["logs"]) == (True, False)
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    assert telemetry.telemetry() == telemetry.OFF


def test_an_endpoint_without_the_extra_is_a_warning_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)  # as if it were not installed
    assert telemetry.telemetry() == telemetry.OFF
    assert "pip install 'taskward[telemetry]'" in caplog.text


@pytest.mark.parametrize("between", ["@", "/", "?", "#", "[", " ", ":/"])
def test_an_endpoint_that_the_exporter_would_quote_is_named_and_not_repeated(
    between: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://u:{CANARY}{between}{CANARY}@127.0.0.1:1")
    assert telemetry.telemetry() == telemetry.OFF
    assert (
        "telemetry is off: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: special characters must be encoded" in caplog.text
    )
    assert CANARY not in caplog.text


@pytest.mark.parametrize("header", [CANARY, f'api-key="{CANARY}"', f"a=b,api-key={CANARY};x=y", f"a b={CANARY}"])
def test_a_header_that_the_exporter_would_quote_is_named_and_not_repeated(
    header: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", header)
    assert telemetry.telemetry() == telemetry.OFF
    assert "telemetry is off: OTEL_EXPORTER_OTLP_HEADERS must be name=value" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize("header", ["Authorization=Basic YTpi", "a=b, c = d%20e,", "x-key=a.b:c/d=="])
def test_a_header_that_the_exporter_can_read_is_sent(
    header: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:p%40ss@collector.example:4318/otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", header)
    assert telemetry.telemetry() != telemetry.OFF
    assert parse_env_headers(header, liberal=True)
    assert caplog.text == ""


def test_an_endpoint_that_is_no_address_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"u:{CANARY}@127.0.0.1:1")
    assert telemetry.telemetry() == telemetry.OFF
    assert "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://" in caplog.text
    assert CANARY not in caplog.text
