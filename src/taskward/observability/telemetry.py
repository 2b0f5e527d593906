"""OpenTelemetry: FastAPI's own spans and metrics, where the usual OTEL_* variables say where to send them."""

import logging
import os
import re
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig

from taskward.addresses import read_address
from taskward.loopback import is_loopback
from taskward.proxies import BadProxyError, check_proxies, keep_loopback_direct

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
HEADERS = tuple(name.replace("ENDPOINT", "HEADERS") for name in ENDPOINTS)
TIMEOUTS = tuple(name.replace("ENDPOINT", "TIMEOUT") for name in ENDPOINTS)
ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES"
HEADER = re.compile(r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*=[ !#-+\--:<-\[\]-~]*")  # as the exporter takes them
OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
REDACTED = "REDACTED"

# What a span may carry from the start; anything else holds text of the client's: the path, the query.
KEPT = {
    "code.function.name",
    "http.request.method",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.scheme",
}

logger = logging.getLogger(__name__)


def telemetry() -> TelemetryConfig:
    """Return what FastAPI is to do: nothing, unless an OTLP endpoint is in the environment."""
    endpoint = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if endpoint is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return OFF
    try:
        _check_readable()
        keep_loopback_direct()
    except (ValueError, BadProxyError) as error:
        logger.warning("telemetry is off: %s", "; ".join(str(error).splitlines()))
        return OFF
    try:
        provider = _tracer_provider()
    except ImportError:
        logger.warning("%s is set, but there is no telemetry without pip install 'taskward[telemetry]'", endpoint)
        return OFF
    # No logs: they would carry the messages of exceptions, which quote what clients sent.
    return {"tracer_provider": provider, "logs": False, "auto_configure": True}


def _check_readable() -> None:
    """Raise ValueError or BadProxyError for what the exporter could not read, and might quote."""
    hosts = {_host_of(name) for name in ENDPOINTS if os.environ.get(name)}
    if not all(map(is_loopback, hosts)):
        check_proxies()
    for name in HEADERS:
        if not all(HEADER.fullmatch(each) for each in os.environ.get(name, "").split(",") if each.strip()):
            raise ValueError(
                f"{name} must be name=value, separated by commas, with '\"', ';' and '\\' percent-encoded"
            )
    for name in TIMEOUTS:
        if not re.fullmatch(r"[0-9]*\.?[0-9]*", os.environ.get(name, "")):
            raise ValueError(f"{name} must be a number of seconds")
    if not all("=" in each for each in os.environ.get(ATTRIBUTES, "").split(",") if each.strip()):
        raise ValueError(f"{ATTRIBUTES} must be name=value, separated by commas")


def _host_of(name: str) -> str:
    value = os.environ[name].strip()
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"{name} must begin with http:// or https://")
    try:
        return read_address(value).hosts[0].strip("[]")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _tracer_provider() -> "TracerProvider":
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

    class Redaction(SpanProcessor):
        """Overwrites what clients wrote, before any exporter sees it; `http.route` comes later, and stays."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
            for name in set(span.attributes or ()) - KEPT:
                span.set_attribute(name, REDACTED)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Redaction())
    return provider
