"""What uvicorn is told of a worker, and what it cannot be told."""

import asyncio
from collections.abc import Callable
from functools import partial

import uvicorn

from taskward.server.shares import Shares


class WorkerConfig(uvicorn.Config):
    """Comes from the supervisor into each worker, with what the workers of a service share."""

    shares: Shares

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Return what makes the event loop, which takes connections."""
        from taskward.server.accepting import SharingLoop  # only here: the supervisor has no loop

        return partial(SharingLoop, self.shares)
