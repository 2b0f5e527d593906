"""Which database there is, and how it is used."""

from pathlib import Path

from pydantic import BaseModel, Field

from taskward.settings.value_types import DatabaseUrl


class Database(BaseModel):
    """The settings of the database, and of the folder of what the service keeps itself."""

    database_url: DatabaseUrl | None = Field(
        None,
        description="A PostgreSQL of yours. Unset, the service runs its own. In user and password, `@` is written"
        " `%40`, `/` `%2F`, `?` `%3F`, `#` `%23` and `%` `%25`.",
        examples=["postgresql://user:password@host/dbname?sslmode=require"],
    )
    database_migration_url: DatabaseUrl | None = Field(
        None,
        description="The same database for migrations, where another role or host is to do them.",
        examples=["postgresql://owner:password@host/dbname?sslmode=require"],
    )
    data_dir: Path = Field(
        Path("taskward-data"),
        description="The folder of the embedded PostgreSQL and of the made-up secret.",
        examples=["/var/lib/taskward"],
    )
    db_pool_size: int = Field(10, ge=1, le=1000, description="Connections that each worker keeps open.")
    db_max_overflow: int = Field(
        20, ge=0, le=1000, description="Connections that each worker may open beyond those."
    )
    changes_poll_seconds: float = Field(
        5,
        ge=0,
        le=3600,
        description="How often the database is asked about those who wait for changes, in seconds, where neither"
        " `RATE_LIMIT_STORAGE_URL` nor the embedded PostgreSQL tells of what other machines write. It is"
        " asked only while somebody waits. `0` is never: such changes are then seen when the wait is over.",
        examples=[1],
    )
    database_timeout_seconds: float = Field(
        2,
        ge=0.5,
        le=60,
        description="How long a request may wait for the database before it is answered with 503.",
    )
