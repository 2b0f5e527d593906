"""The connections of one worker: how many there may be, how many of one address, and which end for a new one."""

import asyncio
import logging
import resource
from collections.abc import Collection, Sequence
from heapq import nsmallest
from ipaddress import IPv6Address, IPv6Network, ip_address
from operator import itemgetter
from typing import NamedTuple, Protocol

from taskward.api.state import AppState
from taskward.rate_limits.turns import Turns
from taskward.server.shares import Shares
from taskward.server.unsent import Reader, UnsentBytes
from taskward.settings.value_types import Network

MAX_CONNECTIONS = 2048
SPARE_FILES = 64  # what a worker has open beside connections: logs, metrics, a store, keys that are fetched
BRIEFLY = 0.1  # seconds in which a new connection's first request is on its way
TOLD_EVERY = 60  # seconds; not for each, which a stranger could cause

logger = logging.getLogger(__name__)


class Silence(NamedTuple):
    """How a connection that waits for its client compares to others: the smallest is closed first."""

    rank: int  # 0: it has sent no whole request yet, 1: between two requests, 2: in the body of one
    since: float  # by the event loop's clock


class Connection(Reader, Protocol):
    """What is asked of a connection here."""

    counted_as: str | None  # its address or network; None: of nobody, as everybody behind a proxy may share it

    def silence(self, now: float) -> Silence | None:
        """Return how long it has waited for its client; None when it does not, or has something to send."""

    def close_silent(self) -> None:
        """End it. Nothing that it carries is lost."""

    def look(self, now: float) -> None:
        """End it where its client is late."""


class Connections:
    """All of one worker. `draining` says that the worker ends."""

    def __init__(
        self, state: AppState, most: int = MAX_CONNECTIONS, shares: Shares | None = None, tick: float = 1
    ) -> None:
        """Take the limits and what counts; there are fewer than `most` where the system allows fewer files.

        `shares` tells the other workers of the service. All connections are looked at every `tick` seconds.
        """
        self.draining = False
        self._loop = asyncio.get_running_loop()
        self.turns = Turns(self._loop, lambda: state.database.pool.round_trip)
        self.unsent = UnsentBytes(state.connection_limits.unsent_bytes, state.metrics)
        self._limits = state.connection_limits
        self._metrics = state.metrics
        self._most = min(most, files_for_connections(state.database.pool.limit))
        # In the order in which they came, as the loop's clock does not tell apart what came in one millisecond.
        self._all: dict[Connection, None] = {}
        self._of: dict[str, dict[Connection, None]] = {}
        self._told: dict[str, float] = {}
        self._shares = shares
        self._tick = tick
        self._next_look: asyncio.TimerHandle | None = None

    def add(self, connection: Connection, now: float) -> None:
        """Take a connection in. Where there are too many, the longest silent ones end, which may be this one."""
        self._all[connection] = None
        if self._next_look is None:
            self._next_look = self._loop.call_later(self._tick, self._look)
        self._tell_others()
        if (whose := connection.counted_as) is not None:
            same = self._of.setdefault(whose, {})
            same[connection] = None
            if len(same) > self._limits.per_address:
                self._tell(now, "address", f"{self._limits.per_address} connections from {whose}")
                self._make_room(same, connection, now, "address")
        if len(self._all) > self._most:
            self._tell(now, "full", f"{self._most} connections")
            self._make_room(self._all, connection, now, "full")

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended, or is about to."""
        self._all.pop(connection, None)
        self._tell_others()
        if (whose := connection.counted_as) is not None and (same := self._of.get(whose)):
            same.pop(connection, None)
            if not same:
                del self._of[whose]

    def _look(self) -> None:
        self._next_look = self._loop.call_later(self._tick, self._look) if self._all else None
        now = self._loop.time()
        for connection in tuple(self._all):
            connection.look(now)
        self.cut_slowest(now)

    def cut_slowest(self, now: float, spare: Connection | None = None) -> None:
        """Cut off the clients that leave most unread for longest, if all together are over the budget."""
        if self.unsent.exceeded:
            self.unsent.cut_slowest(self._all, now, spare)

    def _make_room(self, among: Collection[Connection], newest: Connection, now: float, reason: str) -> None:
        """End the longest silent ones: one, and what has been silent for a while up to 1 of 64, to look seldom."""
        waiting = [
            ((-self._crowd(each), *silence), each) for each in among if (silence := each.silence(now)) is not None
        ]
        chosen = nsmallest(1 + len(among) // 64, waiting, key=itemgetter(0))
        ending = [each for at, (key, each) in enumerate(chosen) if at == 0 or now - key[-1] >= BRIEFLY]
        for each in ending or [newest]:
            self.remove(each)
            each.close_silent()
            self._metrics.connection_closed(reason)

    def _tell_others(self) -> None:
        if self._shares is not None:
            self._shares.tell(len(self._all))

    def _crowd(self, connection: Connection) -> int:
        """Return how many the address has: of the largest crowd one is missed least, and it may be an attack."""
        return 1 if connection.counted_as is None else len(self._of[connection.counted_as])

    def _tell(self, now: float, reason: str, what: str) -> None:
        if now - self._told.get(reason, -TOLD_EVERY) >= TOLD_EVERY:
            self._told[reason] = now
            logger.warning("more than %s: closing the longest silent ones", what)


def files_for_connections(pool: int) -> int:
    """Return how many connections the limit of open files leaves, beside `pool` to the database (getrlimit(2)).

    Where files ran out first, the system would take no connection at all, instead of a new one for a silent one.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, soft - pool - SPARE_FILES)


def counted_as(peer: str | None, exempt: Sequence[Network]) -> str | None:
    """Return what an address is counted as: itself, of IPv6 its network of 64 bits (RFC 6177, 2), or None.

    Not counted are this machine and `exempt` networks, where a proxy may stand for everybody, and Unix sockets.
    """
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address  # IPv4 on a socket for both
    if address.is_loopback or any(address in network for network in exempt):
        return None
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)
