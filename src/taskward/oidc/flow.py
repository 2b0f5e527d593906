"""What one log-in with the provider is about, sealed in a cookie of the browser that began it.

So any worker can finish what another one began, nothing is kept of log-ins that nobody finishes, and a log-in that
was begun in one browser cannot be finished in another: nobody can be logged in as somebody else behind their back
(RFC 6749, 10.12; RFC 9700, 4.7).
"""

import hmac
import secrets
from dataclasses import asdict, dataclass

from taskward.auth.sealed import Sealed

PURPOSE = "log-ins with a provider"
SECONDS = 600  # a person logs in at the provider meanwhile
RANDOM_BYTES = 32  # 43 characters in base64url, as RFC 7636, 4.1 recommends


@dataclass(frozen=True, slots=True)
class Flow:
    """One log-in: what the provider gives back, its verifier, and for whom the log-in is.

    `challenge` is of the page or program that began it, and is to exchange the code in the end. A program waits on
    `port` of this machine, and recognises its own log-in by `program_state`; for the page, both are None.
    """

    state: str
    nonce: str
    verifier: str
    challenge: str
    port: int | None = None
    program_state: str | None = None

    @classmethod
    def new(cls, challenge: str, port: int | None = None, program_state: str | None = None) -> "Flow":
        """Return a log-in that begins now."""
        state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
        return cls(state, nonce, verifier, challenge, port, program_state)


class Flows:
    """Seals log-ins, and opens them."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret of the service."""
        self._sealed = Sealed(secret, PURPOSE)

    def seal(self, flow: Flow) -> str:
        """Return what the cookie has."""
        return self._sealed.seal(asdict(flow))

    def open(self, cookie: str | None, state: str | None) -> Flow | None:
        """Return the log-in of a cookie, or None where it is none, has ended, or the state is not its own."""
        said = self._sealed.open(cookie or "", SECONDS)
        if said is None or state is None or not hmac.compare_digest(said["state"].encode(), state.encode()):
            return None
        return Flow(**said)  # type: ignore[arg-type]  # as it was sealed
