"""What a Citus cluster must be for Taskward, on every server of it, and what the tables' owner can set there.

What is wrong is told with the server, the object and the statement that mends it.
"""

from collections.abc import Iterator
from contextlib import suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskward.database.tables import Tables

OLDEST_CITUS = 14
LOG_IN = ("taskward_app", "taskward_witness", "taskward_janitor")  # as these Citus asks for rows

Session = psycopg.Connection[tuple[str, ...]]


class CannotDistributeError(Exception):
    """The database or the cluster is not as it must be; the message says what is wrong, and what mends it."""


NOT_THE_COORDINATOR = (
    "this server is not the coordinator of its cluster: have DATABASE_URL lead to that one, and to nothing but"
    " its standbys"
)

HAS_CITUS = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
IS_COORDINATOR = "SELECT 1 FROM pg_dist_local_group WHERE groupid = 0"
WORKERS = "SELECT nodename || ':' || nodeport FROM pg_dist_node WHERE noderole = 'primary' AND shouldhaveshards"
OWNER = """
    SELECT rolsuper OR rolbypassrls, rolsuper OR rolcreaterole,
           rolsuper OR (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()),
           quote_ident(rolname), quote_ident(current_database())
      FROM pg_roles WHERE rolname = current_user
"""
# Whatever else has a user_id, or stands between tables, is not known to be as it must be.
UNKNOWN = """
    SELECT relname
      FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
       AND relname <> ALL (%(known)s::text[])
       AND (EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'user_id')
            OR EXISTS (SELECT 1 FROM pg_constraint
                        WHERE contype = 'f' AND (conrelid = pg_class.oid OR confrelid = pg_class.oid)))
     ORDER BY relname
"""
# Roles that cannot log in are those of every server; where rows are, Citus comes as them.
LET_THEM_LOG_IN = "SET citus.enable_ddl_propagation = off; ALTER ROLE {role} LOGIN"
ON_WORKERS = "SELECT nodename || ':' || nodeport, success, result FROM run_command_on_workers(%s)"


def check_entry(conninfo: str) -> None:
    """Raise CannotDistributeError where `conninfo` (libpq) leads to a worker: no account is there, and no id.

    Of several hosts each one is asked, as the service comes to it when those before it are away. Standbys of the
    coordinator may be among them.
    """
    with psycopg.connect(conninfo) as owner:
        if not owner.execute(HAS_CITUS).fetchone():
            return
    for host, entry in _entries(conninfo):
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(entry) as owner,
        ):  # away, or a standby
            if not owner.execute(IS_COORDINATOR).fetchone():
                raise CannotDistributeError(f"{host}: {NOT_THE_COORDINATOR}")


def _entries(conninfo: str) -> Iterator[tuple[str, str]]:
    """Give each host of an address, and the address with that one alone."""
    given = conninfo_to_dict(conninfo)
    if "hostaddr" in given:
        yield str(given["hostaddr"]), conninfo
        return
    hosts, ports = (str(given.get(name) or "").split(",") for name in ("host", "port"))
    for host, port in zip(hosts, ports * (len(hosts) if len(ports) == 1 else 1), strict=True):
        yield f"{host}:{port}".rstrip(":"), make_conninfo(conninfo, host=host, port=port)


def check_cluster(owner: Session, tables: Tables) -> None:
    """Raise CannotDistributeError unless the rows of `tables` can be spread by their `owner` over this cluster."""
    if not (found := owner.execute(HAS_CITUS).fetchone()):
        raise CannotDistributeError(
            "this database has no Citus: on every server of the cluster, have a superuser run CREATE EXTENSION"
            " citus in the database of this name"
        )
    if int(found[0].split(".")[0].split("-")[0]) < OLDEST_CITUS:
        raise CannotDistributeError(f"Citus {found[0]} is too old: use {OLDEST_CITUS} or newer")
    if not owner.execute(IS_COORDINATOR).fetchone():
        raise CannotDistributeError(NOT_THE_COORDINATOR)
    if not owner.execute(WORKERS).fetchall():
        raise CannotDistributeError(
            "no server of the cluster takes rows: have a superuser run SELECT citus_add_node('its host', 5432) on"
            " the coordinator, for each"
        )
    _check_owner(owner)
    known = [*tables.names, "alembic_version"]
    if unknown := [name for (name,) in owner.execute(UNKNOWN, {"known": known})]:
        raise CannotDistributeError(
            f"{', '.join(unknown)}: not a table of this Taskward, though it has a user_id or a foreign key. Move"
            " it to another schema or database, or run the newer Taskward that made it"
        )


def _check_owner(owner: Session) -> None:
    bypasses, creates_roles, owns_database, role, database = owner.execute(OWNER).fetchone() or ("",) * 5
    missing = [
        statement
        for there, statement in (
            (bypasses, f"ALTER ROLE {role} BYPASSRLS"),  # or copies and moves of rows see none
            (creates_roles, f"ALTER ROLE {role} CREATEROLE"),
            (owns_database, f"ALTER DATABASE {database} OWNER TO {role} (on every server)"),
        )
        if not there
    ]
    if missing:
        raise CannotDistributeError(
            f"{role} lacks what distributing takes: have a superuser run {'; '.join(missing)} on the coordinator"
        )


def prepare_nodes(owner: Session) -> None:
    """Set what every server needs, which may be done again: nothing of it matters before rows are spread."""
    (database,) = owner.execute("SELECT quote_ident(current_database())").fetchone() or ("",)
    # Citus holds every trigger for unsafe. Ours touch rows of the one user alone, which are on the same server.
    owner.execute(f"ALTER DATABASE {database} SET citus.enable_unsafe_triggers = on".encode())
    for role in LOG_IN:
        statement = LET_THEM_LOG_IN.format(role=role)
        for node, success, result in owner.execute(ON_WORKERS, [statement]).fetchall():
            if not success:
                raise CannotDistributeError(
                    f"on {node}, have a superuser run {statement} ({' '.join(result.split())})"
                )
