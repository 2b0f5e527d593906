"""The SQL that looks whether users are apart here: roles, tables, policies, grants, and what a stranger sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from taskward.database.driver.statement import Statement
from taskward.database.tables import Tables
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE

ROLE_IS_POWERLESS = Statement("""
    SELECT 'the role ' || rolname || ' ' || CASE
               WHEN rolsuper THEN 'is a superuser'
               WHEN rolbypassrls THEN 'bypasses row-level security'
               ELSE 'can log in' END AS problem
      FROM pg_roles
     WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR rolcanlogin)
""")

TABLES_HAVE_ROW_SECURITY = """
    SELECT 'table ' || relname || ' ' || CASE
               WHEN NOT relrowsecurity THEN 'has row-level security disabled'
               WHEN NOT relforcerowsecurity THEN 'does not force row-level security on its owner'
               WHEN pg_has_role(current_user, relowner, 'MEMBER') THEN 'belongs to ' || current_user
               WHEN has_table_privilege(current_user, t.oid, 'TRUNCATE, TRIGGER, REFERENCES')
               THEN 'can be truncated, or given triggers or references, by ' || current_user
               ELSE 'has no policy that asks for app.user_id' END AS problem
      FROM ({tables}) AS t
     WHERE NOT relrowsecurity OR NOT relforcerowsecurity OR pg_has_role(current_user, relowner, 'MEMBER')
           OR has_table_privilege(current_user, t.oid, 'TRUNCATE, TRIGGER, REFERENCES')
           OR NOT EXISTS (SELECT 1 FROM pg_policy, unnest(polroles) AS role
                           WHERE polrelid = t.oid AND (role = 0 OR pg_has_role(current_user, role, 'MEMBER')))
