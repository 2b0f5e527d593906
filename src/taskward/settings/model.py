"""Every setting, typed: environment variables first, then `.env`."""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from secrets import token_bytes
from typing import Literal, Self

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from taskward.os_errors import unusable_data_dir
from taskward.settings.errors import InvalidSettingsError, one_line
from taskward.settings.sources import ENCODING, ENV_FILE, SECRETS, as_written, check_env_file, tidied
from taskward.settings.token_secret import MAKE_ONE, secret_kept_in, weakness
from taskward.settings.unread_names import near_misses, variables
from taskward.settings.value_types import (
    AddressHeader,
    Audiences,
    BearerSecret,
    ClientIds,
    DatabaseUrl,
    KeySetUrl,
    Networks,
    Origins,
    Rate,
    RootPath,
    SharedSecret,
    Store,
    comes_in_clear,
)

NO_USER_ID = {"iss", "aud", "exp", "nbf", "iat", "jti"}  # the same for many users, or new with each token


class Settings(BaseSettings):
    """The settings of one process, read once at its start. `Settings.load()` explains what it refuses."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "staging", "production"] = Field(
        "development",
        description="`development`, `staging` or `production`. Outside development a secret or"
        " `JWT_JWKS_URL` must be set, a 401 does not explain itself, and unsafe settings are refused.",
    )
    host: str = Field(
        "127.0.0.1",
        description="The address to listen on. `0.0.0.0` is every IPv4 address there is, `::` every IPv4"
        " and IPv6 one.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on; `0` takes a free one.")
    workers: int = Field(1, ge=1, le=64, description="How many processes answer requests.", examples=[4])
    log_level: Literal["debug", "info", "warning", "error", "critical"] = Field(
        "info", description="The least important lines that are logged, on standard error."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How log lines look: `text`, or `json` for one JSON object on each line."
    )
    access_log: bool = Field(
        False, description="One line for each request. Refusals and failures are logged in any case."
    )
    audit_log_file: Path | None = Field(
        None,
        description="A file for the audit log: log-ins, failed ones, and what else happens to accounts. Unset, it"
        " is on standard error with the rest.",
        examples=["/var/log/taskward/audit.log"],
    )

    database_url: DatabaseUrl | None = Field(
        None,
        description="A PostgreSQL of yours. Unset, the service runs its own. In user and password, `@` is written"
        " `%40`, `/` `%2F`, `?` `%3F`, `#` `%23` and `%` `%25`.",
        examples=["postgresql://user:password@host/dbname?sslmode=require"],
    )
    database_migration_url: DatabaseUrl | None = Field(
        None,
        description="The same database for migrations, where another role or host is to do them.",
        examples=["postgresql://owner:password@host/dbname?sslmode=require"],
    )
    data_dir: Path = Field(
        Path("taskward-data"),
        description="The folder of the embedded PostgreSQL and of the made-up secret.",
        examples=["/var/lib/taskward"],
    )
    db_pool_size: int = Field(10, ge=1, le=1000, description="Connections that each worker keeps open.")
    db_max_overflow: int = Field(
        20, ge=0, le=1000, description="Connections that each worker may open beyond those."
    )
    database_timeout_seconds: float = Field(
        2,
        ge=0.5,
        le=60,
        description="How long a request may wait for the database before it is answered with 503.",
    )

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

    max_tasks_per_user: int = Field(
        100_000,
        ge=1,
        le=2**53,
        description="How many tasks each user may have. Who has more already keeps them, and can create none.",
        examples=[10_000],
    )

    allowed_origins: Origins = Field(
        (),
        description="The web sites whose pages may call the API from a browser (CORS), separated by commas. Unset,"
        " none may. `*` may stand for the first label of a host, but not below a name that others share, such as"
        " `vercel.app`. `*` alone is every site, in development only; `http://` is refused in production.",
        examples=["https://app.example.com,https://*.preview.example.com"],
    )
    rate_limit: Rate = Field(
        "1200/minute", description="How many requests each user may make.", examples=["100 per 10 seconds"]
    )
    auth_rate_limit: Rate = Field(
        "20/minute",
        description="How often an address may fail to prove who it is, and how often it, or anybody for one"
        " account, may try to log in or register. Devices that have logged in before are counted apart.",
        examples=["5/minute"],
    )
    rate_limit_storage_url: Store | None = Field(
        None,
        description="A Valkey or Redis in which all workers and machines count together. Unset, each worker counts"
        " for itself, in memory.",
        examples=["valkeys://user:password@host:6379/0"],
    )
    max_concurrent_requests: int = Field(
        32,
        ge=1,
        le=1_000_000,
        description="How many requests of one user, or of one address without a token, a worker answers at a"
        " time.",
        examples=[64],
    )
    trusted_proxies: Networks = Field(
        (),
        description="Addresses and networks of your own proxies, separated by commas. `CLIENT_ADDRESS_HEADER` is"
        " believed from these alone.",
        examples=["10.0.0.0/8,fd00::/8"],
    )
    client_address_header: AddressHeader = Field(
        "X-Forwarded-For",
        description="The header in which your proxies say for which address they ask. Name another only if they"
        " overwrite what a client wrote in it, as hosting platforms do with `X-Real-IP`, `Fly-Client-IP` or"
        " `CF-Connecting-IP`.",
        examples=["X-Real-IP"],
    )
    max_connections_per_address: int = Field(
        512,
        ge=1,
        le=2048,
        description="How many connections each worker keeps for one address, or for one network of 64 bits of"
        " IPv6. With more, the longest silent ones are closed. This machine and `TRUSTED_PROXIES` are not"
        " counted.",
        examples=[100],
    )
    max_unsent_mib: int = Field(
        64,
        ge=8,
        le=65_536,
        description="How many MiB of responses each worker keeps for clients that have not read them yet. With"
        " more, the slowest readers are cut off.",
        examples=[256],
    )
    root_path: RootPath | None = Field(
        None,
        description="The path under which a proxy shows the service, where it takes that path away before it asks."
        " `X-Forwarded-Prefix` of `TRUSTED_PROXIES` says the same for one request, and wins.",
        examples=["/tw"],
    )
    web_page: bool = Field(
        True, description="Whether there is a page for people at `/`. With `false`, `/` is 404."
    )
    api_docs: bool = Field(
        True,
        description="Whether there are `/docs`, `/redoc` and `/openapi.json`. With `false`, they are 404.",
    )
    metrics_token: BearerSecret | None = Field(
        None,
        description="What `/metrics` wants to see as a bearer token, at least 32 characters. Outside development"
        " there is no `/metrics` without it, unless there is `METRICS_PORT`.",
        examples=["the-output-of-openssl-rand-hex-32"],
    )
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="A port of its own for `/metrics`, at `HOST`; the other port then has none. `0` takes a free"
        " one. Keep it from the internet, or set `METRICS_TOKEN` as well.",
        examples=[9464],
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings; raise InvalidSettingsError with a line for each that is wrong."""
        check_env_file(Path(ENV_FILE))
        try:
            return cls()
        except ValidationError as error:
            names = {SECRETS[0]: cls.variable_of_the_secret()}
            wrong = [one_line(problem, cls.model_fields, names) for problem in error.errors()]
            slips = near_misses(os.environ, cls.in_file(), cls.model_fields)  # what is missing may be one of these
            raise InvalidSettingsError("\n".join([*wrong, *slips])) from None

    @classmethod
    def in_file(cls) -> Mapping[str, str | None]:
        """Return what `.env` says, under the names that it has there."""
        return as_written(ENV_FILE)

    @classmethod
    def variable_of_the_secret(cls) -> str:
        """Return which of its two names the secret is read from; the first one where neither is set."""
        for source in (EnvSettingsSource(cls), DotEnvSettingsSource(cls)):
            given = tidied(source).env_vars
            if name := next((name for name in SECRETS if name.lower() in given), None):
                return name
        return SECRETS[0]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the first before the others."""
        assert isinstance(env_settings, EnvSettingsSource)
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        return init_settings, tidied(env_settings), tidied(dotenv_settings)

    @field_validator("*", mode="before")
    @classmethod
    def _not_blank(cls, value: object, info: ValidationInfo) -> object:
        if value == "":  # an empty variable is not read, so there was something around nothing
            name = info.field_name or ""
            others = "".join(f" (or {other})" for other in variables(name, cls.model_fields[name])[1:])
            raise ValueError(
                f"this{others} is nothing but white space or quotation marks. Write a value, or remove it"
            )
        return value

    @field_validator("environment", "log_level", "log_format", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

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

    @model_validator(mode="after")
    def _safe_outside_development(self) -> Self:
        if problems := [*self._unsafe(), *self._unsafe_metrics()]:
            raise ValueError("\n".join(problems))
        return self

    def _unsafe(self) -> Iterator[str]:
        if "*" in self.allowed_origins and len(self.allowed_origins) > 1:
            yield "ALLOWED_ORIGINS: '*' is every origin, so it must stand alone"
        if self.development:
            return
        if "*" in self.allowed_origins:
            yield f"ALLOWED_ORIGINS: '*' lets every web site call the API; in {self.environment}, name yours"
        yield from self._easy_to_guess()
        if self.environment == "production":
            for origin in self.allowed_origins:
                if origin.startswith("http://"):
                    yield f"ALLOWED_ORIGINS: {origin} has no TLS, and in production its pages would hold tokens"

    def _easy_to_guess(self) -> Iterator[str]:
        named = {self.variable_of_the_secret(): self.jwt_secret_key, "CURSOR_SECRET_KEY": self.cursor_secret_key}
        for name, secret in named.items():
            if secret and (why := weakness(secret.get_secret_value())):
                yield f"{name}: this secret is easy to guess: {why}. {MAKE_ONE}"

    def _unsafe_metrics(self) -> Iterator[str]:
        if self.metrics_port and self.metrics_port == self.port:
            yield "METRICS_PORT: this must be another port than PORT"
        secret = None if self.development or self.metrics_token is None else self.metrics_token.get_secret_value()
        if secret and (why := weakness(secret)):
            yield f"METRICS_TOKEN: this secret is easy to guess: {why}. {MAKE_ONE}"

    @property
    def development(self) -> bool:
        """Whether errors may explain themselves and a secret may be made up."""
        return self.environment == "development"

    @property
    def metrics_beside_api(self) -> bool:
        """Whether `PORT` has `/metrics`: without a token in development alone, beside `METRICS_PORT` never."""
        return self.metrics_port is None and (self.development or self.metrics_token is not None)

    @property
    def metrics_bearer(self) -> bytes | None:
        """What a scrape must show as its token, None where it needs none."""
        return self.metrics_token.get_secret_value().encode() if self.metrics_token else None

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
