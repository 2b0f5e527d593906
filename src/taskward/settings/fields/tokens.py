"""Whose tokens are accepted, by what secret or keys, and what a token must say."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from secrets import token_bytes
from typing import Literal, Self

from pydantic import AliasChoices, Field, ValidationInfo, field_validator, model_validator

from taskward.os_errors import unusable_data_dir
from taskward.settings.errors import InvalidSettingsError
from taskward.settings.fields.database import Database
from taskward.settings.fields.serving import Serving
from taskward.settings.token_secret import MAKE_ONE, secret_kept_in, weakness
from taskward.settings.value_types import Audiences, ClientIds, KeySetUrl, SharedSecret, comes_in_clear

NO_USER_ID = {"iss", "aud", "exp", "nbf", "iat", "jti"}  # the same for many users, or new with each token


class Tokens(Database, Serving):
    """The settings of tokens, accounts and what a stranger learns."""

    jwt_secret_key: SharedSecret | None = Field(
        None,
        validation_alias=AliasChoices("JWT_SECRET_KEY", "BETTER_AUTH_SECRET"),
        description="The secret of the tokens, at least 32 characters. Unset in development, one is made up once"
        " and kept in `DATA_DIR`, unless there is a `JWT_JWKS_URL` and no accounts. Where both names are set,"
        " `JWT_SECRET_KEY` wins.",
        examples=["the output of: openssl rand -base64 48"],
    )
    cursor_secret_key: SharedSecret | None = Field(
        None,
        description="The secret that cursors of lists are encrypted with, at least 32 characters. Unset, it is"
        " that of the tokens. Where there is none, as all tokens come from `JWT_JWKS_URL`, each start makes up"
        " one: set it there if several machines serve, which must all have the same.",
        examples=["the output of: openssl rand -base64 48"],
    )
    algorithm: Literal["HS256"] = Field(
        "HS256", description="How tokens of the secret are signed. There is no other choice."
    )
    access_token_expire_minutes: int = Field(
        30, ge=1, le=525_600, description="How long tokens that are made here are good."
    )
    jwt_jwks_url: KeySetUrl | None = Field(
        None,
        description="Where an identity provider publishes its public keys: by https, or by http from this machine,"
        " and in development from a private address or name (one without a dot, `*.local`, `*.internal`)."
        " `SSL_CERT_FILE` in the environment names a private authority. Then tokens of a secret are accepted only"
        " if `JWT_SECRET_KEY` is set as well, or there are accounts.",
        examples=["https://app.example.com/api/auth/jwks"],
    )
    jwt_issuer: str | None = Field(
        None,
        description="What `iss` must be, in every token, exactly. Unset, `iss` is not checked.",
        examples=["https://app.example.com"],
    )
    jwt_audience: Audiences = Field(
        None,
        description="Audiences, separated by commas. `aud` in every token must name one of them. Tokens that are"
        " made here name the first. Unset, `aud` is not checked.",
        examples=["https://app.example.com,https://admin.example.com"],
    )
    jwt_client_id: ClientIds = Field(
        None,
        description="Client ids, separated by commas, for a provider whose access tokens have `client_id` and no"
        " `aud`, such as Amazon Cognito. A token without `aud` is accepted if its `client_id` is one of them. One"
        " with `aud` is measured by `JWT_AUDIENCE`, and refused where that is unset.",
        examples=["1example23456789"],
    )
    jwt_user_id_claim: str = Field(
        "sub", description="The claim that is the user's id.", examples=["https://app.example.com/user_id"]
    )
    local_accounts: bool | None = Field(
        None,
        description="Whether people can register and log in here. Unset, they can unless `JWT_JWKS_URL` is set.",
        examples=["false"],
    )
    reveal_foreign_tasks: bool = Field(
        True, description="Somebody else's task is 403. With `false` it is 404, as if it did not exist."
    )

    @field_validator("jwt_jwks_url")
    @classmethod
    def _not_in_clear_outside_development(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("environment") != "development" and comes_in_clear(value):
            raise ValueError(
                "use https. Outside development, plain http is allowed only for localhost, 127.0.0.1 and [::1]"
            )
        return value

    @field_validator("jwt_user_id_claim")
    @classmethod
    def _of_one_user(cls, value: str) -> str:
        if value in NO_USER_ID:
            raise ValueError(f"'{value}' does not say whose token it is")
        return value

    @model_validator(mode="after")
    def _explicit_outside_development(self) -> Self:
        if self.environment != "development" and self.jwt_secret_key is None and self.jwt_jwks_url is None:
            raise ValueError(
                f"JWT_SECRET_KEY (or BETTER_AUTH_SECRET) or JWT_JWKS_URL must be set in {self.environment}"
            )
        if self.environment != "development" and self.jwt_secret_key is None and self.accounts_enabled:
            raise ValueError(f"LOCAL_ACCOUNTS needs JWT_SECRET_KEY (or BETTER_AUTH_SECRET) in {self.environment}")
        return self

    def _easy_to_guess(self, variable_of_the_secret: str) -> Iterator[str]:
        named = {variable_of_the_secret: self.jwt_secret_key, "CURSOR_SECRET_KEY": self.cursor_secret_key}
        for name, secret in named.items():
            if secret and (why := weakness(secret.get_secret_value())):
                yield f"{name}: this secret is easy to guess: {why}. {MAKE_ONE}"

    @property
    def accounts_enabled(self) -> bool:
        """Whether people can register and log in here: unless it is said, only where nobody else does this."""
        return self.jwt_jwks_url is None if self.local_accounts is None else self.local_accounts

    @property
    def has_secret(self) -> bool:
        """Whether tokens of a shared secret are accepted: not where there are public keys, and no need of it."""
        return self.jwt_secret_key is not None or self.jwt_jwks_url is None or self.accounts_enabled

    @cached_property
    def signing_secret(self) -> bytes:
        """The HS256 key; in development one is made up once and kept in `DATA_DIR`.

        Raises InvalidSettingsError when what is kept there cannot be one, and where there is no such key.
        """
        if not self.has_secret:
            raise InvalidSettingsError(
                "tokens come from the identity provider at JWT_JWKS_URL; to make some here too, set JWT_SECRET_KEY"
            )
        if self.jwt_secret_key is not None:
            return self.jwt_secret_key.get_secret_value().encode()
        try:
            return secret_kept_in(self._secret_file)
        except OSError as error:
            raise InvalidSettingsError(unusable_data_dir(self.data_dir, error)) from None

    @cached_property
    def cursor_secret(self) -> bytes:
        """What the key of cursors is derived from; raises InvalidSettingsError.

        Where there is no secret at all, one for this process: `taskward serve` has one for all its workers.
        """
        if self.cursor_secret_key is not None:
            return self.cursor_secret_key.get_secret_value().encode()
        return self.signing_secret if self.has_secret else token_bytes()

    @property
    def secret_is_missing(self) -> bool:
        """Whether `signing_secret` would have to be made up first: no service has begun to accept its tokens."""
        return self.has_secret and self.jwt_secret_key is None and not self._secret_file.exists()

    @property
    def _secret_file(self) -> Path:
        return self.data_dir / "jwt-secret"
