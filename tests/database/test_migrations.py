"""The migrations: up, down and up again, once, on a server that other Taskward databases share."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pytest_alembic.config import Config
from pytest_alembic.runner import MigrationContext, runner
from pytest_alembic.tests import default

from taskward.database.migrate import (
    MIGRATION_LOCK,
    alembic_config,
    current,
    engine,
    head,
    migrate,
)
from taskward.database.migrated import MissingRightsError, UnknownRevisionError, is_migrated
from taskward.database.revision import newest
from taskward.database.startup_check import IsolationError, check_isolation_at
from taskward.database.url import conninfo
from taskward.embedded.server import EmbeddedPostgres
from taskward.features import TABLES
from tests.database.downgrades import downgrade
from tests.database.migration_draft import WHY

PYTEST_ALEMBIC = [
    default.test_single_head_revision,
    default.test_upgrade,
    default.test_up_down_consistency,
]


@pytest.fixture
def migrations(empty_database_url: str) -> Iterator[MigrationContext]:
    with engine(conninfo(empty_database_url)).connect() as connection:
        config = Config(alembic_config=alembic_config(connection))
        with runner(config, connection) as migrations:
            yield migrations


@pytest.mark.parametrize("prove", PYTEST_ALEMBIC, ids=lambda test: test.__name__.removeprefix("test_"))
def test_the_migrations_pass_what_pytest_alembic_asks(
    migrations: MigrationContext, prove: Callable[[MigrationContext], None]
) -> None:
    prove(migrations)


def test_every_migration_says_why() -> None:
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions():
        assert "\n\n" in script.longdoc, script.path
        assert WHY not in script.longdoc, script.path


async def test_down_to_nothing_and_up_again_is_a_whole_database(empty_database_url: str) -> None:
    address = conninfo(empty_database_url)
    migrate(address)
    downgrade(address)
    with psycopg.connect(address) as connection:
        left = """
            SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')
            UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        """
        assert connection.execute(left).fetchall() == [("alembic_version",)]
    migrate(address)
    await check_isolation_at(address, TABLES)


async def test_only_a_database_with_nothing_to_do_is_known_as_migrated(empty_database_url: str) -> None:
    address = conninfo(empty_database_url)
    assert not is_migrated(address)
    migrate(address, revision="0014")
    assert not is_migrated(address)
    migrate(address)
    assert is_migrated(address)
    with psycopg.connect(address) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    assert not is_migrated(address)
    with pytest.raises(UnknownRevisionError):
        migrate(address)


async def test_many_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    address = conninfo(empty_database_url)
    with (
        psycopg.connect(address, autocommit=True) as starter,
        ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes,
    ):
        starter.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        migrations = [processes.submit(migrate, address) for _ in range(4)]
        wait_until_all_wait(starter, migrations)
        starter.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
        for migration in migrations:
            migration.result(60)
    with engine(address).connect() as connection:
        assert current(connection) == head() == newest()
    await check_isolation_at(address, TABLES)


def wait_until_all_wait(starter: psycopg.Connection, migrations: list[Future[None]]) -> None:
    deadline = time.monotonic() + 30
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while starter.execute(waiting).fetchone() != (len(migrations),):
        assert time.monotonic() < deadline, "a migration does not wait for the others"
        assert not any(migration.done() for migration in migrations)
        time.sleep(0.02)


def test_migrating_a_migrated_database_changes_nothing(database_url: str, superuser: psycopg.Connection) -> None:
    tables = (
        "SELECT oid, relname, relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
    )
    before = superuser.execute(tables).fetchall()
    migrate(conninfo(database_url))
    assert superuser.execute(tables).fetchall() == before


def test_a_migration_that_fails_leaves_nothing_half_done(empty_database_url: str) -> None:
    address = conninfo(empty_database_url)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE tasks (id int)")  # in the way of the second of four
    with pytest.raises(psycopg.errors.DuplicateTable):
        migrate(address)
    with psycopg.connect(address, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('users'), to_regclass('alembic_version')").fetchall() == [
            (None, None)
        ]
        connection.execute("DROP TABLE tasks")
    migrate(address)


async def test_a_role_that_lacks_rights_is_told_all_it_needs_and_sees_no_row_for_it(
    empty_database_url: str, postgres: EmbeddedPostgres
) -> None:
    address = conninfo(empty_database_url.replace("//taskward@", "//smaller@"))
    name = conninfo_to_dict(address)["dbname"]
    with psycopg.connect(f"{postgres.superuser_conninfo} dbname={name}", autocommit=True) as administrator:
        administrator.execute("CREATE ROLE smaller LOGIN")
        try:
            with pytest.raises(MissingRightsError) as refused:
                migrate(address)
            said, _, cure = str(refused.value).partition(". Have an administrator of it run: ")
            assert said == "the database refused: permission denied for schema public"
            administrator.execute(cure.encode())
            migrate(address)
            await check_isolation_at(address, TABLES)
            administrator.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk')")
            with psycopg.connect(address) as owner:
                assert owner.execute("SELECT count(*) FROM tasks").fetchone() == (0,)
        finally:
            administrator.execute("DROP OWNED BY smaller CASCADE")
            administrator.execute("DROP ROLE smaller")


# The embedded server keeps it from others than its owner.
MAY_LOCK = "GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(bigint) TO smaller"


def test_a_role_that_is_not_the_owner_is_told_whose_the_tables_are(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE ROLE smaller LOGIN")
    superuser.execute(MAY_LOCK)
    try:
        with pytest.raises(
            MissingRightsError, match=r"permission denied for table .*; GRANT taskward TO smaller$"
        ):
            migrate(conninfo(database_url.replace("//taskward@", "//smaller@")))
    finally:
        superuser.execute("DROP OWNED BY smaller")
        superuser.execute("DROP ROLE smaller")


def test_whose_the_tables_of_features_are_is_told_as_well(
    database_url: str, superuser: psycopg.Connection
) -> None:
    downgrade(conninfo(database_url), "0006")
    superuser.execute("CREATE ROLE smaller LOGIN CREATEROLE")
    superuser.execute(MAY_LOCK)
    superuser.execute("GRANT ALL ON SCHEMA public TO smaller WITH GRANT OPTION")
    superuser.execute("ALTER TABLE alembic_version OWNER TO smaller")
    address = conninfo(database_url.replace("//taskward@", "//smaller@"))
    try:
        with pytest.raises(MissingRightsError, match=r"must be owner of .*; GRANT taskward TO smaller$"):
            migrate(address, tables=TABLES.names)
    finally:
        superuser.execute("REASSIGN OWNED BY smaller TO taskward")
        superuser.execute("DROP OWNED BY smaller")
        superuser.execute("DROP ROLE smaller")


def test_an_older_grant_is_changed_by_who_may_and_named_to_who_may_not(
    empty_database_url: str, postgres: EmbeddedPostgres
) -> None:
    address = conninfo(empty_database_url)
    options = """
        SELECT grantor::regrole::text, inherit_option, set_option FROM pg_auth_members
         WHERE member = 'serving'::regrole AND roleid = 'taskward_accounts'::regrole ORDER BY 1
    """
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as administrator:
        administrator.execute("CREATE ROLE serving LOGIN; GRANT taskward_accounts TO serving")
        try:
            migrate(address, revision="0007")
            with psycopg.connect(address, autocommit=True) as owner:
                owner.execute("GRANT taskward_accounts TO serving")
            migrate(address)
            assert administrator.execute(options).fetchall() == [
                ("postgres", True, True), ("taskward", False, True),
            ]  # fmt: skip
            downgrade(address, "0007")
            migrate(make_conninfo(address, user="postgres"))
            assert administrator.execute(options).fetchall() == [
                ("postgres", False, True), ("taskward", False, True),
            ]  # fmt: skip
        finally:
            administrator.execute("DROP OWNED BY serving")
            administrator.execute("REVOKE taskward_accounts FROM serving GRANTED BY taskward")
            administrator.execute("DROP ROLE serving")


def test_the_quota_comes_and_goes_and_tasks_stay(database_url: str, superuser: psycopg.Connection) -> None:
    create = "INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk') RETURNING revision"
    superuser.execute("SELECT set_config('app.max_tasks', '1', false)")
    assert superuser.execute(create).fetchall() == [(1,)]
    assert superuser.execute(create).fetchall() == []
    downgrade(conninfo(database_url), "0007")
    assert superuser.execute(create).fetchall() == [(2,)]
    migrate(conninfo(database_url))
    assert superuser.execute(create).fetchall() == []
    assert superuser.execute("SELECT revision, task_count, key_count FROM users").fetchall() == [(2, 2, 0)]


def test_changes_begin_where_users_are_when_they_come(database_url: str, superuser: psycopg.Connection) -> None:
    address = conninfo(database_url)
    downgrade(address, "0009")
    for user in ("alice", "alice", "bob", "charlie"):
        superuser.execute("INSERT INTO tasks (user_id, title) VALUES (%s, 'Buy milk')", [user])
    superuser.execute("DELETE FROM tasks WHERE user_id IN ('bob', 'charlie')")
    superuser.execute("DELETE FROM users WHERE id = 'charlie'")
    before = superuser.execute("SELECT * FROM tasks ORDER BY id").fetchall()
    migrate(address)
    everything = "SELECT user_id, revision, task_id, deleted_at = '-infinity' FROM deleted_tasks ORDER BY 1, 2"
    assert superuser.execute(everything).fetchall() == [("alice", 2, None, True), ("bob", 2, None, True)]
    assert superuser.execute("SELECT * FROM tasks ORDER BY id").fetchall() == before
    superuser.execute("DELETE FROM tasks WHERE id = 1")
    assert superuser.execute(everything).fetchall()[1] == ("alice", 3, 1, False)
    downgrade(address, "0009")
    superuser.execute("DELETE FROM tasks WHERE id = 2")
    migrate(address)
    assert superuser.execute(everything).fetchall() == [("alice", 4, None, True), ("bob", 2, None, True)]


async def test_the_policies_of_users_stand_after_the_markers_were_written(
    database_url: str, superuser: psycopg.Connection
) -> None:
    downgrade(conninfo(database_url), "0009")
    superuser.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', 'Buy milk')")
    migrate(conninfo(database_url))
    await check_isolation_at(conninfo(database_url), TABLES)
    with psycopg.connect(conninfo(database_url)) as owner:
        assert owner.execute("SELECT id FROM users UNION SELECT user_id FROM deleted_tasks").fetchall() == []


def test_what_statements_of_a_service_are_allowed_does_not_stop_a_migration(
    empty_database_url: str, superuser: psycopg.Connection
) -> None:
    address = conninfo(empty_database_url)
    name = conninfo_to_dict(address)["dbname"]
    for setting in ("statement_timeout = '10ms'", "lock_timeout = '1ms'", "row_security = off"):
        superuser.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    migrate(address)


def test_others_go_on_while_a_migration_waits_for_a_long_transaction(
    database_url: str, superuser: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    address = conninfo(database_url)
    downgrade(address, "0006")
    with (
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(address) as backup,
        psycopg.connect(address, autocommit=True, options="-c statement_timeout=2s") as request,
    ):
        backup.execute("SELECT * FROM tasks")
        migration = thread.submit(migrate, address)
        for title in ("Buy milk", "Buy bread"):
            wait_until_it_wants_a_table(superuser, migration)
            request.execute("SELECT set_config('app.user_id', 'alice', false)")
            request.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', %s)", [title])
            assert not migration.done()
        assert request.execute("SELECT count(*) FROM tasks").fetchone() == (2,)
        backup.rollback()
        migration.result(60)
    with engine(address).connect() as connection:
        assert current(connection) == head()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "taskward.database.giving_way"]
    assert line.startswith("the migration waits for a transaction that uses what it changes")


def wait_until_it_wants_a_table(superuser: psycopg.Connection, migration: Future[None]) -> None:
    deadline = time.monotonic() + 30
    waiting = """
        SELECT count(*) FROM pg_locks
         WHERE relation = 'tasks'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted
    """
    while superuser.execute(waiting).fetchone() != (1,):
        assert time.monotonic() < deadline, "the migration does not want the table"
        assert not migration.done()
        time.sleep(0.02)


TITLES = ["École", "zebra", "éclair", "Zoo", "ÅNGSTRÖM", "Ωmega", "ωrder", "Apple", "İstanbul", "ISTANBUL"]
SORTED = "SELECT array_agg(title ORDER BY folded_title, id), array_agg(revision ORDER BY id) FROM tasks"


@pytest.fixture
def locale_c(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of an empty database as servers without locales make it."""
    with psycopg.connect(postgres.superuser_conninfo, autocommit=True) as superuser:
        superuser.execute(
            "CREATE DATABASE locale_c OWNER taskward TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"
        )
        yield conninfo(postgres.url.replace("/taskward?", "/locale_c?"))
        superuser.execute("DROP DATABASE locale_c WITH (FORCE)")


