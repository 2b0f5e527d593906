"""`/metrics` on a port of its own: answered by the supervisor, so that no scrape takes time from a request."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from taskward.observability.exposition import Exposition, collect_from_all
from taskward.operations.metrics_route import is_bearer

SCRAPE_SECONDS = 5  # from the first byte to the last; the next one waits meanwhile


@contextmanager
def serving_metrics(listener: socket.socket, token: bytes | None) -> Iterator[int]:
    """Answer scrapes in a thread for as long as the block runs, and give the port.

    `token` is what a scrape must show, None where it needs nothing. The listener is closed in the end.
    """
    with _OneAtATime(listener, token) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


class _OneAtATime(HTTPServer):
    """Without a thread for each client, of whom there are one or two: whoever is too slow is cut off."""

    def __init__(self, listener: socket.socket, token: bytes | None) -> None:
        super().__init__(listener.getsockname()[:2], _Scrape, bind_and_activate=False)
        self.socket.close()  # the library's own, which is not bound
        self.socket = listener
        self.server_port = listener.getsockname()[1]
        self.exposition = Exposition(collect_from_all)
        self.token = token

    def process_request(self, request: Any, client_address: Any) -> None:
        limit = threading.Timer(SCRAPE_SECONDS, _cut_off, [request])
        limit.start()
        try:
            super().process_request(request, client_address)
        finally:
            limit.cancel()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the client has gone, or was cut off."""


class _Scrape(BaseHTTPRequestHandler):
    server: _OneAtATime
    error_message_format = "%(code)d\n"
    error_content_type = "text/plain"

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in ("/metrics", "/metrics/"):
            self._answer(404)
        elif self.server.token and not is_bearer(self.headers.get("Authorization"), self.server.token):
            self._answer(401, WWW_Authenticate="Bearer")
        else:
            self._answer(200, self.server.exposition.read(), Content_Type=CONTENT_TYPE_PLAIN_0_0_4)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content_Length": str(len(body)), "Cache_Control": "no-store"}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "Taskward"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _cut_off(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended by itself
        return
