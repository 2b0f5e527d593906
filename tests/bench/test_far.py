"""The slow wire carries everything, and takes its time."""

import time

import psycopg

from bench.far import DELAY_SECONDS, far_away
from taskward.embedded.server import EmbeddedPostgres


def test_a_database_far_away_is_the_same_database_and_slow(postgres: EmbeddedPostgres) -> None:
    with far_away(postgres.url) as url, psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        assert connection.execute("SELECT repeat('x', 1000000)").fetchone() == ("x" * 1_000_000,)
        assert time.perf_counter() - start >= 2 * DELAY_SECONDS