"""

# Policies are joined by OR: a single one without the identity opens the table.
POLICIES_ASK_WHO = """
    SELECT format('policy "%%s" on table %%s does not ask for app.user_id', polname, relname) AS problem
      FROM pg_policy JOIN ({tables}) AS t ON t.oid = polrelid
     WHERE polpermissive
       AND EXISTS (SELECT 1 FROM unnest(polroles) AS role
                    WHERE role = 0 OR pg_has_role(current_user, role, 'MEMBER'))
       AND (coalesce(pg_get_expr(polqual, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%'
            OR coalesce(pg_get_expr(polwithcheck, polrelid), 'app.user_id') NOT LIKE '%%app.user_id%%')
"""

WRITES_ARE_COUNTED = """
    SELECT 'the trigger that numbers the writes to {table} is off' AS problem
     WHERE NOT EXISTS (SELECT 1 FROM pg_trigger
                        WHERE tgrelid = '{table}'::regclass AND tgname = '{trigger}' AND tgenabled = 'O')
"""

# Asked without an identity, and as somebody who cannot exist: a policy may name the setting and not heed it.
A_STRANGER_SEES_NOTHING = """
    SELECT 'a row can be read by somebody whose row it is not' AS problem
     WHERE {any_row}
"""

# Asked in a transaction that is for somebody who may only read.
READS_ARE_HELD = Statement("""
    SELECT 'a transaction that may only read may write' AS problem
     WHERE current_setting('transaction_read_only') <> 'on'
""")

# Neither of the two roles may reach what is the other's: not by a grant, not by a grant to everybody, and not as a
# member of the other role or of an owner.
REACHED = """
    SELECT format('the role %%s can reach table %%s', current_user, relname) AS problem
      FROM ({tables}) AS t
     WHERE has_table_privilege(current_user, t.oid,
                               'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
           OR has_any_column_privilege(current_user, t.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
           OR pg_has_role(current_user, relowner, 'MEMBER')
           OR pg_has_role(current_user, '{other}', 'MEMBER')
"""
ACCOUNTS_HAVE_ROW_SECURITY = """
    SELECT 'table ' || relname || ' ' || CASE
               WHEN NOT relrowsecurity THEN 'has row-level security disabled'
               WHEN NOT relforcerowsecurity THEN 'does not force row-level security on its owner'
               ELSE 'has a policy for others than ' || current_user END AS problem
      FROM ({tables}) AS t
     WHERE NOT relrowsecurity OR NOT relforcerowsecurity
           OR EXISTS (SELECT 1 FROM pg_policy
                       WHERE polrelid = t.oid AND polroles <> ARRAY[current_user::regrole::oid])
"""

# The policies for these three show every row, and so to a role that inherits from them. ADMIN OPTION alone
# inherits nothing, and migrations need it. Asked of the role that logged in, whose rights a session can always go
# back to. It must be able to become taskward_accounts, and before PostgreSQL 16 whoever can inherits as well, but
# for a role that is NOINHERIT, and so is to all of its roles: there it is not asked.
THE_LOGIN_SEES_NO_MORE = Statement("""
    SELECT format('the role of DATABASE_URL inherits from %%s, for which no policy hides a row: have an'
                  ' administrator run REVOKE %%s%%s FROM %%s GRANTED BY %%s', roleid::regrole,
                  CASE WHEN has_options THEN 'INHERIT OPTION FOR ' END, roleid::regrole,
                  member::regrole, grantor::regrole) AS problem
      FROM pg_auth_members AS membership, pg_roles AS us,
           LATERAL (SELECT to_jsonb(membership) ? 'inherit_option') AS since_16 (has_options)
     WHERE us.rolname = session_user AND NOT us.rolsuper
           AND roleid::regrole::text IN ('taskward_witness', 'taskward_janitor', 'taskward_accounts')
           AND (has_options OR roleid::regrole::text <> 'taskward_accounts')
           AND pg_has_role(us.oid, roleid, 'USAGE') AND pg_has_role(us.oid, member, 'USAGE')
           AND to_jsonb(membership) ->> 'inherit_option' IS DISTINCT FROM 'false'
""")

# What follows is put together from the names that features register, never from a client's words.
OF_ACCOUNTS = (
    "SELECT oid, relname, relowner, relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid IN ({names})"
)

# Tables that hold user data: the ones that statements name, wherever the search path finds them, and whatever else
# beside them has a user_id. An owner, or a member of one, can take a policy away.
OF_USERS = """
    SELECT c.oid, relname, relowner, relrowsecurity, relforcerowsecurity
      FROM pg_class AS c
     WHERE c.oid IN ({names})
        OR (relnamespace IN (SELECT relnamespace FROM pg_class WHERE oid IN ({names}))
            AND relkind IN ('r', 'p')
            AND EXISTS (SELECT 1 FROM pg_attribute
                         WHERE attrelid = c.oid AND attname = 'user_id' AND NOT attisdropped))
"""


@dataclass(frozen=True)
class Checks:
    """The statements that look at these tables, by who asks."""

    of_users: tuple[Statement, ...]
    of_a_stranger: Statement
    of_accounts: tuple[Statement, ...]


@cache
def checks_of(tables: Tables) -> Checks:
    """Return the statements that look at these tables; each row of theirs is a `problem`."""
    of_users = OF_USERS.format(names=_names(tables.of_users))
    of_accounts = OF_ACCOUNTS.format(names=_names(tables.of_accounts))
    any_row = " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables.of_users)
    stranger = Statement(A_STRANGER_SEES_NOTHING.format(any_row=any_row))
    return Checks(
        of_users=(
            ROLE_IS_POWERLESS,
            Statement(TABLES_HAVE_ROW_SECURITY.format(tables=of_users)),
            Statement(POLICIES_ASK_WHO.format(tables=of_users)),
            *(Statement(WRITES_ARE_COUNTED.format(**vars(counted))) for counted in tables.counted),
            stranger,
            Statement(REACHED.format(tables=of_accounts, other=ACCOUNTS_ROLE)),
            THE_LOGIN_SEES_NO_MORE,
        ),
        of_a_stranger=stranger,
        of_accounts=(
            ROLE_IS_POWERLESS,
            Statement(REACHED.format(tables=of_users, other=APP_ROLE)),
            Statement(ACCOUNTS_HAVE_ROW_SECURITY.format(tables=of_accounts)),
        ),
    )


def _names(tables: Sequence[str]) -> str:
    return ", ".join(f"'{table}'::regclass" for table in tables)
