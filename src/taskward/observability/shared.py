"""The folder in which the workers of one service share their metrics."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the environment variable that the library looks at


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
