"""What clients send and receive."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from taskward.auth.new_passwords import COMMON, OWN_ADDRESS, is_address, is_common
from taskward.errors import ValidationFailedError
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


Text = Annotated[str, AfterValidator(without_nul)]
NEEDED = {
    "password": ("username", "password"),
    "refresh_token": ("refresh_token",),
    "authorization_code": ("code", "code_verifier"),
}


class TokenRequest(BaseModel):
    """A log-in (RFC 6749, 4.3 and 4.1.3) or the use of a refresh token (6). Others are ignored (3.2)."""

    model_config = ConfigDict(strict=True)

    grant_type: Annotated[
        Literal["password", "refresh_token", "authorization_code"], Field(description="Which of them this is.")
    ]
    username: Annotated[Text | None, Field(max_length=MAX_EMAIL, description="The e-mail address.")] = None
    password: Annotated[Secret | None, Field(max_length=MAX_PASSWORD, description="The password.")] = None
    refresh_token: Annotated[Secret | None, Field(description="The newest refresh token.")] = None
    cookie: Annotated[
        Literal["keep", "session"] | None,
        Field(
            description="From this service's own page alone: have the refresh token in a cookie that no script"
            " reads, and not in the response. `keep` lasts as long as the log-in, `session` until the browser is"
            " closed. With `grant_type=refresh_token` leave `refresh_token` out; the cookie stays of its kind.",
        ),
    ] = None
    code: Annotated[Secret | None, Field(description="The code that a log-in with another provider gave.")] = None
    code_verifier: Annotated[
        Secret | None, Field(description="What the `code_challenge` of that log-in was made from (RFC 7636).")
    ] = None
    device_token: Annotated[
        SecretStr | None,  # any text, for one that is none keeps nobody out
        Field(
            description="The `device_token` of the last log-in here, whoever's it was. With it the right password"
            " is let in although others are guessing.",
        ),
    ] = None

    @model_validator(mode="after")
    def _has_what_its_grant_needs(self) -> Self:
        needed = () if self.grant_type == "refresh_token" and self.cookie else NEEDED[self.grant_type]
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValidationFailedError([(name, "is missing") for name in missing])
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


class Revocation(BaseModel):
    """A refresh token to be forgotten (RFC 7009, 2.1)."""

    model_config = ConfigDict(
        strict=True, json_schema_extra={"anyOf": [{"required": ["token"]}, {"required": ["cookie"]}]}
    )

    token: Annotated[
        Secret | None,
        Field(
            description="Any refresh token of the log-in that is to end.",
            json_schema_extra={"minLength": 1, "pattern": WITHOUT_NUL},  # without a value it counts as left out
        ),
    ] = None
    cookie: Annotated[
        Literal["clear"] | None,
        Field(
            description="From this service's own page alone, in the place of `token`: end the log-in of the"
            " cookie, and clear it."
        ),
    ] = None

    @model_validator(mode="after")
    def _has_a_token_or_a_cookie(self) -> Self:
        if self.token is None and self.cookie is None:
            raise ValidationFailedError([("token", "is missing")])
        return self


class Deletion(BaseModel):
    """What deleting an account wants. Who logs in with a provider has no password here, and sends nothing."""

    model_config = STRICT

    password: CurrentPassword


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


class TokenRead(BaseModel):
    """Tokens to go on with (RFC 6749, 5.1)."""

    access_token: Annotated[str, Field(description="For `Authorization: Bearer …`.")]
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Field(ge=1, description="How long the access token is good, in seconds.")]
    refresh_token: Annotated[
        str | SkipJsonSchema[None],
        Field(
            description="For the next tokens. The one it replaces is used up. Always there but with `cookie`,"
            " which has it instead."
        ),
    ] = None
    device_token: Annotated[
        str | SkipJsonSchema[None],
        Field(
            description="After a log-in alone: keep it, also after logging out, and send it with the next log-in."
            " It gives no access."
        ),
    ] = None
    user_id: Annotated[str, Field(examples=["usr_c7v3kq5xw2hn4jd6mzptyb2aflre"])]
