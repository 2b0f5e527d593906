"""What the role that acts for users may not do, and what the role that logs in may not see."""

import psycopg
import pytest

from taskward.database.driver.statement import Statement
from taskward.database.transaction import Database, Transaction
from taskward.database.url import conninfo
from taskward.errors import ForbiddenError
from taskward.features import TABLES
from taskward.tasks.statements import TASK_EXISTS

AN_ACCOUNT = """
    INSERT INTO accounts (id, email, password_hash)
    VALUES ('usr_' || repeat('a', 28), 'alice@example.com', 'a hash')
"""

REFUSED = [
    "UPDATE tasks SET user_id = 'bob'",
    "UPDATE tasks SET id = DEFAULT",
    "UPDATE tasks SET revision = 1",
    "UPDATE tasks SET created_at = now()",
    "UPDATE tasks SET updated_at = now()",
    "INSERT INTO tasks (user_id, id, title) OVERRIDING SYSTEM VALUE VALUES ('alice', 1, 'Mine')",
    "INSERT INTO tasks (user_id, title, revision) VALUES ('alice', 'Mine', 1)",
    "INSERT INTO tasks (user_id, title, created_at) VALUES ('alice', 'Mine', now())",
    "UPDATE users SET id = 'bob'",
    "UPDATE users SET created_at = now()",
    "INSERT INTO users (id, revision) VALUES ('alice', 7)",
    "UPDATE deleted_tasks SET deleted_at = now()",
    "UPDATE deleted_tasks SET user_id = 'bob'",
    "DELETE FROM deleted_tasks",
    "TRUNCATE deleted_tasks",
    "TRUNCATE tasks",
    "TRUNCATE users CASCADE",
    "UPDATE users SET account_id = DEFAULT",
    "SELECT count(*) FROM accounts",
    "SELECT password_hash FROM accounts",
    "INSERT INTO accounts (id) VALUES ('usr_')",
    "UPDATE accounts SET password_hash = ''",
    "DELETE FROM accounts",
    "SELECT count(*) FROM refresh_tokens",
    "DELETE FROM refresh_tokens",
    "SELECT count(*) FROM identities",
    "INSERT INTO identities (issuer, subject, account_id) VALUES ('i', 's', 'usr_')",
    "DELETE FROM identities",
    "SELECT token_hash FROM personal_tokens",
    "SELECT count(*) FROM personal_tokens WHERE token_hash = sha256('x')",
    "UPDATE personal_tokens SET expires_at = 'infinity'",
    "UPDATE personal_tokens SET scopes = '{tasks:write}'",
    "UPDATE personal_tokens SET user_id = 'bob'",
    "SELECT find_token(sha256('x'))",
    "SELECT count(*) FROM ended_tokens",
    "DELETE FROM ended_tokens",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE TABLE loot (id int)",
    "SELECT rolpassword FROM pg_authid",
    "SET SESSION AUTHORIZATION postgres",
    "SET ROLE postgres",
    "SET ROLE taskward_witness",
    "SET session_replication_role = replica",
    "COPY tasks TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
]

REFUSED_TO_LOG_IN = [
    "SELECT count(*) FROM tasks",
    "SELECT id FROM users",
    "DELETE FROM users",
    "INSERT INTO tasks (user_id, title) VALUES ('alice', 'Mine')",
    "SELECT count(*) FROM idempotency_keys",
    "SELECT count(*) FROM deleted_tasks",
    "DELETE FROM deleted_tasks",
    "SELECT purge_deleted_tasks(1)",
    "SELECT forget_deleted_tasks(1)",
    "SELECT task_exists(1)",
    "SELECT purge_idempotency_keys(1)",
    "SELECT count(*) FROM personal_tokens",
    "SELECT user_id FROM personal_tokens",
    "DELETE FROM personal_tokens",
    "UPDATE ended_tokens SET ended_at = now()",
    "UPDATE accounts SET id = id",
    "UPDATE accounts SET email = 'bob@example.com'",
    "UPDATE refresh_tokens SET account_id = 'bob'",
    "UPDATE identities SET account_id = 'bob'",
    "UPDATE identities SET subject = 'bob'",
    "TRUNCATE accounts CASCADE",
    "CREATE TABLE loot (id int)",
    "SET ROLE postgres",
    "SELECT pg_read_file('postgresql.conf')",
]

FOR_THE_OWNER_ALONE = [
    "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE tasks DISABLE TRIGGER ALL",
    'DROP POLICY "users see and change only what is their own" ON tasks',
    "CREATE POLICY everybody ON tasks USING (true)",
    "DROP TABLE tasks",
    "ALTER FUNCTION task_exists(bigint) OWNER TO taskward_app",
    "CREATE OR REPLACE FUNCTION tasks_take_the_next_revision() RETURNS trigger LANGUAGE sql AS ''",
]


