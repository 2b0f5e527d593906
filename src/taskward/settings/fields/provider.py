"""The provider that people log in with, where there is one (OpenID Connect)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from taskward.loopback import is_loopback
from taskward.settings.fields.accounts import Accounts
from taskward.settings.value_types import KeySetUrl, comes_in_clear

TOGETHER = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")


class Provider(Accounts):
    """The settings of log-in with another provider."""

    oidc_issuer: KeySetUrl | None = Field(
        None,
        description="The issuer of an OpenID provider that people log in with, exactly as it calls itself: by"
        " https, or by http from this machine, and in development from a private address or name. `PUBLIC_URL` and"
        " the next two must be set as well, and taskward[oidc] installed. Register `PUBLIC_URL` with"
        " `/auth/oidc/callback` behind it there as the redirect address.",
        examples=["https://accounts.google.com"],
    )
    oidc_client_id: str | None = Field(
        None, description="What the provider calls this service.", examples=["taskward"]
    )
    oidc_client_secret: SecretStr | None = Field(
        None,
        description="The secret that the provider has given to this service.",
        examples=["what the provider shows once"],
    )
    oidc_only: bool = Field(
        False,
        description="With `true` there are no passwords: everybody logs in with the provider at `OIDC_ISSUER`.",
        examples=["true"],
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_not_in_clear_outside_development(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "?" in value:
            raise ValueError("an issuer has no query")
        if info.data.get("environment") != "development" and comes_in_clear(value):
            raise ValueError(
                "use https. Outside development, plain http is allowed only for localhost, 127.0.0.1 and [::1]"
            )
        return value

    def _unusable_provider(self, *, accounts: bool) -> Iterator[str]:
        """Yield what is wrong; `accounts` says whether there are accounts here."""
        missing = [name.upper() for name in TOGETHER if getattr(self, name) is None]
        if len(missing) == len(TOGETHER):
            if self.oidc_only:
                yield "OIDC_ONLY: this needs a provider: set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET"
            return
        if missing:
            yield f"{' and '.join(missing)} must be set too: a provider needs all of {', '.join(TOGETHER).upper()}"
        if not accounts:
            yield "OIDC_ISSUER: whoever logs in with a provider has an account here: set LOCAL_ACCOUNTS=true"
        if self.public_url is None:
            yield "OIDC_ISSUER: this needs PUBLIC_URL, where the provider sends people back to"
        elif not self._is_safe(self.public_url):
            yield "OIDC_ISSUER: this needs a PUBLIC_URL by https, or of this machine"

    @staticmethod
    def _is_safe(url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme == "https" or is_loopback(parts.hostname or "")
