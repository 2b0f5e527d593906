"""What is served beside the API, and under which path."""

from collections.abc import Iterator

from pydantic import Field

from taskward.settings.fields.serving import Serving
from taskward.settings.token_secret import MAKE_ONE, weakness
from taskward.settings.value_types import BearerSecret, RootPath


class Operations(Serving):
    """The settings of the page, the documentation and metrics."""

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
    mcp: bool = Field(
        True,
        description="Whether agents reach tasks at `/mcp`, by the Model Context Protocol. With `false`, it is 404."
        " With `PUBLIC_URL` and `JWT_ISSUER`, they find out by themselves where to get a token.",
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

    def _unsafe_metrics(self) -> Iterator[str]:
        if self.metrics_port and self.metrics_port == self.port:
            yield "METRICS_PORT: this must be a different port from PORT"
        secret = None if self.development or self.metrics_token is None else self.metrics_token.get_secret_value()
        if secret and (why := weakness(secret)):
            yield f"METRICS_TOKEN: this secret is easy to guess: {why}. {MAKE_ONE}"

    @property
    def metrics_beside_api(self) -> bool:
        """Whether `PORT` has `/metrics`: without a token in development alone, beside `METRICS_PORT` never."""
        return self.metrics_port is None and (self.development or self.metrics_token is not None)

    @property
    def metrics_bearer(self) -> bytes | None:
        """What a scrape must show as its token, None where it needs none."""
        return self.metrics_token.get_secret_value().encode() if self.metrics_token else None
