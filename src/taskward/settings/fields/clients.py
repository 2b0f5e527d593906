"""What each client may do: how much, how often, how many at a time, and from which web sites and proxies."""

from collections.abc import Iterator

from pydantic import Field

from taskward.settings.fields.serving import Serving
from taskward.settings.value_types import AddressHeader, Networks, Origins, Rate, Store


class Clients(Serving):
    """The settings of limits, and of who is behind a browser's or a proxy's request."""

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

    def _unsafe_origins(self) -> Iterator[str]:
        if "*" in self.allowed_origins and len(self.allowed_origins) > 1:
            yield "ALLOWED_ORIGINS: '*' is every origin, so it must stand alone"
        if self.development:
            return
        if "*" in self.allowed_origins:
            yield f"ALLOWED_ORIGINS: '*' lets every web site call the API; in {self.environment}, name yours"
        if self.environment == "production":
            for origin in self.allowed_origins:
                if origin.startswith("http://"):
                    yield f"ALLOWED_ORIGINS: {origin} has no TLS, and in production its pages would hold tokens"
