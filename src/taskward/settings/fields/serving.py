"""Where the service runs, on what address, and what it logs."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator


class Serving(BaseModel):
    """The settings of the processes."""

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

    @field_validator("environment", "log_level", "log_format", mode="before")
    @classmethod
    def _in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @property
    def development(self) -> bool:
        """Whether errors may explain themselves and a secret may be made up."""
        return self.environment == "development"
