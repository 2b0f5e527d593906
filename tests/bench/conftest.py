"""Small data of the shape that is measured: loaded once, and cloned as for a run."""

from collections.abc import Iterator

import psycopg
import pytest

from bench.data import Shape
from bench.databases import Databases
from taskward.embedded.server import EmbeddedPostgres

SHAPE = Shape(users=12, tasks=600)


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres) -> Databases:
    return Databases(postgres)


@pytest.fixture(scope="session")
def kept(databases: Databases) -> str:
    return databases.kept(SHAPE)


@pytest.fixture
def loaded(databases: Databases, kept: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection to a clone of the loaded database."""
    databases.clone(kept, "loaded")
    with databases.superuser("loaded") as connection:
        yield connection
