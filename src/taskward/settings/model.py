"""All settings together: environment variables first, then `.env`."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from pydantic import ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from taskward.settings.errors import InvalidSettingsError, one_line
from taskward.settings.fields.clients import Clients
from taskward.settings.fields.database import Database
from taskward.settings.fields.mail import Mail
from taskward.settings.fields.operations import Operations
from taskward.settings.fields.provider import Provider
from taskward.settings.fields.serving import Serving
from taskward.settings.fields.tokens import Tokens
from taskward.settings.sources import ENCODING, ENV_FILE, SECRETS, as_written, check_env_file, tidied
from taskward.settings.unread_names import near_misses, variables


# Pydantic puts the fields of the last base first, and documents and commands list them in this order.
class Settings(Operations, Clients, Mail, Provider, Tokens, Database, Serving, BaseSettings):
    """The settings of one process, read once at its start. `Settings.load()` explains what it refuses."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
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

    @model_validator(mode="after")
    def _safe_outside_development(self) -> Self:
        if problems := list(self._unsafe()):
            raise ValueError("\n".join(problems))
        return self

    @property
    def agents_address(self) -> str | None:
        """Where agents reach `/mcp`, what their tokens name as audience (RFC 8707); also while it is off."""
        return f"{self.public_url}/mcp" if self.public_url else None

    @property
    def agents_issuer(self) -> str | None:
        """Who gives agents tokens by OAuth; None where they must bring one."""
        return self.jwt_issuer if self.public_url else None

    def _unsafe(self) -> Iterator[str]:
        yield from self._unsafe_origins()
        if not self.development:
            yield from self._easy_to_guess(self.variable_of_the_secret())
        yield from self._unsafe_metrics()
        yield from self._unusable_provider(accounts=self.accounts_enabled)