async def denied(acting: Transaction, text: str) -> None:
    with pytest.raises(ForbiddenError) as refusal:
        async with acting as transaction:
            transaction.execute(Statement(text))
    assert "permission denied" in str(refusal.value.__cause__)


@pytest.mark.parametrize("text", REFUSED)
async def test_taskward_app_is_denied(database: Database, alices_tasks: list[int], text: str) -> None:
    await denied(database.acting_as("alice"), text)


@pytest.mark.parametrize("text", REFUSED_TO_LOG_IN)
async def test_taskward_accounts_is_denied(database: Database, alices_tasks: list[int], text: str) -> None:
    await denied(database.acting_for_accounts("alice"), text)


async def test_nobody_can_delete_another_user(
    database: Database, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    async with database.acting_as("bob") as transaction:
        transaction.execute(Statement("DELETE FROM users RETURNING id"))
    assert superuser.execute("SELECT id, task_count FROM users").fetchall() == [("alice", 2)]


@pytest.mark.parametrize("text", FOR_THE_OWNER_ALONE)
async def test_taskward_app_owns_nothing(database: Database, text: str) -> None:
    with pytest.raises(ForbiddenError) as refusal:
        async with database.acting_as("alice") as transaction:
            transaction.execute(Statement(text))
    assert "must be owner" in str(refusal.value.__cause__) or "permission denied" in str(refusal.value.__cause__)


async def test_the_role_that_logs_in_sees_and_changes_no_row(
    database_url: str, alices_tasks: list[int], superuser: psycopg.Connection
) -> None:
    superuser.execute(AN_ACCOUNT)
    with psycopg.connect(conninfo(database_url), autocommit=True) as owner:
        assert owner.execute("SELECT current_user").fetchone() == ("taskward",)
        for table in TABLES.names:
            assert owner.execute(f"SELECT * FROM {table}").fetchall() == []
            assert owner.execute(f"DELETE FROM {table}").rowcount == 0
    assert superuser.execute("SELECT count(*) FROM tasks").fetchone() == (2,)
    assert superuser.execute("SELECT count(*) FROM accounts").fetchone() == (1,)


def test_nobody_inherits_what_requests_run_as(superuser: psycopg.Connection) -> None:
    members = """
        SELECT roleid::regrole::text, member::regrole::text, bool_or(inherit_option), bool_or(set_option)
          FROM pg_auth_members WHERE roleid IN ('taskward_app'::regrole, 'taskward_accounts'::regrole)
         GROUP BY roleid, member ORDER BY 1
    """
    assert superuser.execute(members).fetchall() == [
        ("taskward_accounts", "taskward", False, True),
        ("taskward_app", "taskward", False, True),
    ]


async def test_task_exists_answers_yes_or_no_and_nothing_else(database: Database, alices_tasks: list[int]) -> None:
    for task_id, answer in ((alices_tasks[0], True), (2**62, False)):
        async with database.acting_as("bob") as transaction:
            exists = transaction.execute(TASK_EXISTS, task_id=task_id)
        assert exists.all == [{"it_does": answer}]


def test_nobody_can_become_the_witness_or_has_its_rights(superuser: psycopg.Connection) -> None:
    members = """
        SELECT member::regrole::text FROM pg_auth_members
         WHERE roleid = 'taskward_witness'::regrole AND (inherit_option OR set_option)
    """
    assert superuser.execute(members).fetchall() == []
    roles = superuser.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'taskward_witness'").fetchall()
    assert roles == [(False,)]


def test_the_witness_reads_what_its_two_functions_answer_and_nothing_else(superuser: psycopg.Connection) -> None:
    readable = """
        SELECT c.relname || '.' || attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
           AND has_column_privilege('taskward_witness', attrelid, attnum, 'SELECT')
    """
    of_tokens = ("expires_at", "id", "last_used_on", "scopes", "token_hash", "user_id")
    assert sorted(superuser.execute(readable).fetchall()) == [
        *((f"personal_tokens.{column}",) for column in of_tokens),
        ("tasks.id",),
    ]


def test_only_taskward_app_may_ask_the_witness(superuser: psycopg.Connection) -> None:
    grants = "SELECT grantee::regrole::text FROM pg_proc, aclexplode(proacl) WHERE proname = 'task_exists'"
    assert sorted(superuser.execute(grants).fetchall()) == [("taskward_app",), ("taskward_witness",)]


def test_only_taskward_accounts_may_ask_whose_a_token_is(superuser: psycopg.Connection) -> None:
    grants = "SELECT grantee::regrole::text FROM pg_proc, aclexplode(proacl) WHERE proname = 'find_token'"
    assert sorted(superuser.execute(grants).fetchall()) == [("taskward_accounts",), ("taskward_witness",)]
