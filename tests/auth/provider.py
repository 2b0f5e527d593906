"""An identity provider: keys of every algorithm, the tokens they sign, and a real server that publishes them."""

import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from taskward.auth.jwk import ALGORITHMS
from tests.auth.tokens import PAYLOAD, json_part

CURVES: dict[str | None, Callable[[], ec.EllipticCurve]] = {
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
}
SIGNERS = get_default_algorithms() | {"Ed25519": get_default_algorithms()["EdDSA"]}


class Pair:
    """A private key with the algorithm it signs by."""

    def __init__(self, algorithm: str, kid: str | None = None, *, bits: int = 2048) -> None:
        self.algorithm = algorithm
        self.kid = kid if kid is not None else f"key-{algorithm}"
        self.private = private_key(algorithm, self.kid, bits)

    def jwk(self, **members: Any) -> dict[str, Any]:
        """Return the public key as Better Auth publishes it, with other members; None takes one away."""
        jwk = SIGNERS[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        jwk.pop("key_ops", None)
        jwk |= {"kid": self.kid, "alg": self.algorithm} | members
        return {name: value for name, value in jwk.items() if value is not None}

    def private_jwk(self) -> dict[str, Any]:
        return SIGNERS[self.algorithm].to_jwk(self.private, as_dict=True) | {"kid": self.kid}

    def signature(self, message: str) -> bytes:
        return SIGNERS[self.algorithm].sign(message.encode(), self.private)

    def token(self, payload: Any = PAYLOAD, **header: Any) -> str:
        """Return a token that this key signed; a parameter of the header that is None is left out."""
        parameters = {"alg": self.algorithm, "kid": self.kid} | header
        return self.signed({name: value for name, value in parameters.items() if value is not None}, payload)

    def signed(self, header: Any, payload: Any) -> str:
        message = f"{json_part(header)}.{json_part(payload)}"
        return f"{message}.{json_part(self.signature(message))}"


@cache
def private_key(algorithm: str, kid: str, bits: int) -> Any:
    """Return the private key of this name: the same one each time, as RSA keys take long to make."""
    kty, crv = ALGORITHMS[algorithm]
    if kty == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return ed25519.Ed25519PrivateKey.generate() if kty == "OKP" else ec.generate_private_key(CURVES[crv]())


Answer = tuple[int, dict[str, str], Iterable[bytes]]


class KeyServer:
    """A real HTTP server on loopback that publishes keys, or what a test has it answer, and counts requests."""

    def __init__(self, *pairs: Pair, tls: SSLContext | None = None) -> None:
        self._tls = tls
        self.requests = 0
        self.asked = Event()
        self.paths: list[str] = []
        self.publish(*pairs)

    def publish(self, *pairs: Pair) -> None:
        self.response_json({"keys": [pair.jwk() for pair in pairs]})

    def response_json(self, value: Any, status: int = 200) -> None:
        self.response_bytes(json.dumps(value).encode(), status)

    def response_bytes(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.response: Callable[[], Answer] = lambda: (
            status,
            {"Content-Length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}},
            [body],
        )

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.requests += 1
                outer.paths.append(self.path)
                outer.asked.set()
                status, headers, body = outer.response()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for chunk in body:
                        self.wfile.write(chunk)
                        self.wfile.flush()
                except OSError:
                    pass  # the client has hung up, as it should on some of these
                if "Content-Length" not in headers:
                    self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.url = (
            f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._server.server_port}/api/auth/jwks"
        )
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Clock:
    """A clock of seconds since 1970 that stands still until it is moved."""

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now

    def __call__(self) -> float:
        return self.now
