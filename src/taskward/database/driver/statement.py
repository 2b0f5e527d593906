"""SQL as it is sent, made once and not on the path of a request."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any, Generic

from typing_extensions import TypeVar

_PLACEHOLDER = re.compile(r"%(?:%|\((\w+)\)s)")

RowT = TypeVar("RowT", bound=Mapping[str, Any], covariant=True, default=dict[str, Any])


class Effect(IntEnum):
    """What running a statement does, and so what may be done with it."""

    READ_ONLY = 0  # changes nothing and waits for no lock: it may travel together with others
    IDEMPOTENT = 1  # twice is as good as once: it may be sent again when no answer came
    NOT_IDEMPOTENT = 2


@dataclass(frozen=True)
class Statement(Generic[RowT]):
    """One SQL statement with named placeholders, `%(name)s`, and the values that are part of it.

    `Statement[SomeTypedDict]` says which columns its rows have, for mypy.
    """

    sql: str
    constants: dict[str, Any] = field(default_factory=dict)
    effect: Effect = Effect.NOT_IDEMPOTENT
    # A parameter that comes back in the last column of one row, or the answer is to somebody else. Whoever runs it
    # is given no rows.
    correlation_id: str = ""
    prepared: bool = (
        True  # or one of too many for each session to keep, which are planned for their values each time
    )
    lazy: bool = False  # it may have many rows, which are made as they are asked for
    # It locks its owner's row before all else and nothing of anybody else's, and is soon done: so others may be
    # committed with it.
    brief: bool = False
    # What is sent instead where rows are distributed, of which the last has the rows; nothing: this one.
    distributed: tuple["Statement[Any]", ...] = ()

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the placeholders; the first is `$1`."""
        return tuple(dict.fromkeys(name for name in _PLACEHOLDER.findall(self.sql) if name))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The same names, to look quickly whether all are there."""
        return frozenset(self.parameters)

    @cached_property
    def text(self) -> bytes:
        """The SQL as PostgreSQL takes it, with `$1` and so on."""
        numbers = {name: f"${number}" for number, name in enumerate(self.parameters, 1)}
        return _PLACEHOLDER.sub(lambda found: numbers[found[1]] if found[1] else "%", self.sql).encode()

    @cached_property
    def name(self) -> bytes:
        """The name under which a session keeps it prepared: the same for the same text, in every process."""
        return b"taskward_" + hashlib.sha256(self.text).hexdigest()[:16].encode()
