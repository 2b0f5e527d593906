"""A provider that a test has lie: real HTTP and real signatures, and whatever else is asked for."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.auth.provider import Pair

PAIR = Pair("ES256")
Answer = tuple[int, dict[str, str], bytes]


class HostileProvider:
    """Has one person, `alice`. A test changes what it says by path, or how its ID token is made."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[], Answer]] = {}
        self.make_token: Callable[[dict[str, Any]], str] = PAIR.token
        self.asked: list[tuple[str, str]] = []  # paths, and bodies
        self.nonce = ""

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                outer.asked.append((self.path, self.rfile.read(size).decode()))
                status, headers, body = outer.answers.get(self.path, lambda: outer.usual(self.path))()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name that it has there

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.go_away()

    def go_away(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks",
        }  # fmt: skip

    @property
    def claims(self) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url, "sub": "alice", "aud": "taskward", "iat": now, "exp": now + 300, "nonce": self.nonce,
        }  # fmt: skip

    def usual(self, path: str) -> Answer:
        if path == "/jwks":
            return as_json({"keys": [PAIR.jwk()]})
        if path == "/token":
            return as_json({"access_token": "x", "token_type": "Bearer", "id_token": self.make_token(self.claims)})
        return as_json(self.metadata)

    def log_in(self, address: str) -> str:
        """Return where this provider sends alice back to, who has come by this address."""
        query = parse_qs(urlsplit(address).query)
        self.nonce = query["nonce"][0]
        return f"{query['redirect_uri'][0]}?code=a-code&state={query['state'][0]}"


def as_json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
