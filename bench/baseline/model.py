"""The tables and the bodies, as SQLModel's own documentation writes them."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, Computed, DateTime, FetchedValue, Text
from sqlmodel import Field, SQLModel


def _now() -> datetime:
    return datetime.now(UTC)


class Task(SQLModel, table=True):
    """A task."""

    __tablename__ = "tasks"

    user_id: str = Field(primary_key=True)
    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default=FetchedValue()),
    )
    title: str
    folded_title: str | None = Field(default=None, sa_column=Column(Text, Computed("lower(title)", True)))
    description: str | None = None
    completed: bool = False
    created_at: datetime = Field(default_factory=_now, sa_column=Column(DateTime(True), nullable=False))
    updated_at: datetime = Field(default_factory=_now, sa_column=Column(DateTime(True), nullable=False))
    revision: int | None = Field(
        default=None, sa_column=Column(BigInteger, nullable=False, server_default=FetchedValue())
    )


class TaskCreate(SQLModel):
    """A new task."""

    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False


class TaskUpdate(SQLModel):
    """What to change."""

    title: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool | None = None


class TaskRead(SQLModel):
    """A task, as clients see it."""

    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    revision: int


class TaskList(SQLModel):
    """A page of tasks, and how many there are."""

    tasks: list[TaskRead]
    count: int
