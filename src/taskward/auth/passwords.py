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

from taskward.errors import ServerBusyError

# RFC 9106, 4, the second recommended option, but with one lane: lanes are threads that other requests need.
ARGON2ID = Argon2Hasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
THREADS = max(1, min(2, (os.cpu_count() or 1) - 1))  # 64 MiB and a whole core each
MAX_PENDING = 100  # whoever is beyond waits for longer than a person would

T = TypeVar("T")


class Passwords:
    """Hashes and verifies passwords, a few at a time; the others queue, and those beyond the queue are refused."""

    def __init__(
        self, hasher: Argon2Hasher = ARGON2ID, *, threads: int = THREADS, max_pending: int = MAX_PENDING
    ) -> None:
        """Take the hasher, how many threads it may occupy, and how many requests may run or wait."""
        self._hasher = PasswordHash((hasher,))
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._max_pending = max_pending
        self._pending = 0

    async def hash(self, password: str) -> str:
        """Return the Argon2id hash of a password, in its encoded form; raise ServerBusyError."""
        return await self._in_a_thread(lambda: self._hasher.hash(normalised(password)))

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Tell whether `stored` is the hash of a password; None takes the same time, and is nobody's.

        With it comes the hash to store instead, where `stored` was made with other parameters than today's.
        Raises ServerBusyError.
        """
        return await self._in_a_thread(lambda: self._verify(normalised(password), stored))

    def close(self) -> None:
        """Let the threads end; what still waits is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe())

    def _verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        # Made on the first log-in of all, whoever it is: made when needed, it would tell the first who is unknown.
        nobodys = self._nobodys
        return self._hasher.verify_and_update(password, nobodys if stored is None else stored)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        if self._pending >= self._max_pending:
            raise ServerBusyError
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def normalised(password: str) -> str:
    """Return one spelling for what looks the same on every keyboard (NIST SP 800-63B, "Password Verifiers")."""
    return unicodedata.normalize("NFKC", password)
