"""What the application's parts are, for the routes: one object, made by `create_app` and never changed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.applications import Starlette

from taskward.auth.log_ins import LogIns
from taskward.auth.verify import TokenVerifier
from taskward.database.transaction import Database
from taskward.hints.hints import Hints
from taskward.observability.metrics import Metrics
from taskward.rate_limits.limits import RateLimits
from taskward.settings.value_types import Network

LIFESPAN_STATE = "taskward"  # where the server finds it: ASGI's lifespan state, which is beside the application
_PARTS = "_taskward_parts"  # where `state_of` finds them, four times a request: Starlette's `state` is slow

Service = TypeVar("Service")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What the connections of one worker may take, as the settings say."""

    per_address: int  # connections
    unsent_bytes: int
    exempt: Sequence[Network]  # whose connections are not counted by address


@dataclass(frozen=True, slots=True)
class AppState:
    """The parts. Each feature has its service, which is found by its class, as nothing here knows features."""

    metrics: Metrics
    database: Database
    schema_revision: str  # what the database's migrations must be at
    verifier: TokenVerifier
    log_ins: LogIns
    rate_limits: RateLimits
    connection_limits: ConnectionLimits
    hints: Hints
    services: Sequence[object]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set once, when the service is about to stop

    def service(self, kind: type[Service]) -> Service:
        """Return the service of this class; raise LookupError where there is none."""
        for service in self.services:
            if isinstance(service, kind):
                return service
        raise LookupError(f"there is no {kind.__name__} in this application")


def attach(app: Starlette, state: AppState) -> None:
    """Give the application its state."""
    vars(app)[_PARTS] = state


def state_of(app: Starlette) -> AppState:
    """Return the state that was attached to the application."""
    state: AppState = vars(app)[_PARTS]
    return state
