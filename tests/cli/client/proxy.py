"""A proxy that does to requests what networks and other servers do."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx2

UNCHANGED = ("authorization", "content-type", "idempotency-key", "if-match")


class Proxy:
    """Stands before `target` and works through `plan`: one word for each request, then lets everything pass.

    `pass` hands it on; `lose` too, but closes the connection instead of answering; `hold` as well, but not before
    `let_go` is set; a number answers with this status and with `headers`, and `target` never hears of it.
    """

    def __init__(self, target: str, *plan: str | int, headers: Mapping[str, str] | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._target = target
        self._plan = list(plan)
        self._headers = dict(headers or {})
        self.held = 0  # requests that `target` has answered and that are kept from their response
        self.let_go = threading.Event()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def response(self, request: BaseHTTPRequestHandler) -> None:
        """Do to a request what the plan says."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        self.requests.append((request.command, request.path, headers))
        step = self._plan.pop(0) if self._plan else "pass"
        if isinstance(step, int):
            return _reply(request, step, self._headers, b'{"detail": "Not now.", "code": "SOMETHING"}')
        passed = {name: headers[name] for name in UNCHANGED if name in headers}
        response = httpx2.request(request.command, self._target + request.path, content=body, headers=passed)
        if step == "hold":
            self.held += 1
            self.let_go.wait(60)
        if step == "pass":
            kept = {name: value for name, value in response.headers.items() if name != "content-length"}
            return _reply(request, response.status_code, kept, response.content)
        return None


def _handler_of(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            proxy.response(self)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            pass

    return Handler


def _reply(request: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str], body: bytes) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    if status != 204:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
