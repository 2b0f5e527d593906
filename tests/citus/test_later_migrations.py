"""A cluster that is migrated further: what a later version changes and adds is on every server."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config

from taskward.database import migrate as migrations
from taskward.database.distribute import distribute
from taskward.database.migrate import alembic_config, head, migrate
from taskward.database.startup_check import IsolationError, check_isolation_at
from taskward.database.url import conninfo
from taskward.features import TABLES
from tests.citus.cluster import Cluster, needs_citus
from tests.database.downgrades import downgrade

pytestmark = needs_citus

# As `make migration` drafts them: a column with a default and a check, and a table of users with the first key
# that leads from it to another.
LATER = '''
from alembic import op

revision = "9999"
down_revision = "{head}"

def upgrade():
    op.execute("ALTER TABLE tasks ADD estimate integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE tasks ADD CONSTRAINT ck_tasks_estimate CHECK (estimate >= 0)")
    op.execute("GRANT SELECT (estimate), INSERT (estimate), UPDATE (estimate) ON tasks TO taskward_app")
    op.execute("""
        CREATE TABLE notes (
            user_id text NOT NULL CONSTRAINT fk_notes_user_id_users REFERENCES users (id) ON DELETE CASCADE,
            id text NOT NULL,
            note text NOT NULL DEFAULT '',
            CONSTRAINT pk_notes PRIMARY KEY (user_id, id)
        )
    """)
    op.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute("""
        CREATE POLICY "users see and change only what is their own" ON notes FOR ALL TO PUBLIC
            USING (user_id = nullif(current_setting('app.user_id', true), ''))
            WITH CHECK (user_id = nullif(current_setting('app.user_id', true), ''))
    """)
    op.execute("GRANT SELECT, DELETE, INSERT (user_id, id), UPDATE (note) ON notes TO taskward_app")
'''
ASKED_AS_ALICE = "CALL act_as('taskward_app', 'alice', '5s', '', false, '')"


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the code know one more migration."""
    (tmp_path / "9999_notes.py").write_text(LATER.format(head=head()))
    versions = Path(migrations.__file__).parent / "migrations" / "versions"

    def with_one_more(connection: object = None) -> Config:
        config = alembic_config(connection)  # type: ignore[arg-type]
        config.set_main_option("version_locations", f"{versions}:{tmp_path}")
        return config

    monkeypatch.setattr(migrations, "alembic_config", with_one_more)


@pytest.fixture
def owner(cluster: Cluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster.coordinator.conninfo("taskward")) as connection:
        yield connection


LANGUAGE = "SELECT lanname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang WHERE proname = %s"


async def test_a_function_that_a_migration_defines_anew_is_so_on_every_server(cluster: Cluster) -> None:
    address = conninfo(cluster.url)

    def languages() -> list[tuple[object, ...]]:
        found = []
        for node in cluster.nodes:
            with node.superuser() as superuser:
                found += superuser.execute(LANGUAGE, ["forget_deleted_tasks"]).fetchall()
        return found

    downgrade(address, "0016")
    assert languages() == [("sql",)] * 3
    migrate(address)
    assert languages() == [("plpgsql",)] * 3
    await check_isolation_at(address, TABLES)


@pytest.mark.usefixtures("one_more")
async def test_what_a_later_migration_adds_is_spread(cluster: Cluster, owner: psycopg.Connection) -> None:
    address = conninfo(cluster.url)
    tables = replace(TABLES, of_users=(*TABLES.of_users, "notes"), spread=(*TABLES.spread, "notes"))
    migrate(address)
    with pytest.raises(IsolationError, match="notes is not spread: run taskward distribute"):
        await check_isolation_at(address, tables)
    assert distribute(address, tables) == ["notes"]
    await check_isolation_at(address, tables)
    for user in ("alice", "bob"):
        owner.execute(ASKED_AS_ALICE.replace("alice", user).encode())
        owner.execute("CALL hold_user(%s)", [user])
        owner.execute("INSERT INTO tasks (user_id, title, estimate) VALUES (%s, 'Buy milk', 3)", [user])
        owner.execute("INSERT INTO notes (user_id, id) VALUES (%s, 'a')", [user])
        assert owner.execute("SELECT estimate FROM tasks").fetchall() == [(3,)]
        assert owner.execute("SELECT user_id FROM notes").fetchall() == [(user,)]
        owner.commit()
    owner.execute(ASKED_AS_ALICE.encode())
    owner.execute("DELETE FROM users WHERE id = 'alice'")
    owner.commit()
    with cluster.coordinator.superuser() as superuser:
        assert superuser.execute("SELECT user_id FROM notes").fetchall() == [("bob",)]
