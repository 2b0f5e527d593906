"""Sends mail in one thread, with room for so many that wait, so that a slow server slows down nobody else.

Nothing is stored: what was not sent when the service stops is lost, and the log says how many that were.
"""

import heapq
import logging
import time
from collections.abc import Callable
from itertools import count
from threading import Condition, Thread
from typing import NamedTuple

from taskward.mail.smtp import MailError, SmtpServer
from taskward.mail.texts import Mail

MOST_WAITING = 1000
PAUSES = (30.0, 300.0)  # seconds before the second try and the third: greylisting (RFC 6647) often wants minutes
STOP_SECONDS = 3.0

Outcome = Callable[[str], None]
logger = logging.getLogger(__name__)


class Attempt(NamedTuple):
    """When a mail is to be tried, after how many failures; by number, so that two mails are never compared."""

    due: float
    number: int
    failures: int
    mail: Mail


class MailSender:
    """The thread, and the mails that wait for it."""

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        outcome: Outcome,
        *,
        pauses: tuple[float, ...] = PAUSES,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Take the server, what mails are from, and what counts them as `sent`, `failed` or `dropped`."""
        self._server = server
        self._sender = sender
        self._outcome = outcome
        self._pauses = pauses
        self._most_waiting = most_waiting
        self._numbers = count()
        self._waiting: list[Attempt] = []
        self._sending = 0
        self._changed = Condition()
        self._ends: float | None = None  # of the clock; None while the service runs
        self._thread: Thread | None = None  # from the first mail on

    def send(self, mail: Mail) -> None:
        """Have a mail sent soon. Waits for nothing, and drops it where too many are waiting."""
        with self._changed:
            if self._ends is not None or len(self._waiting) >= self._most_waiting:
                self._outcome("dropped")
                logger.warning("a mail (%s) was dropped: too many are waiting, or the service stops", mail.kind)
                return
            self._add(Attempt(time.monotonic(), next(self._numbers), 0, mail))
            if self._thread is None:
                self._thread = Thread(target=self._run, name="mail", daemon=True)
                self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Send what has not failed yet, for so many seconds at most, and tell how many mails are lost."""
        with self._changed:
            self._ends = time.monotonic() + seconds
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)
        with self._changed:
            lost = len(self._waiting) + self._sending
            self._waiting.clear()
        for _ in range(lost):
            self._outcome("dropped")
        if lost:
            logger.warning("the service stops, and %d mails were not sent", lost)

    def _run(self) -> None:
        while (attempt := self._next()) is not None:
            again = self._try(attempt)
            with self._changed:
                self._sending = 0
                if again is not None:
                    self._add(again)

    def _next(self) -> Attempt | None:
        """Wait for the next mail that is due; None when the service stops and there is no other first try."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = self._waiting[0].due if self._waiting else None
                if due is not None and due <= now and (self._ends is None or now < self._ends):
                    self._sending = 1
                    return heapq.heappop(self._waiting)
                if self._ends is not None:
                    return None
                self._changed.wait(None if due is None else due - now)

    def _try(self, attempt: Attempt) -> Attempt | None:
        """Send a mail, and return when to try again if that is to be."""
        kind, tries = attempt.mail.kind, attempt.failures + 1
        try:
            self._server.deliver(attempt.mail, self._sender)
        except MailError as error:
            if error.for_good or attempt.failures >= len(self._pauses):
                self._outcome("failed")
                logger.error("a mail (%s) was not sent, after %d tries: %s", kind, tries, error)
                return None
            pause = self._pauses[attempt.failures]
            logger.warning("a mail (%s) was not sent, trying again in %.0f seconds: %s", kind, pause, error)
            return attempt._replace(due=time.monotonic() + pause, failures=tries)
        except Exception as error:  # the thread outlives every mail; its message may quote one
            self._outcome("failed")
            logger.error("a mail (%s) was not sent: %s", kind, type(error).__name__)
            return None
        self._outcome("sent")
        return None

    def _add(self, attempt: Attempt) -> None:
        heapq.heappush(self._waiting, attempt)
        self._changed.notify()
