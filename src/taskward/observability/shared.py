"""The folder in which the workers of one service share their metrics, and what dead workers leave there."""

import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the environment variable that the library looks at
GAUGES = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Have the workers that are started inside the block share their metrics, in a folder as old as the block.

    A temporary one, not one in DATA_DIR: it is written at every request, and belongs in memory where there is a
    file system in memory. The library looks at the environment when it is imported.
    """
    with tempfile.TemporaryDirectory(prefix="taskward-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def forget_dead_workers(alive: Collection[int | None]) -> None:
    """Remove the gauges of every process that is not among these ids. What it counted stays counted."""
    folder = os.environ[FOLDER]
    for name in os.listdir(folder):  # noqa: PTH208  # the names are all that is wanted
        if (found := GAUGES.fullmatch(name)) and int(found[1]) not in alive:
            from prometheus_client.multiprocess import mark_process_dead  # a start need not wait for it

            mark_process_dead(int(found[1]), folder)  # type: ignore[no-untyped-call]
