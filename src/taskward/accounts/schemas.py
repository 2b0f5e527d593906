"""What clients send and receive of accounts."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints, model_validator

from taskward.auth.new_passwords import COMMON, OWN_ADDRESS, is_address, is_common
from taskward.field_types import (
    MAX_EMAIL,
    STRICT,
    WITHOUT_NUL,
    WITHOUT_NUL_NOR_BLANK,
    an_address,
    without_nul,
    wrong_field,
)

MIN_PASSWORD = 8
MAX_PASSWORD = 128


def _secret_without_nul(value: SecretStr) -> SecretStr:
    without_nul(value.get_secret_value())
    return value


def _a_password(value: SecretStr) -> SecretStr:
    if not MIN_PASSWORD <= len(_secret_without_nul(value).get_secret_value()) <= MAX_PASSWORD:
        raise ValueError(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if is_common(value.get_secret_value()):
        raise ValueError(COMMON)
    return value


Secret = Annotated[SecretStr, AfterValidator(_secret_without_nul)]
NewPassword = Annotated[
    SecretStr,
    AfterValidator(_a_password),
    Field(
        description="8–128 characters (Unicode code points), whichever you like, but none of the 3,000 commonest"
        " passwords and not your e-mail address. Nothing is trimmed.",
        json_schema_extra={"minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD, "pattern": WITHOUT_NUL},
    ),
]


Email = Annotated[
    str,
    StringConstraints(max_length=MAX_EMAIL),
    AfterValidator(an_address),
    Field(examples=["alice@example.com"], json_schema_extra={"format": "email"}),
]


class Registration(BaseModel):
    """A new account."""

    model_config = STRICT

    email: Annotated[Email, Field(description="Kept as it is written, compared without regard to case.")]
    password: NewPassword
    name: Annotated[
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
            AfterValidator(without_nul),
            Field(json_schema_extra={"pattern": WITHOUT_NUL_NOR_BLANK}),
        ]
        | None,
        Field(description="What to call you: 1–200 characters, or null.", examples=["Alice"]),
    ] = None
    invitation: Annotated[
        Secret | None,
        Field(description="What the link of an invitation has after `invitation=`, where registering needs one."),
    ] = None

    @model_validator(mode="after")
    def _has_another_password_than_the_address(self) -> Self:
        if is_address(self.password.get_secret_value(), self.email):
            raise wrong_field("password", OWN_ADDRESS)
        return self


CurrentPassword = Annotated[
    Secret,
    Field(
        max_length=MAX_PASSWORD,
        description="The password of now.",
        json_schema_extra={"maxLength": MAX_PASSWORD, "pattern": WITHOUT_NUL},
    ),
]


class PasswordChange(BaseModel):
    """Another password."""

    model_config = STRICT

    current: CurrentPassword
    new: NewPassword


class PasswordReset(BaseModel):
    """A new password, by a link that is good once."""

    model_config = STRICT

    token: Annotated[
        Secret, Field(description="What the link has after `reset=`.", json_schema_extra={"pattern": WITHOUT_NUL})
    ]
    password: NewPassword


class ForgottenPassword(BaseModel):
    """Whose password is forgotten."""

    model_config = STRICT

    email: Annotated[Email, Field(description="The e-mail address of the account, in any case.")]


class EmailProof(BaseModel):
    """What shows that an e-mail address is somebody's."""

    model_config = STRICT

    token: Annotated[
        Secret, Field(description="What the link has after `verify=`.", json_schema_extra={"pattern": WITHOUT_NUL})
    ]


class Deletion(BaseModel):
    """What deleting an account wants. Who logs in with a provider has no password here, and sends nothing."""

    model_config = STRICT

    password: CurrentPassword


class UserRead(BaseModel):
    """A user. Not every user has an e-mail address and a name here: who comes from a provider may have neither."""

    id: Annotated[str, Field(min_length=1, max_length=255, examples=["usr_c7v3kq5xw2hn4jd6mzptyb2aflre"])]
    email: Annotated[str | None, Field(examples=["alice@example.com"])]
    name: Annotated[str | None, Field(examples=["Alice"])]
    has_password: Annotated[
        bool, Field(description="Whether there is a password here to log in with, or to change.")
    ]
    email_verified_at: Annotated[
        datetime | None,
        Field(description="When they showed that the e-mail address is theirs, if they did."),
    ]
    created_at: Annotated[
        datetime | None,
        Field(
            description="When the user came; null before the first task of a user of an identity provider.",
            examples=["2026-01-09T08:30:00.123456Z"],
        ),
    ]
