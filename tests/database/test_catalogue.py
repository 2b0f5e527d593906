"""What PostgreSQL's catalogue says of every table with user data, the ones of tomorrow included."""

import re

import psycopg
import pytest

pytestmark = pytest.mark.quick

# Tables that hold user data: those with a user_id, and users itself.
TABLES = """
    SELECT c.oid, relname, CASE relname WHEN 'users' THEN 'id' ELSE 'user_id' END AS user_column
      FROM pg_class AS c
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
       AND (relname = 'users' OR EXISTS (
               SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_id' AND NOT attisdropped))
"""
KEYS = f"""
    SELECT conname,
           (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]), user_column
      FROM pg_constraint JOIN ({TABLES}) AS t ON t.oid = conrelid
     WHERE contype IN ('p', 'u', 'f')
"""
UNIQUE_INDEXES = f"""
    SELECT indexrelid::regclass::text,
           (SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0]), user_column
      FROM pg_index JOIN ({TABLES}) AS t ON t.oid = indrelid
     WHERE indisunique
"""
POLICIES = """
    SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies WHERE schemaname = 'public'
"""
WITNESS_POLICIES = [
    ("tasks", "the witness knows which ids exist", "{taskward_witness}", "true", None),
    ("personal_tokens", "the witness knows whose a token is", "{taskward_witness}", "true", None),
]
JANITOR_POLICIES = [
    (
        "idempotency_keys",
        "the janitor removes what is older than a day",
        "{taskward_janitor}",
        "(stored_at < (now() - '24:00:00'::interval))",
        "false",
    ),
    (
        "deleted_tasks",
        "the janitor removes what is older than 30 days",
        "{taskward_janitor}",
        "(deleted_at < (now() - '30 days'::interval))",
        "(deleted_at = '-infinity'::timestamp with time zone)",
    ),
]
ACCOUNT_POLICIES = [
    (table, "only log-in reaches accounts", "{taskward_accounts}", "true", "true")
    for table in ("accounts", "identities", "refresh_tokens", "ended_tokens")
]
TIE_TO_ITS_ACCOUNT = ("fk_users_account_id_accounts", "account_id", "id")  # the same value, or null
NAME = re.compile(r"(pk|fk|uq|ck)_[a-z_]+")
NOT_NULL = "n"  # named by PostgreSQL itself; a constraint of its own only since 18


def test_the_tables_with_user_data_are_known(superuser: psycopg.Connection) -> None:
    names = {name for _, name, _ in superuser.execute(TABLES)}
    assert names == {
        "users",
        "tasks",
        "deleted_tasks",
        "idempotency_keys",
        "personal_tokens",
    }  # a new one is added here with its tests, in this folder and in http/


def test_row_level_security_is_enabled_and_forced_and_has_a_policy(superuser: psycopg.Connection) -> None:
    walls = superuser.execute(f"""
        SELECT relname, c.relrowsecurity, c.relforcerowsecurity,
               EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)
          FROM pg_class AS c JOIN ({TABLES}) AS t USING (oid, relname)
    """).fetchall()
    assert len(walls) > 1
    assert [wall for wall in walls if not all(wall)] == []


def test_every_policy_but_those_of_roles_with_one_task_asks_for_the_user(superuser: psycopg.Connection) -> None:
    policies = superuser.execute(POLICIES).fetchall()
    exceptions = [*ACCOUNT_POLICIES, *JANITOR_POLICIES, *WITNESS_POLICIES]
    assert sorted(policy[:2] for policy in policies if policy in exceptions) == sorted(e[:2] for e in exceptions)
    for policy in policies:
        if policy not in exceptions:
            _, name, _, using, with_check = policy
            assert "app.user_id" in using, name
            assert using == with_check, name


@pytest.mark.parametrize("query", [KEYS, UNIQUE_INDEXES], ids=["constraints", "unique indexes"])
def test_every_key_begins_with_the_user(superuser: psycopg.Connection, query: str) -> None:
    keys = superuser.execute(query).fetchall()
    assert len(keys) >= 3
    assert [key for key in keys if key[1] != key[2] and key != TIE_TO_ITS_ACCOUNT] == []


def test_what_users_have_goes_with_them(superuser: psycopg.Connection) -> None:
    """Deleting an account deletes its user, and every table must follow by itself."""
    left_behind = f"""
        SELECT relname FROM ({TABLES}) AS t
         WHERE relname <> 'users'
               AND NOT EXISTS (SELECT FROM pg_constraint
                                WHERE conrelid = t.oid AND confrelid = 'users'::regclass AND confdeltype = 'c')
    """
    assert superuser.execute(left_behind).fetchall() == []


def test_every_constraint_has_a_name_that_a_person_gave(superuser: psycopg.Connection) -> None:
    names = superuser.execute(
        f"SELECT conname FROM pg_constraint JOIN ({TABLES}) AS t ON t.oid = conrelid WHERE contype <> %s",
        [NOT_NULL],
    ).fetchall()
    assert len(names) > 6
    assert [name for (name,) in names if not NAME.fullmatch(name)] == []


def test_nothing_with_user_data_belongs_to_the_role_that_acts_for_users(superuser: psycopg.Connection) -> None:
    owned = """
        SELECT relname FROM pg_class
         WHERE relowner IN ('taskward_app'::regrole, 'taskward_accounts'::regrole, 'taskward_witness'::regrole)
    """
    assert superuser.execute(owned).fetchall() == []
