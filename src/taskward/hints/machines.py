"""Hints to other machines, by the publish and subscribe of the Valkey in which rate limits count.

A published message is who sends it and then hints; its own machine has heard of them already. While Valkey is
away, hints are lost, and changes are seen later.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextvars import Context
from typing import Any

from taskward.hints.siblings import split
from taskward.hints.waiters import Hint

RETRY_SECONDS = 1.0
LINGER_SECONDS = 30.0  # clients that wait again and again subscribe once
SILENT_SECONDS = 10.0  # after which it is asked whether Valkey is there still, and given as long to answer
MOST_IN_A_MESSAGE = 1000  # hints
MOST_UNSENT = 10_000

logger = logging.getLogger(__name__)


class Machines:
    """All workers and machines that share a Valkey, and a database of its numbers."""

    def __init__(
        self, pool: Any, machine: bytes, heard: Callable[[Hint], None], missed: Callable[[], None]
    ) -> None:
        """Take connections of their own, HINT_BYTES that name the machine, and what is told of each hint.

        `missed` is called where there may have been some that were not heard.
        """
        from valkey.asyncio import Valkey

        self._pool = pool
        self._client = Valkey(connection_pool=pool)
        # Channels are of all databases of a server alike, and another database may have another service's counts.
        self._channel = f"taskward/hints/{pool.connection_kwargs.get('db', 0)}"
        self._machine = machine
        self._heard = heard
        self._missed = missed
        self._unsent: set[Hint] = set()
        self._publishing: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._troubles: set[str] = set()
        self._silent_until = 0.0
        self.subscribed = False

    def open(self) -> None:
        """Listen, as somebody waits here."""
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._listening is None:
            self._listening = asyncio.create_task(self._keep_listening(), context=Context())

    def close(self) -> None:
        """Listen no longer, unless somebody waits soon."""
        self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._stop_listening)

    async def close_all(self) -> None:
        """End everything; what is being published may take a moment."""
        tasks = [task for task in (self._publishing, self._listening) if task is not None]
        self._stop_listening()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.disconnect()

    def send(self, hints: Collection[Hint]) -> None:
        """Publish hints, in the background. Where Valkey is away or slow, some are dropped."""
        if time.monotonic() < self._silent_until or len(self._unsent) + len(hints) > MOST_UNSENT:
            return
        self._unsent.update(hints)
        if self._publishing is None:
            self._publishing = asyncio.create_task(self._publish(), context=Context())

    async def _publish(self) -> None:
        try:
            while self._unsent:
                batch = [self._unsent.pop() for _ in range(min(len(self._unsent), MOST_IN_A_MESSAGE))]
                await self._client.publish(self._channel, b"".join([self._machine, *batch]))
            self._is_well("publish")
        except Exception as error:
            self._unsent.clear()
            self._silent_until = time.monotonic() + RETRY_SECONDS
            self._is_in_trouble("publish", error)
        finally:
            self._publishing = None

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except Exception as error:
                self._is_in_trouble("subscribe", error)
            finally:
                self.subscribed = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        asked = False
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(self._channel)
            while True:
                message = await subscription.get_message(timeout=SILENT_SECONDS)
                if message is None and asked:
                    raise TimeoutError
                if message is None:
                    await subscription.ping()
                else:
                    self._take(message)
                asked = message is None

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self.subscribed = True
            self._is_well("subscribe")
            self._missed()
        elif message["type"] == "message":
            machine, *hints = split(message["data"]) or [b""]
            if machine != self._machine:
                for hint in hints:
                    self._heard(hint)

    def _stop_listening(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

    def _is_in_trouble(self, doing: str, error: Exception) -> None:
        if doing not in self._troubles:
            self._troubles.add(doing)
            # By its kind alone: its message may name the address, which holds a password.
            logger.warning(
                "Valkey does not %s hints, changes of other machines are seen later: %s",
                doing,
                type(error).__name__,
            )

    def _is_well(self, doing: str) -> None:
        if doing in self._troubles:
            self._troubles.remove(doing)
            logger.warning("Valkey does %s hints again", doing)
