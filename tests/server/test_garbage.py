"""The garbage collector: seldom needed, so it may come seldom."""

import gc
from collections.abc import Awaitable, Iterator
from multiprocessing import get_context

import httpx2
import pytest

from taskward.server.lifecycle import GC_THRESHOLDS, freeze_gc
from tests.client import Client
from tests.tasks.path_prefixes import create

pytestmark = pytest.mark.quick


@pytest.fixture
def _no_rounds() -> Iterator[None]:
    """Have the collector come only when it is called, and look at nothing that was there before."""
    gc.disable()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


async def garbage_of(answered: Awaitable[httpx2.Response], status: int) -> set[str]:
    """Return the classes of ours of which a request left something to the collector."""
    gc.collect()
    response = await answered
    assert response.status_code == status
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    found = {kind.__qualname__ for kind in map(type, gc.garbage) if kind.__module__.startswith("taskward.")}
    gc.garbage.clear()
    return found


@pytest.mark.usefixtures("_no_rounds")
async def test_a_request_leaves_nothing_to_the_garbage_collector(alice: Client) -> None:
    task = f"/tasks/{(await create(alice))['id']}"
    tag = (await alice.get("/tasks")).headers["etag"]
    requests = [
        (alice.get(task), 200),
        (alice.get("/tasks"), 200),
        (alice.get("/tasks", headers={"If-None-Match": tag}), 304),
        (alice.post("/tasks", json={"title": "Buy milk"}), 201),
        (alice.patch(task, json={"title": "Buy bread"}), 200),
        (alice.patch(f"{task}/complete"), 200),
        (alice.patch(task, json={"title": ""}), 400),
        (alice.patch(task, json={"title": "x"}, headers={"If-Match": '"0"'}), 412),
        (alice.get("/tasks/99999"), 404),
        (alice.delete(task), 204),
    ]
    for number, (answered, status) in enumerate(requests):
        assert await garbage_of(answered, status) == set(), number


def _after_freezing() -> tuple[int, tuple[int, int, int]]:
    freeze_gc()
    return gc.get_freeze_count(), gc.get_threshold()


def test_a_worker_has_its_start_kept_out_of_the_rounds_and_few_of_them() -> None:
    with get_context("spawn").Pool(1) as pool:
        frozen, thresholds = pool.apply(_after_freezing)
    assert frozen > 10_000
    assert thresholds[:2] == GC_THRESHOLDS[:2]  # of which Python 3.14 has two


def test_another_process_is_left_as_it_is() -> None:
    before = (gc.get_threshold(), gc.get_freeze_count())  # Python 3.12 begins with some that are frozen
    freeze_gc()
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
