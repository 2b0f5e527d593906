"""Logging in with the service's provider: a browser does it, and comes back to this machine (RFC 8252, 7.3)."""

import hashlib
import hmac
import os
import secrets
import sys
import time
import webbrowser
from base64 import urlsafe_b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from taskward.client.accounts import log_in_with_code
from taskward.client.api import Api
from taskward.client.credentials import Credentials, CredentialStore
from taskward.client.errors import ClientError, RefusedError
from taskward.terminal_text import harmless

PATIENCE_SECONDS = 300.0  # a person logs in at the provider meanwhile
REQUEST_SECONDS = 5.0  # for a browser to send one line: whatever else connects is not waited for
DONE = "You can close this window, and go back to the command line."
LOG_IN_PATH = "/auth/oidc/login"


def log_in_with_provider(
    api: Api,
    store: CredentialStore,
    show: Callable[[str], None],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Credentials:
    """Have a person log in in a browser, and keep the tokens; `show` is given the address to open.

    Only this machine can send the answer, and only who knows the verifier of this very log-in can use it. Raises
    ClientError where the person does not agree, or nobody has logged in after `patience_seconds`; RefusedError.
    """
    _check_offer(api)
    verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with _Listener(state) as listener:
        query = urlencode({"code_challenge": challenge, "port": listener.server_port, "state": state})
        address = f"{api.address}{LOG_IN_PATH}?{query}"
        show(address)
        _open_browser(address)
        code = listener.wait(patience_seconds)
    return log_in_with_code(api, store, code, verifier)


def _check_offer(api: Api) -> None:
    """Raise ClientError where the service has no provider. A request that lacks everything begins no log-in."""
    try:
        api.request("GET", LOG_IN_PATH)
    except RefusedError as error:
        if error.code == "NOT_FOUND":
            raise ClientError(f"{api.address} has no provider to log in with. Log in with an address.") from error
        if error.code != "VALIDATION_ERROR":
            raise


def _open_browser(address: str) -> None:
    """Open a browser that has a window; one in the terminal would fill it, and may wait for its own end."""
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


class _Listener(HTTPServer):
    """Waits on a free port of 127.0.0.1 for the one answer that has the state of this log-in."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.answer: dict[str, str] | None = None

    def wait(self, seconds: float) -> str:
        """Return the code; raise ClientError."""
        until = time.monotonic() + seconds
        while self.answer is None:
            self.timeout = until - time.monotonic()
            if self.timeout <= 0:
                raise ClientError("nobody has logged in. Try again.")
            self.handle_request()
        if "code" not in self.answer:
            reason = self.answer.get("error_description") or "the log-in failed"
            raise ClientError(harmless(reason))
        return self.answer["code"]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that was no browser's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:  # the name that it has there
        query = parse_qs(urlsplit(self.path).query)
        said = {name: values[0] for name, values in query.items() if len(values) == 1}
        if not hmac.compare_digest(said.get("state", "").encode(), self.server.state.encode()):
            self.send_error(404)
            return
        self.server.answer = said
        text = (DONE if "code" in said else "Nobody is logged in. The command line says why.").encode()
        self.send_response(200)
        for name, value in {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(text)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Log nothing: the address has the code in it."""
