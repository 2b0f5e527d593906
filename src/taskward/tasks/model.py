"""The tables `users`, `tasks` and `idempotency_keys`. Table models are never responses."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    FetchedValue,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, Relationship

from taskward.auth.account_ids import SQL_PATTERN as ACCOUNT_ID
from taskward.database.table_model import TableModel


class User(TableModel, table=True):
    """Whoever a valid token names, from their first write on."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("char_length(id) BETWEEN 1 AND 255", name="id_length"),
        CheckConstraint("completed_count BETWEEN 0 AND task_count", name="counts"),
        Index(None, "account_id", postgresql_where=text("account_id IS NOT NULL")),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    task_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    completed_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    # How many idempotency keys were stored since a moment; when that is a day ago, the number means nothing.
    key_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    keys_since: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    # The user of an account has it: that of an access token which outlived its account cannot be made anew.
    account_id: str | None = Field(
        default=None,
        sa_column=Column(
            Text,
            Computed(f"CASE WHEN id ~ '{ACCOUNT_ID}'::text THEN id ELSE NULL::text END", True),
            ForeignKey("accounts.id"),
        ),
    )

    tasks: list["Task"] = Relationship(back_populates="owner", passive_deletes="all")


class Task(TableModel, table=True):
    """One thing to do, of one user."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="title_length"),
        CheckConstraint("char_length(description) <= 1000", name="description_length"),
        UniqueConstraint("user_id", "revision"),
        Index("ix_tasks_user_id_title", "user_id", "folded_title", "id"),
        Index(None, "user_id", "completed", "id"),
        Index(None, "user_id", "completed", "revision"),
        Index("ix_tasks_user_id_completed_title", "user_id", "completed", "folded_title", "id"),
        Index(None, "id", postgresql_using="hash"),
    )

    user_id: str = Field(sa_column=Column(Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    id: int = Field(
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=FetchedValue())
    )
    title: str = Field(sa_column=Column(Text, nullable=False))
    # Sorting by title ignores case and compares code points, on every machine alike.
    folded_title: str = Field(
        sa_column=Column(Text(collation="C"), Computed("lower((title COLLATE pg_c_utf8))", True), nullable=False)
    )
    description: str | None = Field(default=None, sa_column=Column(Text))
    completed: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    updated_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))

    owner: User = Relationship(back_populates="tasks")


class IdempotencyKey(TableModel, table=True):
    """What a create with this key was answered: the task as it was then."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("octet_length(fingerprint) = 32", name="fingerprint_length"),
    )

    user_id: str = Field(sa_column=Column(Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    stored_at: datetime = Field(
        sa_column=Column(DateTime(True), nullable=False, server_default=func.now(), index=True)
    )
    task_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    title: str = Field(sa_column=Column(Text, nullable=False))
    description: str | None = Field(default=None, sa_column=Column(Text))
    completed: bool
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
