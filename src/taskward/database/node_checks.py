"""Whether the servers with the rows guard them as the coordinator does: a wall missing on one of them is missing.

Asked as `taskward_app`, over the coordinator. A server that is away is told of in the log, and keeps nobody from
the rows of the others.
"""

import json
import logging
from collections.abc import Iterator
from typing import Any

from taskward.database.driver.statement import Statement
from taskward.database.tables import Tables
from taskward.database.transaction import NOBODY, Database

logger = logging.getLogger(__name__)

# How the table or shard `relation` is guarded. Triggers of a shard have its number at the end of their names.
GUARDS = """
    jsonb_build_object(
        'row-level security', CASE WHEN row_security_active(relation) THEN 'on' ELSE 'off' END,
        'rights', has_table_privilege('taskward_app', relation, 'TRUNCATE, TRIGGER, REFERENCES'),
        'policies', (SELECT jsonb_object_agg(polname, jsonb_build_array(
                                polcmd, polpermissive, pg_get_expr(polqual, polrelid),
                                pg_get_expr(polwithcheck, polrelid),
                                (SELECT jsonb_agg(role::regrole ORDER BY role::regrole::text)
                                   FROM unnest(polroles) AS role)))
                       FROM pg_policy WHERE polrelid = relation),
        'triggers', (SELECT jsonb_object_agg(regexp_replace(tgname, '_' || number || '$', ''), tgenabled)
                       FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal))
"""

# Shards are found by their names: Citus hides them from whoever reads pg_class.
OF_SHARDS = """
    SELECT jsonb_build_object(
        'shards', coalesce((
            SELECT jsonb_object_agg(shard::text, jsonb_build_array(logicalrelid, {guards}))
              FROM (SELECT shardid AS number, logicalrelid::text,
                           shard_name(logicalrelid, shardid)::regclass AS shard,
                           shard_name(logicalrelid, shardid)::regclass::oid AS relation
                      FROM pg_dist_shard JOIN pg_dist_placement USING (shardid)
                     WHERE groupid = (SELECT groupid FROM pg_dist_local_group)) AS placed), jsonb_build_object()),
        'roles', (SELECT jsonb_agg(rolname) FROM pg_roles
                   WHERE rolname IN ('taskward_app', 'taskward_accounts', 'taskward_witness', 'taskward_janitor')
                     AND (rolsuper OR rolbypassrls)),
        'unsafe triggers', current_setting('citus.enable_unsafe_triggers'))
"""
ON_EVERY_SERVER = Statement(
    "SELECT nodename || ':' || nodeport AS node, success, result FROM run_command_on_workers(%(command)s::text)",
    {"command": OF_SHARDS.format(guards=GUARDS)},
)
OF_TABLES = """
    SELECT logicalrelid::text AS name, {guards} AS guards
      FROM (SELECT logicalrelid, logicalrelid::oid AS relation, '' AS number FROM pg_dist_partition) AS spread
"""
HERE = Statement(OF_TABLES.format(guards=GUARDS))
MENDED_BY = {
    "row-level security": "ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "rights": "REVOKE TRUNCATE, TRIGGER, REFERENCES ON {} FROM taskward_app",
    "policies": "CREATE POLICY or ALTER POLICY ... ON {}, as the table on the coordinator has them",
    "triggers": "ALTER TABLE {} ENABLE TRIGGER USER, or CREATE TRIGGER as the table on the coordinator has it",
}


async def problems_of_nodes(database: Database, tables: Tables) -> list[str]:
    """Return what is not as it must be on the servers with the rows: the server, the object, and what mends it."""
    async with database.acting_as(NOBODY, checked=False) as transaction:
        here = transaction.execute(HERE)
        there = transaction.execute(ON_EVERY_SERVER)
    wanted = {row["name"]: row["guards"] for row in here.all}
    # Of a migration that ended before its tables were spread.
    left = [table for table in tables.spread if table not in wanted]
    problems = [f"{table} is not spread: run taskward distribute" for table in left]
    for row in there.all:
        if row["success"]:
            problems += [
                f"on {row['node']}, {problem}" for problem in _problems(json.loads(row["result"]), wanted)
            ]
        else:
            logger.warning("it is not known whether rows are guarded on %s: %s", row["node"], row["result"])
    return problems


def _problems(found: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> Iterator[str]:
    for role in found["roles"] or ():
        yield f"the role {role} is above row-level security: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"
    if found["unsafe triggers"] != "on":
        yield (
            "citus.enable_unsafe_triggers is off, so no rows can be moved there: ALTER DATABASE ... SET"
            " citus.enable_unsafe_triggers = on"
        )
    for shard, (table, guards) in found["shards"].items():
        for kind, guard in guards.items():
            if guard != wanted[table][kind]:
                yield f"the {kind} of {shard} are not those of {table}: {MENDED_BY[kind].format(shard)}"
