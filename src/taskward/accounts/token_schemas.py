"""What clients send to log in, to go on and to log out, and the tokens that they get."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic.json_schema import SkipJsonSchema

from taskward.accounts.schemas import MAX_PASSWORD, Secret
from taskward.errors import ValidationFailedError
from taskward.field_types import MAX_EMAIL, WITHOUT_NUL, without_nul

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
        Literal["keep", "session"] | SkipJsonSchema[None],
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
        Literal["clear"] | SkipJsonSchema[None],
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
