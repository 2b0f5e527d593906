"""What clients send and receive of personal tokens."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from taskward.auth.personal_tokens import CALENDAR, TASKS_READ, TASKS_WRITE
from taskward.field_types import PRINTABLE, STRICT, is_printable, is_visible

DEFAULT_DAYS, MOST_DAYS = 90, 366

OF_TASKS = (TASKS_READ, TASKS_WRITE)

Scope = Literal["tasks:read", "tasks:write", "calendar"]


def _a_name(value: str) -> str:
    if not is_visible(value) or not is_printable(value):
        raise ValueError("A name needs at least one visible character, and has no control characters")
    return value


def _sensible(scopes: list[Scope]) -> list[Scope]:
    if CALENDAR in scopes and len(set(scopes)) > 1:
        raise ValueError("The scope calendar goes with no other: such a token stands in an address")
    return scopes


class PersonalTokenCreate(BaseModel):
    """A personal token to be made."""

    model_config = STRICT

    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
        AfterValidator(_a_name),
        Field(
            description="What it is for, so that you know it again: 1–100 characters.",
            examples=["Backup script"],
            json_schema_extra={"pattern": PRINTABLE},
        ),
    ]
    scopes: Annotated[
        list[Scope],
        AfterValidator(_sensible),
        Field(
            min_length=1,
            max_length=3,
            description="What it is good for. `tasks:write` implies `tasks:read`; `calendar` goes with no other.",
            examples=[["tasks:read"]],
            json_schema_extra={"anyOf": [{"items": {"enum": [*OF_TASKS]}}, {"items": {"const": CALENDAR}}]},
        ),
    ]
    expires_in_days: Annotated[
        int, Field(ge=1, le=MOST_DAYS, description="For how many days it is good.", examples=[DEFAULT_DAYS])
    ] = DEFAULT_DAYS


class PersonalTokenRead(BaseModel):
    """What is known of a personal token."""

    id: Annotated[str, Field(examples=["k7wq2mzx5ahd3rtc"])]
    name: Annotated[str, Field(examples=["Backup script"])]
    scopes: Annotated[list[Scope], Field(examples=[["tasks:read"]])]
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="Until when it is good. It is listed for 30 days more.")]
    last_used_on: Annotated[date | None, Field(description="The day it was last used, in UTC.")]


class PersonalTokenMade(PersonalTokenRead):
    """A personal token that was just made."""

    token: Annotated[str, Field(description="The token itself. This is the one time that anybody sees it.")]


class PersonalTokensRead(BaseModel):
    """Your personal tokens, the newest first: 50 at most."""

    tokens: list[PersonalTokenRead]
