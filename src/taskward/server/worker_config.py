"""What uvicorn is told of a worker, and what it cannot be told."""

import asyncio
import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from taskward.server.shares import Shares

if TYPE_CHECKING:
    from taskward.server.loading import Gate


class WorkerConfig(uvicorn.Config):
    """Comes from the supervisor into each worker, with what the workers of a service share."""

    shares: Shares
    gate: "Gate | None" = None  # where the worker waits for the database once it has loaded

    def load_app(self) -> Any:
        """Return what makes the application, when it may be called."""
        factory = super().load_app()
        if self.gate is not None:
            self.gate.wait()
        return factory

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Return what makes the event loop, which takes connections; the first thing that a worker asks for."""
        gc.disable()  # until `freeze_gc`: what is loaded now stays, and looking at it was a twentieth of a start
        # FastAPI looks whether a model is one of pydantic's first version, and would load all of that: 1.6 MB.
        sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # it is not there, as on Python 3.14
        from taskward.server.accepting import SharingLoop  # only here: the supervisor has no loop

        return partial(SharingLoop, self.shares)
