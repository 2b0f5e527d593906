"""The table of errors, written from their classes."""

import inspect
from collections.abc import Iterator

from taskward.errors import ApiError
from tests.docs.generated.tables import table


def text() -> str:
    """Return the table, in the order of the statuses."""
    rows = ((str(kind.status), f"`{kind.code}`", _meaning(kind)) for kind in sorted(kinds(), key=_status))
    return table(["status", "code", "meaning"], rows)


def kinds(kind: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    """Yield every error that has a code of its own."""
    if "code" in vars(kind):
        yield kind
    for narrower in kind.__subclasses__():
        yield from kinds(narrower)


def _meaning(kind: type[ApiError]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _status(kind: type[ApiError]) -> int:
    return kind.status
