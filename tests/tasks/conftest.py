from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from taskward.app import create_app
from taskward.settings import Settings
from taskward.tasks.routes import FAMILIES
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.families import Family


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    return Family(request.param)


@pytest.fixture
def tasks(family: Family) -> str:
    """The path of alice's tasks."""
    return family.of("alice")


@pytest.fixture
async def hiding_app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with REVEAL_FOREIGN_TASKS=false."""
    application = create_app(settings.model_copy(update={"reveal_foreign_tasks": False}))
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def bob_in_the_dark(hiding_app: FastAPI) -> AsyncIterator[Client]:
    """Bob, where nobody is told that somebody else's task exists."""
    async with connect(hiding_app, "bob", SECRET) as client:
        yield client
