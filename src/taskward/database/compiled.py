"""SQL written with SQLAlchemy Core, turned into text once and not on the path of a request."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with psycopg's named placeholders, and the values that are part of it."""

    sql: str
    constants: dict[str, Any] = field(default_factory=dict)


def compiled(clause: ClauseElement) -> Statement:
    """Compile a SQLAlchemy statement. Every `bindparam` without a value must be given when it runs."""
    text = clause.compile(dialect=_DIALECT)
    assert isinstance(text, SQLCompiler)
    constants = {name: bind.value for bind, name in text.bind_names.items() if not bind.required}
    return Statement(text.string, constants)
