"""10,000 steps in `make test`; `make soak` begins with 20,000 and goes on for TASKWARD_SECONDS."""

import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx2
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from taskward.app import create_app
from taskward.auth.issue import issue_token
from taskward.settings import Settings
from tests.conftest import SECRET
from tests.model.machine import Histories
from tests.profiles import SOAK, by_profile

STEPS = by_profile(10_000, 20_000)
SEED = random.randrange(sys.maxsize) if SOAK else 1
SECONDS = float(os.environ.get("TASKWARD_SECONDS", "0"))


@pytest.fixture
def portal(settings: Settings) -> Iterator[BlockingPortal]:
    """A running application, for a test that cannot be async because Hypothesis drives it."""
    app = create_app(settings)

    @asynccontextmanager
    async def started() -> Any:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://taskward.test") as client,
        ):
            yield client

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(started()) as client:

        def request(user_id: str, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx2.Response:
            token = issue_token(user_id, SECRET.encode(), "HS256", 300)
            headers = {"Authorization": f"Bearer {token}", **headers}
            content = {} if body is None else {"json": body}
            response: httpx2.Response = portal.call(
                lambda: client.request(method, path, headers=headers, **content)
            )
            return response

        Histories.request = staticmethod(request)
        yield portal


@pytest.mark.soak
def test_every_history_goes_as_the_plain_model_says(portal: BlockingPortal) -> None:
    Histories.steps = 0
    end = time.monotonic() + SECONDS
    for number in count(SEED):
        if Histories.steps >= STEPS and time.monotonic() >= end:
            break
        run_state_machine_as_test(
            seed(number)(Histories),
            settings=settings(
                max_examples=100,
                stateful_step_count=60,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(f"{Histories.steps} steps from seed {SEED} on, no difference")  # noqa: T201
