"""What PostgreSQL allows everybody in a database, and nobody in this one needs: all of it takes room or locks.

Only a superuser can take back what is about functions of PostgreSQL itself, and it is taken from everybody in the
database. So it is done here, where both the server and the database are ours, and is nowhere else a migration's.
"""

import psycopg
from psycopg import sql

# The functions of large objects (PostgreSQL manual, "Large Objects") and advisory locks, of which the role that
# migrates takes one. Looked for first: a start that changes nothing should write nothing.
REVOKE_FUNCTIONS = """
    DO $$
    DECLARE
        one regprocedure;
    BEGIN
        FOR one IN
            SELECT oid FROM pg_proc
             WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
                   AND (proname ~ '^lo_' OR proname IN ('loread', 'lowrite') OR proname ~ '^pg_.*advisory')
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
            IF one::text ~ 'advisory' THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {owner}', one);
            END IF;
        END LOOP;
    END
    $$
"""


def take_needless_rights(connection: psycopg.Connection, owner: str) -> None:
    """Revoke them from everybody but the `owner` of the database that a superuser is connected to."""
    name, database = sql.Identifier(owner), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))
    connection.execute(sql.SQL(REVOKE_FUNCTIONS).format(owner=name))
