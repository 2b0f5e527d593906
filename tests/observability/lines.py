"""The log of an application in this process, as its operator would read it."""

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from taskward.observability.logging import TextFormatter

LINE = re.compile(
    r"\[(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] \[(?P<level>[A-Z]+)\] \[(?P<user_id>[^\[\]]+)\]"
    r" \[(?P<endpoint>[^\[\]]+)\] \[(?P<message>.+)\]"
)


@contextmanager
def written_to_the_log(level: str = "INFO", formatter: logging.Formatter | None = None) -> Iterator[io.StringIO]:
    """Give what is logged inside the block, as text."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter or TextFormatter())
    logger = logging.getLogger("taskward")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield handler.stream
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def fields(line: str) -> dict[str, str]:
    """Return the fields of a line of the text form."""
    found = LINE.fullmatch(line)
    assert found, line
    return found.groupdict()
