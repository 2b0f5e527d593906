"""The service refuses to start when row-level security has a gap, and says which."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from taskward.api.state import state_of
from taskward.app import create_app
from taskward.database.driver.statement import Statement
from taskward.database.migrate import migrate
from taskward.database.startup_check import (
    IsolationError,
    NotMigratedError,
    UnfitDatabaseError,
    check_isolation,
    check_isolation_at,
    warn_of_an_old_server,
)
from taskward.database.transaction import Database
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from taskward.errors import DatabaseUnavailableError
from taskward.features import TABLES
from taskward.settings import Settings
from taskward.tasks.statements import READ_TASK
from tests.conftest import SECRET
from tests.database.transactions import read_as

pytestmark = pytest.mark.quick

GAPS_IN_THIS_DATABASE = {
    "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY": "table tasks has row-level security disabled",
    "ALTER TABLE users DISABLE ROW LEVEL SECURITY": "table users has row-level security disabled",
    "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY": "table tasks does not force row-level security",
    "ALTER TABLE users NO FORCE ROW LEVEL SECURITY": "table users does not force row-level security",
    'DROP POLICY "users see and change only what is their own" ON users': "table users has no policy",
    'DROP POLICY "users see and change only what is their own" ON tasks': "table tasks has no policy",
    "CREATE POLICY everybody ON tasks USING (true)": 'policy "everybody" on table tasks does not ask',
    "CREATE POLICY readers ON users FOR SELECT TO taskward_app USING (true)": 'policy "readers" on table users',
    "CREATE POLICY writers ON tasks FOR INSERT WITH CHECK (true)": 'policy "writers" on table tasks',
    "ALTER TABLE tasks OWNER TO taskward_app": "table tasks belongs to taskward_app",
    "CREATE TABLE notes (user_id text, note text)": "table notes has row-level security disabled",
    "REVOKE SELECT ON tasks FROM taskward_app": "lacks a grant",
    "GRANT TRUNCATE ON tasks TO taskward_app": "table tasks can be truncated",
    "ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY": "table idempotency_keys does not force",
    "ALTER TABLE tasks DISABLE TRIGGER take_the_next_revision": "the trigger that numbers the writes",
    "ALTER TABLE deleted_tasks DISABLE ROW LEVEL SECURITY": "table deleted_tasks has row-level security disabled",
    "ALTER TABLE deleted_tasks NO FORCE ROW LEVEL SECURITY": "table deleted_tasks does not force",
    "CREATE POLICY all_of_them ON deleted_tasks USING (true)": 'policy "all_of_them" on table deleted_tasks',
    "GRANT SELECT ON deleted_tasks TO taskward_accounts": "taskward_accounts can reach table deleted_tasks",
    "ALTER TABLE users DISABLE TRIGGER begin_with_a_marker": "numbers the writes to users is off",
    "ALTER TABLE personal_tokens DISABLE ROW LEVEL SECURITY": "table personal_tokens has row-level",
    "ALTER TABLE personal_tokens NO FORCE ROW LEVEL SECURITY": "table personal_tokens does not force",
    "CREATE POLICY all_of_them ON personal_tokens USING (true)": 'policy "all_of_them" on table personal_tokens',
    "GRANT SELECT ON personal_tokens TO taskward_accounts": "taskward_accounts can reach table personal_tokens",
    "ALTER TABLE personal_tokens DISABLE TRIGGER leave_the_hash": "writes to personal_tokens is off",
    "GRANT SELECT ON ended_tokens TO taskward_app": "taskward_app can reach table ended_tokens",
    "ALTER TABLE ended_tokens NO FORCE ROW LEVEL SECURITY": "table ended_tokens does not force",
    "GRANT SELECT ON accounts TO taskward_app": "taskward_app can reach table accounts",
    "GRANT SELECT (password_hash) ON accounts TO PUBLIC": "taskward_app can reach table accounts",
    "GRANT DELETE ON refresh_tokens TO taskward_app": "taskward_app can reach table refresh_tokens",
    "GRANT SELECT ON identities TO taskward_app": "taskward_app can reach table identities",
    "ALTER TABLE identities DISABLE ROW LEVEL SECURITY": "table identities has row-level security disabled",
    "ALTER TABLE accounts OWNER TO taskward_app": "taskward_app can reach table accounts",
    "GRANT SELECT (title) ON tasks TO taskward_accounts": "taskward_accounts can reach table tasks",
    "GRANT SELECT ON users TO PUBLIC": "taskward_accounts can reach table users",
    "GRANT DELETE ON idempotency_keys TO taskward_accounts": "taskward_accounts can reach table idempotency_keys",
    "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY": "table accounts has row-level security disabled",
    "ALTER TABLE refresh_tokens NO FORCE ROW LEVEL SECURITY": "table refresh_tokens does not force",
    "CREATE POLICY everybody ON accounts USING (true)": "table accounts has a policy for others",
}

A_ROW_IS_SEEN = "a row can be read by somebody whose row it is not"

ROLES = ("taskward_app", "taskward_accounts")
GAPS_IN_THE_ROLE = {
    "BYPASSRLS": "bypasses row-level security",
    "SUPERUSER": "is a superuser",
    "LOGIN": "can log in",
}


async def test_a_healthy_database_passes(database: Database, alices_tasks: list[int]) -> None:
    await check_isolation(database, TABLES)


@pytest.mark.parametrize("gap", GAPS_IN_THIS_DATABASE)
async def test_a_gap_in_the_database_is_refused_by_name(
    database: Database, settings: Settings, superuser: psycopg.Connection, gap: str
) -> None:
    superuser.execute(gap)
    await refuses(database, settings, GAPS_IN_THIS_DATABASE[gap])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("attribute", GAPS_IN_THE_ROLE)
async def test_a_role_with_too_much_power_is_refused(
    database: Database, settings: Settings, superuser: psycopg.Connection, role: str, attribute: str
) -> None:
    with changed_role(superuser, f"ALTER ROLE {role} {attribute}", f"ALTER ROLE {role} NO{attribute}"):
        await refuses(database, settings, f"the role {role} {GAPS_IN_THE_ROLE[attribute]}")
    await check_isolation(database, TABLES)


@pytest.mark.parametrize(("role", "other"), [ROLES, ROLES[::-1]])
async def test_a_role_that_can_become_the_other_is_refused(
    database: Database, settings: Settings, superuser: psycopg.Connection, role: str, other: str
) -> None:
    with changed_role(superuser, f"GRANT {other} TO {role}", f"REVOKE {other} FROM {role}"):
        await refuses(database, settings, f"the role {role} can reach table ")
    await check_isolation(database, TABLES)


@pytest.mark.parametrize("made", ["taskward_witness", "taskward_janitor", "taskward_accounts"])
async def test_a_login_role_that_inherits_from_one_that_sees_everything_is_refused_with_the_cure(
    database: Database, settings: Settings, superuser: psycopg.Connection, made: str
) -> None:
    cure = f"REVOKE INHERIT OPTION FOR {made} FROM taskward GRANTED BY postgres"
    with changed_role(superuser, f"GRANT {made} TO taskward WITH INHERIT TRUE, SET FALSE", cure):
        await refuses(database, settings, f"inherits from {made}, for which no policy hides a row: ")
        with pytest.raises(IsolationError, match=f"have an administrator run {cure}$"):
            await check_isolation(database, TABLES)
    await check_isolation(database, TABLES)


async def test_a_role_in_between_hides_no_such_gap(
    database: Database, settings: Settings, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE ROLE operators ROLE taskward; GRANT taskward_witness TO operators")
    try:
        cure = "run REVOKE INHERIT OPTION FOR taskward_witness FROM operators GRANTED BY postgres"
        await refuses(database, settings, cure)
    finally:
        superuser.execute("DROP ROLE operators")
    await check_isolation(database, TABLES)


async def test_who_may_only_hand_on_such_a_role_passes(database: Database, superuser: psycopg.Connection) -> None:
    admin = "SELECT pg_has_role('taskward', 'taskward_witness', 'MEMBER WITH ADMIN OPTION')"
    assert superuser.execute(admin).fetchone() == (True,)
    await check_isolation(database, TABLES)


async def test_a_superuser_has_all_rights_of_all_roles_and_passes(database_url: str) -> None:
    database = Database(conninfo(database_url.replace("//taskward@", "//postgres@")), pool_size=1, max_overflow=0)
    await check_isolation(database, TABLES)
    await database.close()


async def test_a_policy_that_lets_a_row_through_to_nobody_is_refused(
    database: Database, settings: Settings, superuser: psycopg.Connection, alices_tasks: list[int]
) -> None:
    open_to_nobody = "coalesce(current_setting('app.user_id', true), '') IN ('', user_id)"
    superuser.execute(f"CREATE POLICY careless ON tasks USING ({open_to_nobody})")
    await refuses(database, settings, A_ROW_IS_SEEN)


async def test_a_policy_that_names_the_user_and_does_not_heed_it_is_refused(
    database: Database, settings: Settings, superuser: psycopg.Connection, alices_tasks: list[int]
) -> None:
    superuser.execute("CREATE POLICY careless ON tasks USING (current_setting('app.user_id', true) <> '')")
    await refuses(database, settings, A_ROW_IS_SEEN)


async def test_a_schema_in_the_way_hides_no_gap(
    database: Database, settings: Settings, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE SCHEMA taskward_app")
    superuser.execute("GRANT USAGE ON SCHEMA taskward_app TO taskward_app")
    superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    await refuses(database, settings, "table tasks has row-level security disabled")


async def test_a_login_role_that_cannot_act_for_users_is_refused(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE ROLE charlie LOGIN")
    try:
        stranger = database_url.replace("//taskward@", "//charlie@")
        database = Database(conninfo(stranger), pool_size=1, max_overflow=0)
        try:
            await refuses(
                database, Settings(DATABASE_URL=stranger, JWT_SECRET_KEY=SECRET), "cannot act as taskward_app"
            )
        finally:
            await database.close()
    finally:
        superuser.execute("DROP ROLE charlie")


SESSIONS = {
    "row_security": ("off", "row_security = off, but Taskward needs on"),
    "session_replication_role": ("replica", "session_replication_role = replica, but Taskward needs origin"),
    "default_transaction_isolation": (
        "'repeatable read'",
        "default_transaction_isolation = repeatable read, but Taskward needs read committed",
    ),
}


@pytest.mark.parametrize("name", SESSIONS)
async def test_a_database_whose_sessions_begin_wrongly_is_refused_with_the_way_out(
    database: Database, settings: Settings, superuser: psycopg.Connection, name: str
) -> None:
    value, problem = SESSIONS[name]
    superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET {name} = {value}".encode())
    await refuses(database, settings, problem)
    with pytest.raises(UnfitDatabaseError, match=r"ALTER DATABASE \.\.\. RESET"):
        await check_isolation(database, TABLES)


async def test_what_sessions_begin_with_and_does_not_matter_does_not_matter(
    database: Database, superuser: psycopg.Connection, alices_tasks: list[int]
) -> None:
    for setting in (
        "datestyle = 'German'", "timezone = 'Asia/Tokyo'", "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "client_encoding = 'LATIN1'", "standard_conforming_strings = off", "statement_timeout = '1ms'",
        'search_path = "$user", public', "extra_float_digits = -15", "transform_null_equals = on",
    ):  # fmt: skip
        superuser.execute(f"ALTER DATABASE {superuser.info.dbname} SET {setting}".encode())
    await check_isolation(database, TABLES)
    async with database.acting_as("alice") as transaction:
        read = transaction.execute(READ_TASK, task_id=alices_tasks[0])
    before = superuser.execute(
        "SELECT id, timezone('UTC', created_at) FROM tasks WHERE id = %s", [alices_tasks[0]]
    ).fetchone()
    assert (read.all[0]["id"], read.all[0]["created_at"]) == before


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_hold_every_text_is_neither_migrated_nor_served(
    postgres: EmbeddedPostgres, encoding: str
) -> None:
    address = conninfo(postgres.url.replace("/taskward?", "/not_utf8?"))
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(
            f"CREATE DATABASE not_utf8 OWNER taskward TEMPLATE template0 ENCODING '{encoding}'"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
        try:
            with pytest.raises(
                UnfitDatabaseError,
                match=f"{encoding}, but Taskward needs UTF8: .* ENCODING 'UTF8' TEMPLATE template0",
            ):
                migrate(address)
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)
            with pytest.raises(UnfitDatabaseError, match=encoding):
                await check_isolation_at(address, TABLES)
        finally:
            superuser.execute("DROP DATABASE not_utf8 WITH (FORCE)")


async def test_a_database_not_yet_migrated_is_not_served_and_does_not_end_the_worker(
    database: Database, settings: Settings, superuser: psycopg.Connection
) -> None:
    superuser.execute("ALTER TABLE idempotency_keys RENAME TO not_there_yet")
    with pytest.raises(NotMigratedError, match=r"is not migrated .*Run 'taskward migrate'"):
        await check_isolation(database, TABLES)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        with pytest.raises(DatabaseUnavailableError):
            await read_as(state_of(app).database, "alice")
        superuser.execute("ALTER TABLE not_there_yet RENAME TO idempotency_keys")
        await read_as(state_of(app).database, "alice")


async def test_every_gap_is_named_at_once(database: Database, superuser: psycopg.Connection) -> None:
    superuser.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    superuser.execute("ALTER TABLE users DISABLE ROW LEVEL SECURITY")
    with pytest.raises(IsolationError, match=r"table (tasks|users) .*; table (tasks|users) "):
        await check_isolation(database, TABLES)


@pytest.mark.parametrize(
    ("number", "mended"),
    [
        (15_00_19, "15.20"), (15_00_20, None), (17_00_01, "17.12"), (17_00_12, None),
        (18_00_06, "18.7"), (18_00_07, None), (19_00_00, None),
    ],
)  # fmt: skip
async def test_an_old_server_is_warned_of(
    database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    mended: str | None,
) -> None:
    version = Statement(f"SELECT {number} AS number, 'this' AS name")
    monkeypatch.setattr("taskward.database.startup_check.SERVER_VERSION", version)
    await warn_of_an_old_server(database)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == bool(mended)
    assert all(f"which {mended} closed. Upgrade the server." in line for line in said)


async def refuses(database: Database, settings: Settings, message: str) -> None:
    with pytest.raises(UnfitDatabaseError) as refusal:
        await check_isolation(database, TABLES)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    app = create_app(settings)
    with pytest.raises(UnfitDatabaseError):
        async with app.router.lifespan_context(app):
            raise AssertionError("the service started")


@contextmanager
def changed_role(superuser: psycopg.Connection, change: str, undo: str) -> Iterator[None]:
    """Change a role for a while: roles belong to the server, and so to the next test."""
    superuser.execute(change.encode())
    try:
        yield
    finally:
        superuser.execute(undo.encode())
