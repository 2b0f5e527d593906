"""Which layers stand around a request."""

import traceback
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider

from taskward.app import create_app
from taskward.settings import Settings
from tests.conftest import SECRET

pytestmark = pytest.mark.quick

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/health/live",
    "raw_path": b"/health/live",
    "query_string": b"",
    "headers": [],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 2),
    "scheme": "http",
    "http_version": "1.1",
    "root_path": "",
}


async def layers_of(app: FastAPI) -> list[str]:
    """Return the files of the functions that wait while a response is sent, the outermost first."""
    files: list[str] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            files.extend(frame.f_code.co_filename for frame, _ in traceback.walk_stack(None))

    async def receive() -> Any:
        raise AssertionError("nothing of the request is read")

    await app(SCOPE.copy(), receive, send)
    return files[::-1]


def frameworks(files: list[str]) -> list[str]:
    return [file for file in files if "/fastapi/" in file or "/starlette/middleware/" in file]


async def test_none_of_the_framework_stands_around_a_request(offline: FastAPI) -> None:
    await layers_of(offline)  # the first one puts them together
    files = await layers_of(offline)
    assert any(file.endswith("request_context.py") for file in files)
    assert frameworks(files) == []


async def test_with_traces_all_of_them_do(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = {"tracer_provider": TracerProvider(), "logs": False, "metrics": False}
    monkeypatch.setattr("taskward.app.telemetry", lambda: traced)
    app = create_app(Settings(DATABASE_URL="postgresql://127.0.0.1:1/nothing", JWT_SECRET_KEY=SECRET))
    await layers_of(app)
    assert frameworks(await layers_of(app))
