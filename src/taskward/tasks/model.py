"""The tables `users` and `tasks`, as the migrations leave them. Table models are never answers."""

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
    func,
    text,
)
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    """Whoever a valid token names, from their first write on."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("char_length(id) BETWEEN 1 AND 255", name="ck_users_id_length"),
        CheckConstraint("completed_count BETWEEN 0 AND task_count", name="ck_users_counts"),
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    task_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    completed_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    # The user of an account has it: that of an access token which outlived its account cannot be made anew.
    account_id: str | None = Field(
        default=None,
        sa_column=Column(
            Text,
            Computed("CASE WHEN id ~ '^usr_[a-z2-7]{28}$'::text THEN id ELSE NULL::text END", True),
            ForeignKey("accounts.id", name="fk_users_account_id_accounts"),
        ),
    )

    tasks: list["Task"] = Relationship(back_populates="owner", passive_deletes="all")


class Task(SQLModel, table=True):
    """One thing to do, of one user."""

    __tablename__ = "tasks"

    user_id: str = Field(
        sa_column=Column(
            Text, ForeignKey("users.id", name="fk_tasks_user_id_users", ondelete="CASCADE"), primary_key=True
        )
    )
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


class IdempotencyKey(SQLModel, table=True):
    """What a create with this key was answered: the task as it was then."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="ck_idempotency_keys_key_length"),
        CheckConstraint("octet_length(fingerprint) = 32", name="ck_idempotency_keys_fingerprint_length"),
    )

    user_id: str = Field(
        sa_column=Column(
            Text,
            ForeignKey("users.id", name="fk_idempotency_keys_user_id_users", ondelete="CASCADE"),
            primary_key=True,
        )
    )
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


tasks = SQLModel.metadata.tables["tasks"]
users = SQLModel.metadata.tables["users"]

Index("ix_users_account_id", users.c.account_id, postgresql_where=users.c.account_id.is_not(None))
Index("ix_tasks_user_id_title", tasks.c.user_id, tasks.c.folded_title, tasks.c.id)
Index("ix_tasks_user_id_completed_id", tasks.c.user_id, tasks.c.completed, tasks.c.id)
Index("ix_tasks_user_id_completed_revision", tasks.c.user_id, tasks.c.completed, tasks.c.revision)
Index("ix_tasks_user_id_completed_title", tasks.c.user_id, tasks.c.completed, tasks.c.folded_title, tasks.c.id)
Index("ix_tasks_id", tasks.c.id, postgresql_using="hash")
tasks.append_constraint(Unique("user_id", "revision", name="uq_tasks_user_id_revision"))
tasks.append_constraint(CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="ck_tasks_title_length"))
tasks.append_constraint(CheckConstraint("char_length(description) <= 1000", name="ck_tasks_description_length"))
