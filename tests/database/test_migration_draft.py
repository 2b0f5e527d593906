"""`make migration`: its drafts are run, up and down, and asked what every migration is asked."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from taskward.database.driver.statement import Statement
from taskward.database.migrate import head
from taskward.database.startup_check import IsolationError, check_isolation_at
from taskward.database.transaction import ACCOUNTS_ROLE, APP_ROLE, Database
from taskward.database.url import conninfo
from taskward.features import TABLES
from taskward.tables import METADATA
from tests.database import test_catalogue as of_the_catalogue
from tests.database.catalogue import Part, catalogue, differences
from tests.database.conftest import create_task
from tests.database.drafts import Drafts, copy_of_the_migrations
from tests.database.migration_draft import NOTHING, USAGE, WHY, main
from tests.database.migration_steps import IS_A_RENAME, IS_THEIRS, NEEDS_A_VALUE, NO_USER

NEXT = f"{int(head()) + 1:04}"
TRICKY = r"note ~ '^\d{2}:\w+ 100%$' OR note <> 'it''s \:here'"
HAS_RIGHTS = """
    SELECT array_agg(kind ORDER BY kind)
      FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS kind WHERE has_column_privilege(%s, %s, %s, kind)
"""


@pytest.fixture
def models() -> MetaData:
    """The models, to be changed."""
    copy = MetaData(naming_convention=METADATA.naming_convention)
    for table in METADATA.tables.values():
        table.to_metadata(copy)
    return copy


@pytest.fixture
def migrations(tmp_path: Path) -> Config:
    return copy_of_the_migrations(tmp_path / "migrations")


@pytest.fixture
def drafts(database_url: str, empty_database_url: str, migrations: Config) -> Drafts:
    return Drafts(migrations, conninfo(database_url), conninfo(empty_database_url))


def add_notes(models: MetaData) -> None:
    """Add a table of users' data, and something of every kind to a table that is there."""
    Table(
        "notes",
        models,
        Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        Column("id", BigInteger, primary_key=True),
        Column("note", Text, CheckConstraint(TRICKY, name="note_form"), nullable=False),
        Column("folded", Text(collation="C"), Computed("lower(note)", persisted=True)),
        UniqueConstraint("user_id", "note"),
        Index(None, "user_id", "folded"),
    )
    tasks = models.tables["tasks"]
    tasks.append_column(Column("note", Text, server_default=text("'50%:x'")))
    tasks.append_column(Column("length", BigInteger, Computed("char_length(title)", persisted=True)))
    tasks.append_constraint(CheckConstraint(TRICKY, name="note_form"))
    Index(None, tasks.c.user_id, tasks.c.note, tasks.c.id)
    not_empty = CheckConstraint("sponsor <> ''", name="sponsor")
    sponsor = Column("sponsor", Text, ForeignKey("accounts.id"), not_empty, index=True, unique=True)
    models.tables["accounts"].append_column(sponsor)


def passes_what_is_asked_of_tables(superuser: psycopg.Connection) -> None:
    of_the_catalogue.test_row_level_security_is_enabled_and_forced_and_has_a_policy(superuser)
    of_the_catalogue.test_every_policy_but_those_of_roles_with_one_task_asks_for_the_user(superuser)
    of_the_catalogue.test_what_users_have_goes_with_them(superuser)
    of_the_catalogue.test_every_constraint_has_a_name_that_a_person_gave(superuser)
    for query in (of_the_catalogue.KEYS, of_the_catalogue.UNIQUE_INDEXES):
        of_the_catalogue.test_every_key_begins_with_the_user(superuser, query)


async def test_a_draft_goes_up_and_down_and_isolates_users(
    drafts: Drafts, models: MetaData, superuser: psycopg.Connection
) -> None:
    before = catalogue(superuser)
    add_notes(models)
    path = drafts.write(models)
    assert path.name == f"{int(head()) + 1:04}_change_something.py"
    assert f'"""Change something.\n\n{WHY}\n"""' in path.read_text()
    assert "NotImplementedError" not in path.read_text()
    drafts.upgrade()
    with psycopg.connect(drafts.empty) as reader:
        assert differences(catalogue(superuser), catalogue(reader)) == []
    passes_what_is_asked_of_tables(superuser)
    await check_isolation_at(drafts.migrated, TABLES)
    drafts.downgrade()
    assert differences(catalogue(superuser), before) == []


async def test_bob_does_not_see_what_alice_writes_to_a_table_of_a_draft(drafts: Drafts, models: MetaData) -> None:
    add_notes(models)
    drafts.write(models)
    drafts.upgrade()
    database = Database(drafts.migrated, pool_size=1, max_overflow=0)
    await create_task(database, "alice")
    async with database.acting_as("alice") as transaction:
        transaction.execute(Statement("INSERT INTO notes (user_id, id, note) VALUES ('alice', 1, 'Mine')"))
    for user, seen in (("alice", 1), ("bob", 0)):
        async with database.acting_as(user) as transaction:
            notes = transaction.execute(Statement("SELECT note FROM notes"))
        assert len(notes.all) == seen
    await database.close()


