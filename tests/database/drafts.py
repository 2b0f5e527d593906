"""Drafts of migrations, written beside a copy of those that are there, and run on a database at their head."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData

from taskward.database.migrate import alembic_config, engine
from tests.database.migration_draft import draft


def copy_of_the_migrations(folder: Path) -> Config:
    """Copy the migrations into `folder`, and return the configuration that has them there."""
    config = alembic_config()
    shutil.copytree(
        str(config.get_main_option("script_location")), folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    config.set_main_option("script_location", str(folder))
    return config


@dataclass(frozen=True)
class Drafts:
    """What writes a draft and runs it; the databases are libpq addresses."""

    config: Config
    migrated: str
    empty: str

    def write(self, models: MetaData) -> Path:
        return draft("change_something", models, migrated=self.migrated, empty=self.empty, config=self.config)

    def upgrade(self) -> None:
        with engine(self.migrated).connect() as connection:
            self.config.attributes["connection"] = connection
            command.upgrade(self.config, "head")

    def downgrade(self) -> None:
        with engine(self.migrated).connect() as connection:
            self.config.attributes["connection"] = connection
            command.downgrade(self.config, "-1")
