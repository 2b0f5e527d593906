"""Which log-ins have ended: their access tokens are good no longer, in every worker within five seconds.

An access token names the log-in that it came of, as `sid` (OpenID Connect Front-Channel Logout 1.0, 3). When it is
verified, the database is asked whether that goes on. Later requests do not ask: every two seconds, while there are
requests of accounts, a worker learns which log-ins have ended since, and forgets the tokens of those. Personal
tokens that were revoked are learnt of in the same way, each by its hash: they count as log-ins here.
See docs/decisions/0023-signing-out-ends-access.md.
"""

import asyncio
import math
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Collection

from taskward.errors import TokenExpiredError

RENEW_SECONDS = 2.0  # after which it is asked again, beside the requests
MAX_SECONDS = 4.0  # after which no request goes on without it: less than what is promised, which is 5
HAS_ENDED = "The log-in of this token has ended. Log in again."

ID_BYTES = 32
ID = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")  # the one spelling of 32 bytes

# Takes until when the one who asks knows all, in the words of the one who answers, or None. Returns the same for
# the next time, and which log-ins have ended since; None where nobody can tell any more.
EndedSince = Callable[[str | None], Awaitable[tuple[str, Collection[bytes] | None]]]
GoesOn = Callable[[str, bytes], Awaitable[bool]]
Forget = Callable[[Collection[bytes] | None], None]


class LogIns:
    """What a worker knows of the log-ins of accounts, which are named by the hash of their family: 32 bytes."""

    def __init__(
        self, ended_since: EndedSince, goes_on: GoesOn, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what asks for those that have ended, and whether one of a user's goes on."""
        self._ended_since = ended_since
        self._goes_on = goes_on
        self._clock = clock
        self._known_until: str | None = None
        self._looked_at = -math.inf
        self._looking: asyncio.Task[None] | None = None
        self.forget: Forget = lambda _: None  # whoever has tokens in memory puts its own in this place

    async def check(self, user_id: str, log_in: bytes) -> None:
        """Raise TokenExpiredError unless a log-in of this user goes on; DatabaseUnavailableError."""
        if not await self._goes_on(user_id, log_in):
            raise TokenExpiredError(HAS_ENDED)

    def outdated(self) -> bool:
        """Tell whether a request must wait for `look`; before it comes to that, begin to look beside it."""
        age = self._clock() - self._looked_at
        if age < RENEW_SECONDS:
            return False
        self._begin()
        return age >= MAX_SECONDS

    async def look(self) -> None:
        """Have the tokens of all that have ended forgotten; raise DatabaseUnavailableError. A crowd asks once."""
        looking = self._begin()
        await asyncio.wait([looking])  # a client who goes away does not take the question along
        looking.result()

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    def _begin(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(_consume_result)
        return self._looking

    async def _look(self) -> None:
        began = self._clock()
        self._known_until, ended = await self._ended_since(self._known_until)
        self.forget(ended)
        self._looked_at = began


def id_of(log_in: bytes) -> str:
    """Return how a log-in is called in tokens and addresses: 43 characters, which open nothing."""
    return urlsafe_b64encode(log_in).decode().rstrip("=")


def log_in_called(text: object) -> bytes | None:
    """Return the log-in of such a name, or None where it is none."""
    return urlsafe_b64decode(text + "=") if isinstance(text, str) and ID.match(text) else None


def _consume_result(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits is told; of one that nobody waits for, the database has logged it
