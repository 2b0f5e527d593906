from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from taskward.settings import Settings
from taskward.tasks.routes import PATH_PREFIXES
from tests.client import Client, connect
from tests.conftest import SECRET, started
from tests.tasks.path_prefixes import PathPrefix

# Two of the four name their owner, and two do not. The lines that run are the same for both, so those of one are
# measured: the tracer of coverage takes a third of the time of such a test.
MEASURED = PATH_PREFIXES[:2]


@pytest.fixture(
    params=[
        prefix if prefix in MEASURED else pytest.param(prefix, marks=pytest.mark.no_cover)
        for prefix in PATH_PREFIXES
    ]
)
def path_prefix(request: pytest.FixtureRequest) -> PathPrefix:
    return PathPrefix(request.param)


@pytest.fixture
def tasks(path_prefix: PathPrefix) -> str:
    """The path of alice's tasks."""
    return path_prefix.of("alice")


@pytest.fixture
async def hiding_app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with REVEAL_FOREIGN_TASKS=false."""
    async with started(settings.model_copy(update={"reveal_foreign_tasks": False})) as application:
        yield application


@pytest.fixture
async def bob_in_the_dark(hiding_app: FastAPI) -> AsyncIterator[Client]:
    """Bob, where nobody is told that somebody else's task exists."""
    async with connect(hiding_app, "bob", SECRET) as client:
        yield client
