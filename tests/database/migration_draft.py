"""The draft of a migration, from what the models say and the migrations do not make yet (`make migration`).

It is SQL, as the migrations are. Alembic finds what differs; added is what it does not know of: checks, row-level
security and grants. The draft is tried, both ways, and refuses to run if it does not do all that it should.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import indent

import psycopg
from alembic.autogenerate import produce_migrations
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import MetaData

from taskward.database.driver.causes import primary
from taskward.database.migrate import alembic_config, engine, migrate
from taskward.database.url import conninfo
from taskward.embedded.server import OWNER, EmbeddedPostgres
from taskward.tables import METADATA
from tests.database.catalogue import Catalogue, catalogue, catalogue_of, differences
from tests.database.migration_steps import Step, Translator, rights

WHY = "TODO: say why, and what it costs where there are many rows."
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
NOTHING = "# The migrations so far make all that the models say."
USAGE = "Say in small letters what it does, as its file will be called: make migration NAME=add_due_dates"


def main(arguments: list[str], config: Config) -> None:
    """Draft the migration of this name, with a PostgreSQL of its own in a temporary folder."""
    if len(arguments) != 1 or not re.fullmatch(r"[a-z][a-z0-9_]{2,39}", arguments[0]):
        raise SystemExit(USAGE)
    with (
        tempfile.TemporaryDirectory(prefix="taskward-migration-") as folder,
        EmbeddedPostgres(Path(folder), max_connections=5) as server,
    ):
        address = conninfo(server.url)
        migrate(address)
        models = make_conninfo(address, dbname="models")
        with psycopg.connect(server.superuser_conninfo, autocommit=True) as superuser:
            superuser.execute(sql.SQL("CREATE DATABASE models OWNER {}").format(sql.Identifier(OWNER)))
        draft(arguments[0], METADATA, migrated=address, empty=models, config=config)


def draft(name: str, models: MetaData, *, migrated: str, empty: str, config: Config) -> Path:
    """Write the next migration to the folder of `config`, and return its file.

    Takes the addresses (libpq) of two databases that nobody needs afterwards: one at head, and an empty one.
    """
    wanted = catalogue_of(models, empty)
    with psycopg.connect(migrated) as connection:
        found = catalogue(connection)
        translator = Translator(models, rights(connection))
    with engine(migrated).connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "target_metadata": models}
        script = produce_migrations(MigrationContext.configure(connection, opts=options), models)
    assert script.upgrade_ops is not None
    assert script.downgrade_ops is not None
    up = translator.steps(script.upgrade_ops, found, wanted)
    down = translator.steps(script.downgrade_ops, wanted, found)
    left_by_up, left_by_down = _try(migrated, (up, wanted), (down, found))
    return _write(config, name, upgrades=_body(up, left_by_up), downgrades=_body(down, left_by_down))


def _try(address: str, *ways: tuple[list[Step], Catalogue]) -> list[list[str]]:
    """Go each way in turn, and return what each leaves to be done; then nothing of it has happened."""
    left: list[list[str]] = [[] for _ in ways]
    with psycopg.connect(address) as connection, connection.transaction(force_rollback=True):
        for place, (steps, wanted) in enumerate(ways):
            try:
                for step in steps:
                    connection.execute(step.sql.encode())
            except psycopg.Error as error:
                left[place] = [primary(error)]
                break
            left[place] = differences(catalogue(connection), wanted)
    return left


def _body(steps: list[Step], left: list[str]) -> str:
    lines = [str(step) for step in steps] or [NOTHING]
    if left:
        lines += ["# This is not all:", *(f"# - {part}" for part in left)]
        lines += ['raise NotImplementedError("write what is missing, see the lines before")']
    return indent("\n".join(lines), "    ").strip()


def _write(config: Config, name: str, *, upgrades: str, downgrades: str) -> Path:
    folder = ScriptDirectory.from_config(config)
    head = folder.get_current_head()
    assert head is not None
    message = name.replace("_", " ").capitalize()
    script = folder.generate_revision(
        f"{int(head) + 1:04}", message, why=WHY, upgrades=upgrades, downgrades=downgrades
    )
    assert script is not None
    path = Path(script.path)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", f"--config={PYPROJECT}", path], check=True)
    return path


if __name__ == "__main__":
    main(sys.argv[1:], alembic_config())
