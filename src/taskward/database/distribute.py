"""`taskward distribute`: spreads the rows of users over the servers of a Citus cluster, by user.

All of it is one transaction, under a lock that lets nobody else read or write. **The trigger that numbers writes
is off meanwhile**: it would fire for every row that is copied, and give each task another id and revision, without
a word. So triggers and foreign keys are taken off and put back, and what every table holds is compared before
anything is kept.

It may be run again: it does what is left to do. That is also how the tables of later migrations are spread.
"""

from collections.abc import Mapping, Sequence

import psycopg

from taskward.database.cluster import check_cluster, prepare_nodes
from taskward.database.engine import IS_DISTRIBUTED
from taskward.database.giving_way import LOCK_TIMEOUT, giving_way
from taskward.database.tables import Tables

LATER_LOCK_TIMEOUT = "5s"  # of Citus's own tables, with all of ours held


class ContentsDifferError(Exception):
    """A table does not hold what it held before: nothing is kept. This should never be seen."""


Session = psycopg.Connection[tuple[str, ...]]

# One shard after the other, as keys between tables want it, and no change of roles or functions but as told.
SETTINGS = """
    SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', '0', true),
           set_config('citus.multi_shard_modify_mode', 'sequential', true),
           set_config('citus.enable_unsafe_triggers', 'on', true)
"""

LEFT_TO_DO = """
    SELECT name
      FROM unnest(%(spread)s::text[]) WITH ORDINALITY AS wanted (name, place)
     WHERE NOT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = name::regclass)
     ORDER BY place
"""

# What a table holds, in whatever order; without columns that are computed from others.
CONTENTS = """
    SELECT format('SELECT count(*), coalesce(sum(hashtextextended(ROW(%%s)::text, 0)::numeric), 0) FROM %%s',
                  string_agg(quote_ident(attname), ', ' ORDER BY attnum), attrelid::regclass)
      FROM pg_attribute
     WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     GROUP BY attrelid
"""

USER_COLUMN = """
    SELECT CASE WHEN count(*) = 1 THEN 'user_id' ELSE 'id' END
      FROM pg_attribute
     WHERE attrelid = %(table)s::regclass AND attname = 'user_id' AND NOT attisdropped
"""

TRIGGERS = """
    SELECT format('DROP TRIGGER %%I ON %%s', tgname, tgrelid::regclass), pg_get_triggerdef(oid)
      FROM pg_trigger
     WHERE tgrelid = ANY (%(tables)s::regclass[]) AND NOT tgisinternal
"""

TRIGGER_FUNCTIONS = """
    SELECT DISTINCT tgfoid::regprocedure::text
      FROM pg_trigger
     WHERE tgrelid = ANY (%(tables)s::regclass[]) AND NOT tgisinternal
"""

# A key between a table that is spread and one that is not cannot be: it is not put back.
FOREIGN_KEYS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
           CASE WHEN conrelid = ANY (%(spread)s::regclass[]) AND confrelid = ANY (%(spread)s::regclass[])
                THEN format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
                            conrelid::regclass, conname, pg_get_constraintdef(oid)) END
      FROM pg_constraint
     WHERE contype = 'f'
       AND (conrelid = ANY (%(tables)s::regclass[]) OR confrelid = ANY (%(tables)s::regclass[]))
"""

# Citus names every column with a default when it writes to a shard, so whoever inserts must be allowed to.
GRANTS = """
    SELECT format('GRANT INSERT (%%s) ON %%s TO taskward_app', string_agg(quote_ident(attname), ', '),
                  attrelid::regclass)
      FROM pg_attribute
     WHERE attrelid = ANY (%(tables)s::regclass[]) AND atthasdef AND attgenerated = '' AND NOT attisdropped
       AND has_any_column_privilege('taskward_app', attrelid, 'INSERT')
     GROUP BY attrelid
"""

# A sequence goes where the table goes that owns it. Ids are given by the coordinator alone.
SEQUENCES = """
    SELECT format('ALTER SEQUENCE %%s OWNED BY NONE', objid::regclass)
      FROM pg_depend JOIN pg_class ON pg_class.oid = objid AND relkind = 'S'
     WHERE refobjid = ANY (%(tables)s::regclass[]) AND deptype = 'a'
"""

OWNED_BY_OTHERS = """
    SELECT proowner::regrole::text
      FROM unnest(%(functions)s::text[]) AS name JOIN pg_proc ON pg_proc.oid = name::regprocedure
     WHERE NOT pg_has_role(proowner, 'USAGE')
"""

# Who may call what runs with the rights of others. Citus sends the function to other servers, and not this.
RIGHTS = """
    SELECT format('REVOKE ALL ON FUNCTION %%s FROM PUBLIC', oid::regprocedure)
      FROM pg_proc
     WHERE oid = ANY (%(functions)s::regprocedure[]) AND prosecdef
       AND NOT EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
     UNION ALL
    SELECT format('GRANT EXECUTE ON FUNCTION %%s TO %%s', pg_proc.oid::regprocedure, grantee::regrole)
      FROM pg_proc, aclexplode(proacl)
     WHERE pg_proc.oid = ANY (%(functions)s::regprocedure[]) AND prosecdef AND grantee NOT IN (0, proowner)
