"""The tables `users`, `tasks`, `deleted_tasks` and `idempotency_keys`. Table models are never responses."""

from datetime import date, datetime, time

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    FetchedValue,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    Time,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, Relationship

from taskward.auth.account_ids import SQL_PATTERN as ACCOUNT_ID
from taskward.database.table_model import TableModel

NEVER_DUE = text("9223372036854775807")

# What a task's one check calls. PostgreSQL reads what a check says anew for every statement, and what such a
# function says once for each session (migrations 0015 and 0018).
FUNCTIONS = r"""
    CREATE FUNCTION is_task(
        title text, description text, uid text, completed boolean, completed_at timestamptz, due_date date,
        due_time time, due_zone text, priority text, tags text[])
    RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
    BEGIN
        -- Two rules between fields, which have an answer of their own. The sentence has the name as well, as
        -- nothing else arrives from a cluster.
        IF due_time IS NOT NULL AND due_date IS NULL THEN
            RAISE check_violation USING CONSTRAINT = 'ck_tasks_due_time_needs_date',
                MESSAGE = '"ck_tasks_due_time_needs_date" does not hold';
        END IF;
        IF due_zone IS NOT NULL AND due_time IS NULL THEN
            RAISE check_violation USING CONSTRAINT = 'ck_tasks_due_zone_needs_time',
                MESSAGE = '"ck_tasks_due_zone_needs_time" does not hold';
        END IF;
        -- In uids and tags are no control characters and no ends of lines, and in tags no commas.
        RETURN char_length(title) BETWEEN 1 AND 200
               AND (description IS NULL OR char_length(description) <= 1000)
               AND (uid IS NULL OR uid ~ '^[^\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,255}$')
               AND completed = (completed_at IS NOT NULL)
               AND (due_date IS NULL OR due_date BETWEEN '1900-01-01' AND '9999-12-31')
               AND (due_time IS NULL OR due_time < '24:00' AND extract(second FROM due_time) = 0)
               AND (due_zone IS NULL OR char_length(due_zone) BETWEEN 1 AND 255)
               AND (priority IS NULL OR priority IN ('high', 'medium', 'low'))
               AND (tags = '{}'
                    OR cardinality(tags) <= 20
                       AND cardinality(tags) = cardinality(string_to_array(array_to_string(tags, ',', ','), ','))
                       AND array_to_string(tags, ',')
                           ~ '^([^,\u0001-\u001f\u007f-\u009f\u2028\u2029]{1,50}(,(?!$)|$))*$');
    END
    $$;
"""
IS_TASK = "is_task(title, description, uid, completed, completed_at, due_date, due_time, due_zone, priority, tags)"


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
    # How many tombstones were written since a marker was.
    deleted_count: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
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
        CheckConstraint(IS_TASK, name="fields"),
        UniqueConstraint("user_id", "revision"),
        Index("uq_tasks_user_id_uid", "user_id", "uid", unique=True, postgresql_where=text("uid IS NOT NULL")),
        Index(None, "user_id", "completed", "id"),
        Index(None, "user_id", "completed", "revision"),
        Index("ix_tasks_user_id_completed_title", "user_id", "completed", "folded_title", "id"),
        Index("ix_tasks_user_id_completed_due", "user_id", "completed", "due_key", "id"),
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
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))  # by the trigger
    # The client's own name for it.
    uid: str | None = Field(default=None, sa_column=Column(Text))
    due_date: date | None = Field(default=None, sa_column=Column(Date))
    due_time: time | None = Field(default=None, sa_column=Column(Time))
    due_zone: str | None = Field(default=None, sa_column=Column(Text))
    # What sorting by due compares: minutes, with 1,441 of them to a day, as a day comes after its last minute. The
    # trigger sets it where there is a day.
    due_key: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=NEVER_DUE))
    priority: str | None = Field(default=None, sa_column=Column(Text))
    tags: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    updated_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False, server_default=func.now()))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))

    owner: User = Relationship(back_populates="tasks")


class DeletedTask(TableModel, table=True):
    """What is left of a deleted task; or of none, older than any time: who knows less than this begins again."""

    __tablename__ = "deleted_tasks"
    __table_args__ = (
        CheckConstraint("(task_id IS NULL) = (deleted_at = '-infinity')", name="marker"),
        Index("ix_deleted_tasks_due", "deleted_at", postgresql_where=text("deleted_at > '-infinity'")),
    )

    user_id: str = Field(sa_column=Column(Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    task_id: int | None = Field(default=None, sa_column=Column(BigInteger))
    uid: str | None = Field(default=None, sa_column=Column(Text))
    deleted_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False))


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
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(True)))
    uid: str | None = Field(default=None, sa_column=Column(Text))
    due_date: date | None = Field(default=None, sa_column=Column(Date))
    due_time: time | None = Field(default=None, sa_column=Column(Time))
    due_zone: str | None = Field(default=None, sa_column=Column(Text))
    priority: str | None = Field(default=None, sa_column=Column(Text))
    tags: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    created_at: datetime = Field(sa_column=Column(DateTime(True), nullable=False))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
