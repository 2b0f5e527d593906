"""A schema as PostgreSQL itself writes it out, so that two can be compared however each of them was made."""

from typing import NamedTuple

import psycopg
from sqlalchemy import MetaData

from taskward.database.migrate import engine
from taskward.tables import CALLED_BY_CHECKS

# The order of columns is not told: it says nothing. NOT NULL is told with the column; since PostgreSQL 18 it is a
# constraint (n) as well.
PARTS = """
    WITH ours AS (
        SELECT oid, relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version')
    SELECT 'column', relname, attname,
           concat_ws(' ', format_type(atttypid, atttypmod), 'COLLATE ' || nullif(collname, 'default'),
                     CASE WHEN attnotnull THEN 'NOT NULL' END, 'IDENTITY ' || nullif(attidentity::text, ''),
                     CASE attgenerated WHEN '' THEN 'DEFAULT ' WHEN 's' THEN 'STORED ' ELSE 'VIRTUAL ' END
                         || pg_get_expr(adbin, adrelid))
      FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef ON adrelid = ours.oid AND adnum = attnum
      LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    UNION ALL
    SELECT CASE contype WHEN 'c' THEN 'check' ELSE 'constraint' END, relname, conname, pg_get_constraintdef(c.oid)
      FROM ours JOIN pg_constraint AS c ON conrelid = ours.oid AND contype <> 'n'
    UNION ALL
    SELECT 'function', relname, proname, regexp_replace(pg_get_functiondef(p.oid), '\\s+', ' ', 'g')
      FROM ours JOIN pg_constraint AS c ON conrelid = ours.oid
      JOIN pg_depend ON classid = 'pg_constraint'::regclass AND objid = c.oid AND refclassid = 'pg_proc'::regclass
      JOIN pg_proc AS p ON p.oid = refobjid
    UNION ALL
    SELECT 'index', relname, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM ours JOIN pg_index ON indrelid = ours.oid
"""


class Part(NamedTuple):
    """A column, a constraint or an index of a table, or a function that a constraint calls."""

    kind: str
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.table}"


Catalogue = dict[Part, str]


def catalogue(connection: psycopg.Connection) -> Catalogue:
    """Return every part of every table, with its definition as PostgreSQL writes it."""
    return {Part(*names): definition for *names, definition in connection.execute(PARTS)}


def catalogue_of(models: MetaData, address: str) -> Catalogue:
    """Make the tables of the models in the empty database at `address` (libpq), and return their parts."""
    with engine(address).begin() as connection:
        connection.exec_driver_sql(CALLED_BY_CHECKS)
        models.create_all(connection)
    with psycopg.connect(address) as reader:
        return catalogue(reader)


def differences(found: Catalogue, wanted: Catalogue) -> list[str]:
    """Return, for each part that is not the same in both, what it is and what it should be."""
    return [
        f"{part}: {found.get(part, 'none')}, and it should be: {wanted.get(part, 'none')}"
        for part in sorted(found.keys() | wanted.keys())
        if found.get(part) != wanted.get(part)
    ]