"""

IDENTITY = "NULLIF(current_setting('app.user_id'::text, true), ''::text)"  # as PostgreSQL writes it

# Whoever asks without an identity is refused, and not told that there is nothing. It is part of the policy that
# compares users: Citus 14.0 makes restrictive policies permissive, and such a one would show everybody all rows.
POLICIES = """
    SELECT format('ALTER POLICY %%I ON %%s USING (%%s) WITH CHECK (%%s)', polname, polrelid::regclass, asks, asks)
      FROM pg_policy,
           LATERAL (SELECT replace(pg_get_expr(polqual, polrelid), %(identity)s, %(arrived)s)) AS changed (asks)
     WHERE polrelid = ANY (%(tables)s::regclass[]) AND pg_get_expr(polqual, polrelid) LIKE '%%app.user_id%%'
"""


def is_distributed(conninfo: str) -> bool:
    """Tell whether rows of users are spread, at this address (libpq)."""
    with psycopg.connect(conninfo) as owner:
        return owner.execute(IS_DISTRIBUTED.encode()).fetchone() == (True,)


def distribute(conninfo: str, tables: Tables) -> list[str]:
    """Spread those of `tables` that are not spread yet, and return them; `conninfo` (libpq) is of their owner.

    Raises CannotDistributeError where the cluster is not as it must be, ContentsDifferError, and psycopg.Error.
    Then nothing has happened that matters.
    """
    with psycopg.connect(conninfo, autocommit=True) as owner:
        check_cluster(owner, tables)
        prepare_nodes(owner)
    return giving_way(lambda: _distribute(conninfo, tables), what="distributing")


def _distribute(conninfo: str, tables: Tables) -> list[str]:
    with psycopg.connect(conninfo) as owner:  # whose connections to other servers know what was prepared
        owner.execute(SETTINGS, [LOCK_TIMEOUT])
        left = [name for (name,) in owner.execute(LEFT_TO_DO, {"spread": list(tables.spread)})]
        if left:
            _spread(owner, tables, left)
    return left


def _spread(owner: Session, tables: Tables, left: Sequence[str]) -> None:
    owner.execute(
        f"LOCK TABLE {', '.join([*tables.of_users, *tables.of_accounts])} IN ACCESS EXCLUSIVE MODE".encode()
    )
    owner.execute("SELECT set_config('lock_timeout', %s, true)", [LATER_LOCK_TIMEOUT])
    names = {"tables": list(left), "spread": list(tables.spread)}
    arrived = {"identity": IDENTITY, "arrived": f"arrived({IDENTITY})"}
    before = _contents(owner, left)
    functions = [function for (function,) in owner.execute(TRIGGER_FUNCTIONS, names)]
    put_back = _take_off(owner, names)
    _run(owner, [change for (change,) in owner.execute(SEQUENCES, names)])
    _run(owner, [change for (change,) in owner.execute(POLICIES, names | arrived)])
    first, *_ = tables.spread
    for table in left:
        (column,) = owner.execute(USER_COLUMN, {"table": table}).fetchone() or ("",)
        with_others = "default" if table == first else first
        owner.execute("SELECT create_distributed_table(%s, %s, colocate_with => %s)", [table, column, with_others])
    _spread_functions(owner, [*functions, *tables.functions_of_rows])
    _run(owner, put_back)
    _run(owner, [grant for (grant,) in owner.execute(GRANTS, names)])
    after = _contents(owner, left)
    if different := [table for table in left if before[table] != after[table]]:
        raise ContentsDifferError(
            f"{', '.join(different)} would not hold what they held before. Nothing was changed. Please report this"
        )


def _contents(owner: Session, tables: Sequence[str]) -> Mapping[str, tuple[str, ...] | None]:
    """Return how many rows each table has, and a sum over them that any change would change."""
    contents = {}
    for table in tables:
        (question,) = owner.execute(CONTENTS, {"table": table}).fetchone() or ("",)
        contents[table] = owner.execute(question.encode()).fetchone()
    return contents


def _take_off(owner: Session, names: dict[str, list[str]]) -> list[str]:
    """Drop triggers and foreign keys, and return the statements that put them back."""
    keys = owner.execute(FOREIGN_KEYS, names).fetchall()
    triggers = owner.execute(TRIGGERS, names).fetchall()
    _run(owner, [drop for drop, _ in [*triggers, *keys]])
    return [create for _, create in [*keys, *triggers] if create]


def _spread_functions(owner: Session, functions: Sequence[str]) -> None:
    """Have functions on every server. That takes being a member of who owns them, and their right to create."""
    others = [name for (name,) in owner.execute(OWNED_BY_OTHERS, {"functions": list(functions)})]
    (schema,) = owner.execute("SELECT quote_ident(current_schema())").fetchone() or ("",)
    for other in others:
        _run(owner, [f"GRANT {other} TO CURRENT_USER", f"GRANT CREATE ON SCHEMA {schema} TO {other}"])
    for function in functions:
        owner.execute("SELECT create_distributed_function(%s)", [function])
    _run(owner, [right for (right,) in owner.execute(RIGHTS, {"functions": list(functions)})])
    for other in others:
        _run(owner, [f"REVOKE CREATE ON SCHEMA {schema} FROM {other}", f"REVOKE {other} FROM CURRENT_USER"])


def _run(owner: Session, statements: Sequence[str]) -> None:
    for statement in statements:
        owner.execute(statement.encode())