async def test_titles_sort_alike_whatever_the_locale_of_the_database(
    locale_c: str, postgres: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    migrate(locale_c, revision="0006")
    with psycopg.connect(f"{postgres.superuser_conninfo} dbname=locale_c", autocommit=True) as there:
        for connection in (there, superuser):
            for title in TITLES:
                connection.execute("INSERT INTO tasks (user_id, title) VALUES ('alice', %s)", [title])
        wanted = superuser.execute(SORTED).fetchone()
        assert wanted is not None
        assert wanted[0].index("éclair") < wanted[0].index("École")
        before = there.execute(SORTED).fetchone()
        assert before is not None
        assert before[0] != wanted[0]
        migrate(locale_c)
        assert there.execute(SORTED).fetchone() == wanted  # and no task has another revision
        downgrade(locale_c, "0006")
        assert there.execute(SORTED).fetchone() == before
    migrate(locale_c)
    await check_isolation_at(locale_c, TABLES)


async def test_a_second_database_of_a_server_shares_the_roles(database_url: str, empty_database_url: str) -> None:
    migrate(conninfo(empty_database_url))
    await check_isolation_at(conninfo(empty_database_url), TABLES)
    await check_isolation_at(conninfo(database_url), TABLES)


async def test_downgrading_one_database_leaves_the_roles_to_the_other(
    database_url: str, empty_database_url: str
) -> None:
    migrate(conninfo(database_url))
    migrate(conninfo(empty_database_url))
    downgrade(conninfo(empty_database_url))
    with pytest.raises(IsolationError, match="inherits from taskward_accounts"):  # as older migrations need it
        await check_isolation_at(conninfo(database_url), TABLES)
    migrate(conninfo(database_url))  # as each start does
    await check_isolation_at(conninfo(database_url), TABLES)


async def test_a_database_whose_wall_was_taken_down_is_not_served(database_url: str) -> None:
    downgrade(conninfo(database_url), "0003")
    with pytest.raises(IsolationError, match="taskward migrate"):
        await check_isolation_at(conninfo(database_url), TABLES)


def test_a_database_of_a_newer_version_is_refused_in_one_line(
    database_url: str, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnknownRevisionError, match="9999"):
        migrate(conninfo(database_url))
