"""The store of shared counts: Valkey or Redis, and what happens while it is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from taskward.settings import InvalidSettingsError

TIMEOUT_SECONDS = 1.0  # less, and a busy moment of this process would look like a store that is away
TURN_SECONDS = 2.0  # how long a count waits for those before it
RETRY_SECONDS = 1.0
MAX_CONNECTIONS = 8  # more only make each other wait for the processor
ROUNDING_SECONDS = 0.5  # TTL answers in whole seconds, rounded

T = TypeVar("T")

logger = logging.getLogger(__name__)


class StoreUnavailableError(Exception):
    """The store does not answer now."""


class SharedStore:
    """Counters that end by themselves. While the store is away, it is asked once a second and no more."""

    def __init__(self, url: str) -> None:
        """Take a URL of `valkey`, `valkeys`, `redis` or `rediss`; raise InvalidSettingsError."""
        from limits.aio.storage import RedisStorage  # only here: most have no store, and it loads 30 modules
        from limits.errors import StorageError

        self._pool = connection_pool(url)
        self._storage = RedisStorage(
            f"async+{_of_valkey(url)}",
            wrap_exceptions=True,
            key_prefix="taskward",
            connection_pool=self._pool,
        )
        self._failures = (StorageError, OSError)
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._away_until = 0.0

    async def increment(self, key: str, seconds: int) -> int:
        """Add one to `key`, which ends after `seconds` if this is the first; raise StoreUnavailableError."""
        return await self._ask(self._storage.incr, key, seconds)

    async def seconds_left(self, key: str) -> float:
        """Return how long `key` has yet to live, at most a second too long; raise StoreUnavailableError."""
        ends = await self._ask(self._storage.get_expiry, key)
        return ends - time.time() + ROUNDING_SECONDS

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()

    async def _ask(self, question: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        self._raise_while_away()
        await self._turn()
        try:
            self._raise_while_away()  # for those whose turn comes when it has gone away
            trying = self._away_until > 0
            if trying:
                self._away_until = time.monotonic() + RETRY_SECONDS  # this one tries; the others go on without
            response = await question(*arguments)
        except self._failures as error:
            self._is_away(getattr(error, "storage_error", error))
            raise StoreUnavailableError from None
        finally:
            self._turns.release()
        if trying:
            self._away_until = 0.0
            logger.warning("the store of rate limits is back")
        return response

    def _raise_while_away(self) -> None:
        if time.monotonic() < self._away_until:
            raise StoreUnavailableError

    async def _turn(self) -> None:
        """Wait for a turn, first come, first served. A store too slow for all who ask is as good as away."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            self._is_away(error)
            raise StoreUnavailableError from None

    def _is_away(self, error: Exception) -> None:
        if not self._away_until:
            # By its kind alone: its message may name the address, which holds a password.
            logger.warning("the store of rate limits is away, counting without it: %s", type(error).__name__)
        self._away_until = time.monotonic() + RETRY_SECONDS


def connection_pool(url: str) -> Any:
    """Return a pool of connections to a store, none of them open; raise InvalidSettingsError."""
    try:
        from valkey.asyncio import ConnectionPool
    except ImportError:
        raise InvalidSettingsError(
            "RATE_LIMIT_STORAGE_URL needs the package valkey; install taskward[valkey]"
        ) from None
    try:
        pool: Any = ConnectionPool.from_url(
            _of_valkey(url),
            max_connections=MAX_CONNECTIONS,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        pool.make_connection()  # opens nothing; takes every parameter, or raises
    except (AttributeError, TypeError, ValueError):
        raise InvalidSettingsError(
            "RATE_LIMIT_STORAGE_URL: the Valkey client does not accept one of the parameters after '?'. Correct it"
            " or remove it from the address"
        ) from None
    return pool


def _of_valkey(url: str) -> str:
    """Return the URL with the name that the client knows the protocol by, which is the same for both."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.replace('redis', 'valkey')}://{rest}"