async def test_without_what_the_draft_adds_to_a_table_no_migration_passes(
    drafts: Drafts, models: MetaData, superuser: psycopg.Connection
) -> None:
    add_notes(models)
    path = drafts.write(models)
    whole = path.read_text()
    for part, nothing in (
        ("ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "SELECT 1"),
        ("ALTER TABLE notes FORCE ROW LEVEL SECURITY", "SELECT 1"),
        (IS_THEIRS, "true"),
    ):
        assert part in whole
        path.write_text(whole.replace(part, nothing))
        drafts.upgrade()
        with pytest.raises(AssertionError):
            passes_what_is_asked_of_tables(superuser)
        with pytest.raises(IsolationError, match="table notes"):
            await check_isolation_at(drafts.migrated, TABLES)
        drafts.downgrade()


def test_a_new_column_is_granted_to_who_writes_the_table_and_how(
    drafts: Drafts, models: MetaData, superuser: psycopg.Connection
) -> None:
    for table in ("tasks", "idempotency_keys", "accounts"):
        models.tables[table].append_column(Column("extra", Text))
    drafts.write(models)
    drafts.upgrade()

    def rights(role: str, table: str) -> Any:
        row = superuser.execute(HAS_RIGHTS, [role, table, "extra"]).fetchone()
        assert row is not None
        return row[0]

    assert rights(APP_ROLE, "tasks") == ["INSERT", "SELECT", "UPDATE"]
    assert rights(APP_ROLE, "idempotency_keys") == ["INSERT", "SELECT"]  # as its other columns
    assert rights(APP_ROLE, "accounts") is None
    assert rights(ACCOUNTS_ROLE, "accounts") == ["INSERT", "SELECT", "UPDATE"]
    assert rights(ACCOUNTS_ROLE, "tasks") is None


def test_a_check_that_changed_is_dropped_and_made_anew_both_ways(
    drafts: Drafts, models: MetaData, superuser: psycopg.Connection
) -> None:
    users = models.tables["users"]
    (id_length,) = (c for c in users.constraints if c.name == "ck_users_id_length")
    users.constraints.remove(id_length)
    users.append_constraint(CheckConstraint("char_length(id) BETWEEN 1 AND 300", name="id_length"))
    before = catalogue(superuser)
    drafts.write(models)
    drafts.upgrade()
    assert "300" in catalogue(superuser)[Part("check", "users", "ck_users_id_length")]
    drafts.downgrade()
    assert catalogue(superuser) == before


def test_a_draft_that_does_not_do_all_says_what_is_missing_and_does_not_run(
    drafts: Drafts, models: MetaData, superuser: psycopg.Connection
) -> None:
    tasks = models.tables["tasks"]
    tasks.append_column(
        Column("folded_title", Text(collation="C"), Computed("upper(title)", persisted=True), nullable=False),
        replace_existing=True,
    )
    with pytest.warns(UserWarning, match="folded_title cannot be modified"):
        path = drafts.write(models)
    assert "# - column folded_title of tasks: " in path.read_text()
    before = catalogue(superuser)
    with pytest.raises(NotImplementedError):
        drafts.upgrade()
    assert catalogue(superuser) == before


def test_what_a_draft_cannot_know_is_said_beside_the_statement(drafts: Drafts, models: MetaData) -> None:
    Table("rooms", models, Column("id", BigInteger, primary_key=True, autoincrement=False))
    tasks = models.tables["tasks"]
    tasks._columns.remove(tasks.c.description)  # noqa: SLF001  # SQLAlchemy has no other way to take one away
    tasks.constraints = {c for c in tasks.constraints if c.name != "ck_tasks_fields"}
    tasks.append_column(Column("note", Text, nullable=False))
    draft = drafts.write(models).read_text()
    for note, statement in (
        (NO_USER, "ALTER TABLE rooms FORCE ROW LEVEL SECURITY"),
        (NEEDS_A_VALUE, "ALTER TABLE tasks ADD COLUMN note TEXT NOT NULL"),
        (IS_A_RENAME, "ALTER TABLE tasks DROP COLUMN description"),
    ):
        assert f'    # {note}\n    op.execute("{statement}")\n' in draft


def test_where_the_models_ask_for_nothing_the_draft_is_empty(migrations: Config) -> None:
    """As `make migration` runs it, with a PostgreSQL of its own."""
    main(["fold_titles"], migrations)
    path = Path(str(migrations.get_main_option("script_location"))) / "versions" / f"{NEXT}_fold_titles.py"
    assert path.read_text().count(f"    {NOTHING}\n") == 2


@pytest.mark.parametrize("arguments", [[], [""], ["Add due dates"], ["add", "dates"], ["../add"]])
def test_a_name_that_makes_no_file_is_refused(arguments: list[str], migrations: Config) -> None:
    with pytest.raises(SystemExit, match=USAGE):
        main(arguments, migrations)
