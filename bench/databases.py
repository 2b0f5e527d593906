"""The databases of a run: clones of a loaded one, which is kept, so that every run begins with the same data."""

import asyncio
from contextlib import closing
from dataclasses import dataclass

import psycopg
from psycopg import sql

from bench.data import Shape, load
from taskward.database.migrate import head, migrate
from taskward.database.startup_check import check_isolation_at
from taskward.database.url import conninfo
from taskward.embedded.server import OWNER, EmbeddedPostgres
from taskward.features import TABLES

FORMAT = 4  # to be raised with every change of the data, so that kept ones are made again

# The usual stack has no trigger that gives ids, and no policies. Columns, constraints and indexes stay.
MAKE_PLAIN = f"""
    SET ROLE {OWNER};
    DROP TRIGGER take_the_next_revision ON tasks;
    DROP TABLE idempotency_keys CASCADE;
    CREATE SEQUENCE revisions START 1000000000;
    DROP POLICY "users see and change only what is their own" ON tasks;
    DROP POLICY "users see and change only what is their own" ON users;
    ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
    ALTER TABLE users NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
    ALTER TABLE tasks ALTER id SET DEFAULT nextval('tasks_id_seq');
    ALTER TABLE tasks ALTER revision SET DEFAULT nextval('revisions');
"""


@dataclass(frozen=True)
class Databases:
    """The databases of one server."""

    server: EmbeddedPostgres

    def superuser(self, name: str = "postgres") -> psycopg.Connection:
        """Return a superuser's connection to the database `name`, to be closed."""
        return psycopg.connect(f"{self.server.superuser_conninfo} dbname={name}", autocommit=True)

    def url(self, name: str) -> str:
        """Return the address of the database `name` for the role that owns it."""
        return self.server.url.replace(f"/{OWNER}?", f"/{name}?")

    def kept(self, shape: Shape) -> str:
        """Return the name of a database with data of this shape, which is loaded if it is not there yet."""
        name = f"kept_{FORMAT}_{head()}_{shape.users}_{shape.tasks}"
        with closing(self.superuser()) as superuser:
            if superuser.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return name
        draft = f"{name}_draft"
        self.create(draft)
        migrate(conninfo(self.url(draft)))
        with closing(self.superuser(draft)) as superuser:
            load(superuser, shape)
        asyncio.run(check_isolation_at(conninfo(self.url(draft)), TABLES))
        with closing(self.superuser()) as superuser:
            superuser.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(_name(draft), _name(name)))
        return name

    def clone(self, kept: str, name: str) -> str:
        """Make the database `name` as a clone of `kept`; return its address."""
        self.create(name, kept)
        return self.url(name)

    def clone_plain(self, kept: str, name: str) -> str:
        """Make the database `name` with the same data in plain tables; return its address."""
        url = self.clone(kept, name)
        with closing(self.superuser(name)) as superuser:
            superuser.execute(MAKE_PLAIN.encode())
        return url

    def create(self, name: str, template: str = "template1") -> None:
        """Make the database `name`, anew if it is there."""
        self.drop(name)
        with closing(self.superuser()) as superuser:
            superuser.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    _name(name), _name(template), _name(OWNER)
                )
            )

    def drop(self, name: str) -> None:
        """Drop the database `name`, if it is there."""
        with closing(self.superuser()) as superuser:
            superuser.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(name)))


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)
