"""Every setting, typed: environment variables first, then `.env`."""

import os
import secrets
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

MIN_SECRET_LENGTH = 32  # RFC 7518, 3.2: an HS256 key is at least as long as the hash
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
NO_USER_ID = {"iss", "aud", "exp", "nbf", "iat", "jti"}  # the same for many users, or new with each token


class InvalidSettingsError(Exception):
    """The settings contradict themselves or the rules; the message has one line for each."""


class Settings(BaseSettings):
    """The settings of one process, read once at its start. `Settings.load()` explains what it refuses."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "staging", "production"] = "development"
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_format: Literal["text", "json"] = "text"
    access_log: bool = False

    database_url: SecretStr | None = None
    database_migration_url: SecretStr | None = None
    data_dir: Path = Path("taskward-data")
    db_pool_size: int = Field(10, ge=1, le=1000)
    db_max_overflow: int = Field(20, ge=0, le=1000)

    jwt_secret_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("JWT_SECRET_KEY", "BETTER_AUTH_SECRET")
    )
    algorithm: Literal["HS256"] = "HS256"
    access_token_expire_minutes: int = Field(30, ge=1, le=525_600)
    jwt_jwks_url: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_user_id_claim: str = "sub"
    local_accounts: bool | None = None
    reveal_foreign_tasks: bool = True
    web_page: bool = True

    @classmethod
    def load(cls) -> Self:
        """Read the settings; raise InvalidSettingsError with a line for each that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            raise InvalidSettingsError("\n".join(_one_line(problem) for problem in error.errors())) from None
        except UnicodeDecodeError:
            raise InvalidSettingsError(".env is not UTF-8 text") from None

    @field_validator("environment", "log_level", "log_format", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("jwt_secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET_LENGTH:
            raise ValueError(f"at least {MIN_SECRET_LENGTH} characters are needed")
        if value is not None and "-----BEGIN" in value.get_secret_value():
            raise ValueError("this is a key or certificate in PEM form, and not a shared secret")
        return value

    @field_validator("jwt_jwks_url")
    @classmethod
    def _safe_to_fetch(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("this is not a URL")
        url = urlsplit(value)  # raises ValueError for brackets that enclose no IPv6 address
        if not url.hostname or url.username is not None or url.fragment or url.port == 0:
            raise ValueError("this is not a URL with a host, and with neither a user nor a fragment")
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK):
            raise ValueError("keys are fetched by https, and by http from this machine alone")
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

    @property
    def development(self) -> bool:
        """Whether errors may explain themselves and a secret may be made up."""
        return self.environment == "development"

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
        return _secret_kept_in(self.data_dir / "jwt-secret")


def _secret_kept_in(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        try:
            with open(descriptor, "w") as file:  # noqa: PTH123
                file.write(secrets.token_urlsafe(48))
            os.link(draft, path)  # fails where a rename would overwrite
        except FileExistsError:
            pass  # another process was first, and its secret is the one
        finally:
            os.unlink(draft)  # noqa: PTH108
    secret = path.read_bytes()
    if len(secret) < MIN_SECRET_LENGTH:  # a file cut short, by a full disk or by hand, would be a key to guess
        raise InvalidSettingsError(f"{path} is too short to be a secret. Delete it, and a new one will be made.")
    return secret


def _one_line(problem: ErrorDetails) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
