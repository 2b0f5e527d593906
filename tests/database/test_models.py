"""The table models are the source of the schema, and the migrations make exactly what they say."""

import subprocess
import sys

import psycopg
import pytest

from taskward.database.url import conninfo
from taskward.tables import METADATA
from tests.database.catalogue import Catalogue, catalogue, catalogue_of, differences

pytestmark = pytest.mark.quick

# Each makes a migrated database differ from the models in a way of its own.
CHANGES = {
    "ALTER TABLE tasks ADD note text": "column note of tasks",
    "ALTER TABLE tasks DROP description": "column description of tasks",
    "ALTER TABLE tasks ALTER description TYPE varchar(1000)": "column description of tasks",
    "ALTER TABLE tasks ALTER title DROP NOT NULL": "column title of tasks",
    "ALTER TABLE tasks ALTER completed DROP DEFAULT": "column completed of tasks",
    "ALTER TABLE tasks ALTER folded_title SET EXPRESSION AS (upper(title))": "column folded_title of tasks",
    "ALTER TABLE accounts DROP CONSTRAINT ck_accounts_id_form": "check ck_accounts_id_form of accounts",
    "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_more CHECK (id > 0)": "check ck_tasks_more of tasks",
    "ALTER TABLE users RENAME CONSTRAINT ck_users_counts TO ck_counts": "check ck_users_counts of users",
    """ALTER TABLE users DROP CONSTRAINT ck_users_id_length,
        ADD CONSTRAINT ck_users_id_length CHECK (id <> '')""": "check ck_users_id_length of users",
    """ALTER TABLE tasks DROP CONSTRAINT fk_tasks_user_id_users,
        ADD CONSTRAINT fk_tasks_user_id_users FOREIGN KEY (user_id) REFERENCES users""": "fk_tasks_user_id_users",
    """DO $$
        BEGIN
            EXECUTE replace((SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = 'is_task'), '200', '300');
        END
        $$""": "is_task of tasks",
    "ALTER TABLE tasks DROP CONSTRAINT uq_tasks_user_id_revision": "constraint uq_tasks_user_id_revision of tasks",
    "DROP INDEX ix_tasks_id": "index ix_tasks_id of tasks",
    "CREATE INDEX ix_tasks_title ON tasks (title)": "index ix_tasks_title of tasks",
    """DROP INDEX ix_users_account_id;
        CREATE INDEX ix_users_account_id ON users (account_id)""": "index ix_users_account_id of users",
    "DROP TABLE idempotency_keys CASCADE": "column key of idempotency_keys",
    "CREATE TABLE strays (user_id text)": "column user_id of strays",
}  # fmt: skip


@pytest.fixture
def models(empty_database_url: str) -> Catalogue:
    """What the models say, as a database has it that they made without any migration."""
    return catalogue_of(METADATA, conninfo(empty_database_url))


def test_the_migrations_make_what_the_models_say(superuser: psycopg.Connection, models: Catalogue) -> None:
    assert differences(catalogue(superuser), models) == []


def test_each_way_to_differ_is_told(superuser: psycopg.Connection, models: Catalogue) -> None:
    for change, told in CHANGES.items():
        with superuser.transaction(force_rollback=True):
            superuser.execute(change.encode())
            assert told in "\n".join(differences(catalogue(superuser), models)), change


def test_the_one_list_of_models_has_those_of_every_module() -> None:
    code = """
import pkgutil
import taskward
from taskward.tables import METADATA

listed = set(METADATA.tables)
for module in pkgutil.walk_packages(taskward.__path__, "taskward."):
    if module.name.endswith(".model"):
        __import__(module.name)
print(*set(METADATA.tables) - listed)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [], "taskward/tables.py does not import the models of these tables"
