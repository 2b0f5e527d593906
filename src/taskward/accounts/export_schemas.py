"""What clients receive of everything that is kept about a person."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from taskward.accounts.schemas import UserRead


class LogInRead(BaseModel):
    """A log-in that goes on, or that has ended a moment ago."""

    id: Annotated[str, Field(examples=["MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM"])]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    client: str | None
    address: str | None


class PersonalDataRead(BaseModel):
    """Everything that is kept about a user."""

    account: UserRead
    identities: Annotated[
        list[dict[str, Any]], Field(description="Who you are at a provider: `issuer`, `subject` and `created_at`.")
    ]
    log_ins: list[LogInRead]
    personal_tokens: Annotated[
        list[dict[str, Any]], Field(description="Your personal tokens, as `GET /auth/tokens` has them.")
    ]
    tasks: Annotated[list[dict[str, Any]], Field(description="Your tasks, as `GET /tasks` has them.")]
    deleted_tasks: Annotated[
        list[dict[str, Any]], Field(description="Deleted tasks: `id`, `uid`, `revision` and `deleted_at`.")
    ]
    idempotency_keys: Annotated[
        list[dict[str, Any]], Field(description="Keys of creates, with the task as it was then.")
    ]
