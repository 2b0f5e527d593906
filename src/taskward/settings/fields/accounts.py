"""Who may have an account here, and where people find the service."""

from typing import Literal

from pydantic import Field, field_validator

from taskward.settings.errors import InvalidSettingsError
from taskward.settings.fields.serving import Serving
from taskward.settings.value_types import PublicUrl


class Accounts(Serving):
    """The settings of accounts that are kept here."""

    registration: Literal["open", "closed", "invite"] = Field(
        "open",
        description="Who may register: `open` is everybody, `closed` nobody, and `invite` whoever has a link from"
        " `taskward user invite EMAIL`.",
        examples=["invite"],
    )
    session_max_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="After how many days a log-in ends, however often it is used. One that is not used for 30 days"
        " ends then.",
        examples=[30],
    )
    public_url: PublicUrl | None = Field(
        None,
        description="Where people reach the service, for the links that are made for them; a path is part of it."
        " By https, or by http on this machine and in a private network.",
        examples=["https://tasks.example.com"],
    )

    @field_validator("registration", mode="before")
    @classmethod
    def _in_any_case_too(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def address_for_links(self) -> str:
        """What links begin with; raises InvalidSettingsError where nobody has said so, outside development.

        Never what a client says in `Host`: then a stranger could have a link with somebody's token lead elsewhere.
        """
        if self.public_url is not None:
            return self.public_url
        if self.development:
            return f"http://127.0.0.1:{self.port}"
        raise InvalidSettingsError("PUBLIC_URL must be set to where people reach the service: a link needs it")
