"""The statements of a migration's draft, from what Alembic says is to be done."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from textwrap import indent
from typing import Any

import psycopg
from alembic.migration import MigrationContext
from alembic.operations import Operations, ops
from sqlalchemy import Column, Computed, DefaultClause, MetaData

from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE
from tests.database.catalogue import Catalogue

# Without a sub-select, which Citus takes in no policy.
IS_THEIRS = "user_id = nullif(current_setting('app.user_id', true), '')"
POLICY = """\
CREATE POLICY "users see and change only what is their own" ON {table} FOR ALL TO PUBLIC
    USING ({theirs})
    WITH CHECK ({theirs})"""
GRANT = """\
GRANT SELECT, DELETE,
      INSERT ({written}),
      UPDATE ({changed})
ON {table} TO {role}"""

CUT_DOWN = "Cut down: no more columns than statements write."
IS_A_RENAME = "If this is a new name for what is added here, write RENAME instead, which keeps the data."
NEEDS_A_VALUE = "Fails where there are rows: say what they get."
NO_USER = "Nobody sees its rows yet: 0006 shows the policy and the grants of a table without a user_id."

BACKSLASH = "\\"
LINE = 95

RIGHTS = """
    SELECT relname, role, array_agg(kind ORDER BY kind)
      FROM pg_class, unnest(%s::text[]) AS role, unnest(ARRAY['INSERT', 'UPDATE']) AS kind
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND has_any_column_privilege(role, pg_class.oid, kind)
     GROUP BY relname, role
"""
RENAMES = ({ops.AddColumnOp, ops.DropColumnOp}, {ops.CreateTableOp, ops.DropTableOp})
Rights = dict[str, list[tuple[str, list[str]]]]


def rights(connection: psycopg.Connection) -> Rights:
    """Return, for each table, which roles write to it, and how: what is granted column by column."""
    found: Rights = {}
    for table, role, kinds in connection.execute(RIGHTS, [[APP_ROLE, ACCOUNTS_ROLE]]):
        found.setdefault(table, []).append((role, kinds))
    return found


@dataclass(frozen=True)
class Step:
    """A statement, and what is to be thought of before it stays as it is."""

    sql: str
    note: str = ""

    def __str__(self) -> str:
        """Return it as it stands in a migration."""
        text = re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", self.sql)  # or SQLAlchemy takes it for a parameter
        quoted = f'"{text}"' if _is_short(text) else f'"""\n{indent(text, "    ")}\n"""'
        note = f"# {self.note}\n" if self.note else ""
        return f"{note}op.execute({'r' if BACKSLASH in text else ''}{quoted})"


def _is_short(text: str) -> bool:
    return len(text) < LINE and "\n" not in text and '"' not in text


@dataclass(frozen=True)
class Translator:
    """Makes steps of operations; knows the models, and who has had which rights so far."""

    models: MetaData
    rights: Rights

    def steps(self, operations: ops.OpContainer, before: Catalogue, after: Catalogue) -> list[Step]:
        """Return what leads from one schema to the other. Checks are found here: Alembic does not compare them."""
        return [
            *_checks("ALTER TABLE {table} DROP CONSTRAINT {name}", before, after),
            *self._steps(operations),
            *_checks("ALTER TABLE {table} ADD CONSTRAINT {name}\n    {definition}", after, before),
        ]

    def _steps(self, operations: ops.OpContainer) -> Iterator[Step]:
        kinds = {type(operation) for operation in operations.ops}
        renamed = any(both <= kinds for both in RENAMES)
        for operation in operations.ops:
            if isinstance(operation, ops.OpContainer):
                yield from self._steps(operation)
            elif isinstance(operation, ops.CreateTableOp):
                yield from self._statements(operation)
                yield from _isolation(operation)
            elif isinstance(operation, ops.AddColumnOp):
                yield from self._add_column(operation)
            elif isinstance(operation, ops.DropTableOp | ops.DropColumnOp):
                yield from self._statements(operation, IS_A_RENAME if renamed else "")
            else:
                yield from self._statements(operation)

    def _statements(self, operation: ops.MigrateOperation, note: str = "") -> Iterator[Step]:
        """Let Alembic write an operation as SQL, as for a migration without a database."""
        written = StringIO()
        context = MigrationContext.configure(
            dialect_name="postgresql",
            dialect_opts={"paramstyle": "named"},  # another would double each percent sign
            opts={"as_sql": True, "output_buffer": written, "target_metadata": self.models},
        )
        Operations(context).invoke(operation)
        for statement in written.getvalue().split(";\n\n"):
            if text := re.sub(r" +$", "", statement, flags=re.MULTILINE).strip():
                yield Step(text, note)

    def _add_column(self, operation: ops.AddColumnOp) -> Iterator[Step]:
        table, column = operation.table_name, operation.column
        without_value = not column.nullable and column.server_default is None
        alone = ops.AddColumnOp(table, _alone(column))
        yield from self._statements(alone, NEEDS_A_VALUE if without_value else "")
        if column.computed is None:
            for role, kinds in self.rights.get(table, []):
                granted = ", ".join(f"{kind} ({column.name})" for kind in kinds)
                yield Step(f"GRANT {granted} ON {table} TO {role}", CUT_DOWN)


def _alone(column: Column[Any]) -> Column[Any]:
    """Return a column without its keys, indexes and checks, which are added by operations of their own."""
    computed = [Computed(column.computed.sqltext, column.computed.persisted)] if column.computed else []
    given = column.server_default
    default = DefaultClause(given.arg) if isinstance(given, DefaultClause) else None
    return Column(column.name, column.type, *computed, nullable=column.nullable, server_default=default)


def _checks(change: str, these: Catalogue, others: Catalogue) -> Iterator[Step]:
    tables = {part.table for part in these} & {part.table for part in others}
    for part, definition in these.items():
        if part.kind == "check" and part.table in tables and others.get(part) != definition:
            yield Step(change.format(table=part.table, name=part.name, definition=definition))


def _isolation(operation: ops.CreateTableOp) -> Iterator[Step]:
    table = operation.table_name
    columns = {part.name: part for part in operation.columns if isinstance(part, Column)}
    theirs = "user_id" in columns
    yield Step(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    yield Step(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY", "" if theirs else NO_USER)
    if theirs:
        yield Step(POLICY.format(table=table, theirs=IS_THEIRS))
        written = [name for name, column in columns.items() if column.computed is None]
        changed = [name for name in written if not columns[name].primary_key]
        inserts, updates = (", ".join(names) for names in (written, changed))
        yield Step(GRANT.format(table=table, role=APP_ROLE, written=inserts, changed=updates), CUT_DOWN)
