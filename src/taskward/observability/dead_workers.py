"""What dead workers leave in the folder in which they share their metrics."""

import os
import re
from collections.abc import Collection

from prometheus_client.multiprocess import mark_process_dead

from taskward.observability.shared import FOLDER

GAUGES = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


def forget_dead_workers(alive: Collection[int | None]) -> None:
    """Remove the gauges of every process that is not among these ids. What it counted stays counted."""
    folder = os.environ[FOLDER]
    for name in os.listdir(folder):  # noqa: PTH208  # the names are all that is wanted
        if (found := GAUGES.fullmatch(name)) and int(found[1]) not in alive:
            mark_process_dead(int(found[1]), folder)  # type: ignore[no-untyped-call]
