"""A reverse proxy that shows a service under a prefix, and takes it away before it asks; or that has a token."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    prefix = ""
    told = False
    token: str | None = None
    behind: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.prefix}"


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def _pass_on(self) -> None:
        if not self.path.startswith(f"{self.server.prefix}/"):
            self._answer(404, [], b"this is the proxy")
            return
        headers = dict(self.headers.items())
        if self.server.told:
            headers["X-Forwarded-Prefix"] = self.server.prefix
        if self.server.token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with closing(HTTPConnection(self.server.behind)) as connection:
            connection.request(self.command, self.path.removeprefix(self.server.prefix), body or None, headers)
            response = connection.getresponse()
            self._answer(response.status, response.getheaders(), response.read())

    do_GET = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815  # as the library calls them

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def shown_under(prefix: str, url: str, *, told: bool) -> Iterator[str]:
    """Show the service at `url` under `prefix`; give its address there. `told`: the proxy says so in a header."""
    with _running() as proxy:
        proxy.prefix, proxy.told, proxy.behind = prefix, told, urlsplit(url).netloc
        yield proxy.url


@contextmanager
def with_token(token: str) -> Iterator[_Proxy]:
    """Ask with a token, for clients that have none. Its `behind`, a host and a port, may be said later."""
    with _running() as proxy:
        proxy.token = token
        yield proxy


@contextmanager
def _running() -> Iterator[_Proxy]:
    with _Proxy(("127.0.0.1", 0), _Request) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
