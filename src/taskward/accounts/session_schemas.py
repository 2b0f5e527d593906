"""What clients receive of log-ins."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field


class SessionRead(BaseModel):
    """A log-in that goes on."""

    id: Annotated[str, Field(examples=["MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM"])]
    created_at: Annotated[datetime, Field(description="When it began.")]
    last_used_at: Annotated[datetime, Field(description="When it last gave a new access token.")]
    client: Annotated[
        str | None,
        Field(description="The program that used it last, as it calls itself.", examples=["Firefox on Linux"]),
    ]
    address: Annotated[str | None, Field(description="The network it was used from.", examples=["203.0.113.0/24"])]
    current: Annotated[bool, Field(description="Whether it is the one of this request's token.")]


class SessionsRead(BaseModel):
    """Your log-ins, the one used last first: 100 at most."""

    sessions: list[SessionRead]
