"""Which of a worker's connections are read, where more of them have sent something than it can answer.

A request that is under way holds 20 KB of memory; one that nobody has read yet, the bytes that came. So `AT_ONCE`
are begun, and every other connection waits for its turn, in the order in which something came. They are let in by
groups, since reads that begin together travel together (database/driver/read_batches.py).

With 1,000 connections that never pause, in turns with beginning all at once, medians of 128 at a time: a worker
took 15 MB for them and not 32, the slowest of a hundred took 1.4 times as long as the median and not 1.7 to 3.1,
and the rate was 3 to 20 % higher (decision 34, which has what came of 96 too).

With a database far away more of them only wait for it: for each millisecond of a round trip there are 20 more.

A few that wait, for a lock or for their client, must not hold up everybody: after `LONG` a request is not counted
any more, nor is one that stands by, or whose body is still on its way. And what was not read in a turn, behind a
request of the same connection without an answer, is not counted either, or it could keep the line from moving.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

AT_ONCE = 96
PER_SECOND = 20_000  # of round trips to the database: twice the requests that a worker can answer in it
GROUP = 72
LONG = 0.1  # seconds; what only the processor keeps waiting takes a third of it
TURN = "taskward.turn"  # where the scope of a request has its turn


class Connection(Protocol):
    """Whoever waits for a turn."""

    def take_turn(self, waited: float) -> None:
        """Read what came; it has waited for so many seconds."""


class Turns:
    """Of one worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop, round_trip: Callable[[], float]) -> None:
        """Take the loop in which connections are read, and what returns the seconds of a round trip."""
        self._loop = loop
        self._round_trip = round_trip
        self._line: OrderedDict[Connection, float] = OrderedDict()  # and since when
        self._under_way: set[Turn] = set()
        self._for_longer: set[Turn] = set()  # since before the last look
        self._next_look: asyncio.TimerHandle | None = None

    def line_up(self, connection: Connection) -> None:
        """Have a connection read: at once, or when it is its turn."""
        if not self._line and self._room() > 0:
            connection.take_turn(0)
            return
        self._line[connection] = self._loop.time()
        if self._next_look is None:
            self._next_look = self._loop.call_later(LONG, self._look)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._line.pop(connection, None)

    def begin(self, turn: "Turn") -> None:
        """Count a request, all of which has come."""
        self._under_way.add(turn)

    def end(self, turn: "Turn") -> None:
        """Count a request no longer, and go on with the line once there is room for a group."""
        self._under_way.discard(turn)
        self._for_longer.discard(turn)
        if self._line and self._room() >= GROUP:
            self._loop.call_soon(self._go_on)  # what others have sent is nothing to whoever ends here

    def _room(self) -> int:
        most = AT_ONCE + int(PER_SECOND * self._round_trip())
        return most - len(self._under_way) - len(self._for_longer)

    def _go_on(self) -> None:
        while self._line and self._room() > 0:
            connection, since = self._line.popitem(last=False)
            connection.take_turn(self._loop.time() - since)

    def _look(self) -> None:
        """Forget what has been under way for `LONG`, up to twice that: while somebody waits, and only then."""
        self._for_longer, self._under_way = self._under_way, set()
        self._next_look = self._loop.call_later(LONG, self._look) if self._line else None
        self._go_on()


class Turn:
    """Of one request."""

    __slots__ = ("_turns", "waited")

    def __init__(self, turns: Turns, waited: float) -> None:
        """Take whose it is, and for how many seconds it was waited for."""
        self._turns: Turns | None = turns
        self.waited = waited

    def begin(self) -> None:
        """Count the request, all of which has come: unless it has ended, as some do before that."""
        if self._turns:
            self._turns.begin(self)

    def end(self) -> None:
        """Count it no longer. It may be called again."""
        turns, self._turns = self._turns, None
        if turns:
            turns.end(self)
