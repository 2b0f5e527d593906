"""Passwords: Argon2id in a few threads of its own, so that a storm of log-ins cannot stop everything else."""

import asyncio
import os
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from taskward.errors import PasswordsOffError, ServerBusyError

# RFC 9106, 4, the second recommended option, but with one lane: lanes are threads that other requests need.
ARGON2ID = Argon2Hasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
THREADS = max(1, min(2, (os.cpu_count() or 1) - 1))  # 64 MiB and a whole core each
MAX_PENDING = 100  # whoever is beyond waits for longer than a person would
THREADS_FOR_KNOWN = 1

T = TypeVar("T")


class Passwords:
    """Hashes and verifies passwords, a few at a time; the others queue, and those beyond the queue are refused.

    Who logs in from a known device has a queue apart: strangers can fill the other one.
    """

    def __init__(
        self,
        hasher: Argon2Hasher = ARGON2ID,
        *,
        threads: int = THREADS,
        max_pending: int = MAX_PENDING,
        allowed: bool = True,
    ) -> None:
        """Take the hasher, how many threads it may occupy, and how many requests may run or wait.

        Where passwords are not `allowed`, another provider knows who everybody is.
        """
        self._allowed = allowed
        self._hasher = PasswordHash((hasher,))
        self._queue = _Queue(threads, max_pending)
        self._queue_of_known = _Queue(THREADS_FOR_KNOWN, max_pending)

    def check_allowed(self) -> None:
        """Raise PasswordsOffError where everybody logs in with a provider."""
        if not self._allowed:
            raise PasswordsOffError

    async def hash(self, password: str, *, known_device: bool = False) -> str:
        """Return the Argon2id hash of a password, in its encoded form; raise ServerBusyError."""
        return await self._queue_of(known_device).run(lambda: self._hasher.hash(normalised(password)))

    async def verify(
        self, password: str, stored: str | None, *, known_device: bool = False
    ) -> tuple[bool, str | None]:
        """Tell whether `stored` is the hash of a password; None takes the same time, and is nobody's.

        With it comes the hash to store instead, where `stored` was made with other parameters than today's.
        Raises ServerBusyError.
        """
        return await self._queue_of(known_device).run(lambda: self._verify(normalised(password), stored))

    def _queue_of(self, known_device: bool) -> "_Queue":
        return self._queue_of_known if known_device else self._queue

    def close(self) -> None:
        """Let the threads end; what still waits is given up."""
        self._queue.close()
        self._queue_of_known.close()

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())

    def _verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        # Made on the first log-in of all, whoever it is: made when needed, it would tell the first who is unknown.
        nobodys = self._nobodys
        return self._hasher.verify_and_update(password, nobodys if stored is None else stored)


class _Queue:
    """Threads of their own, and room for so many who run or wait."""

    def __init__(self, threads: int, max_pending: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._max_pending = max_pending
        self._pending = 0

    async def run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._max_pending:
            raise ServerBusyError
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def normalised(password: str) -> str:
    """Return one spelling for what looks the same on every keyboard (NIST SP 800-63B, "Password Verifiers")."""
    return unicodedata.normalize("NFKC", password)
