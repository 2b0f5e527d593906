"""What OpenTelemetry's libraries log: which of them, and what kind of trouble, and none of their words."""

import logging
from collections.abc import Iterator
from io import StringIO
from logging.config import dictConfig
from pathlib import Path

import httpx2
import pytest

from taskward.observability import telemetry
from taskward.observability.libraries import LIBRARIES
from taskward.observability.logging import log_config
from tests.conftest import SECRET
from tests.service import Service

SECRETS = ("S3cr", "3cret", "key4me")
ENDPOINT = "http://127.0.0.1:1/v1/traces"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the service would write to standard error."""
    config = log_config("info")
    root, *_ = loggers = [logging.getLogger(name) for name in ("root", *config["loggers"])]
    before = [logger.level for logger in loggers], root.handlers[:]
    dictConfig(config)
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(StringIO())
    yield handler.stream
    levels, root.handlers = before
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_text_of_a_library_is_logged(library: str, log: StringIO) -> None:
    logger = logging.getLogger(f"{library}.of.it")
    logger.error("S3cret")
    logger.error("Failed: %s, reason: %s", 401, "S3cret")
    logger.warning("Transient error %s", ConnectionError("http://u:S3cret@h/?key=key4me"))
    logger.warning("%(a)s", {"a": "S3cret"})
    try:
        raise OSError("S3cret")
    except OSError:
        logger.exception("S3cret", stack_info=True)
    said = log.getvalue()
    assert [secret for secret in SECRETS if secret in said] == []
    kinds = ["a problem", "status 401", "ConnectionError", "a problem", "OSError"]
    assert [line.split("telemetry: ")[1].split(",")[0] for line in said.splitlines()] == kinds


def test_our_own_lines_are_as_they_are(log: StringIO) -> None:
    logging.getLogger("taskward.http").warning("a %s", "word")
    assert "[a word]" in log.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "http://u:S3cr/et@127.0.0.1:1"),
        ("https_proxy", "http://u:S3cr@et@127.0.0.1:1"),
        ("all_proxy", "socks5://u:S3cret@127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "S3cret"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "S3cret"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,S3cret"),
    ],
)
def test_what_the_exporter_cannot_read_is_named_and_there_is_no_telemetry(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example")
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "")
    assert telemetry.telemetry() == telemetry.OFF
    assert f"telemetry is off: {name}" in caplog.text
    assert "S3c" not in caplog.text


def test_a_collector_that_is_away_and_settings_that_are_odd_put_no_secret_into_the_log(
    tmp_path: Path, database_url: str
) -> None:
    odd = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{ENDPOINT}?api_key=key4me",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{ENDPOINT}?api_key=key4me",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "S3cret",
        "OTEL_TRACES_SAMPLER": "S3cret",
        "OTEL_BSP_SCHEDULE_DELAY": "S3cret",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "HTTP_PROXY": "http://u:S3cr/et@127.0.0.1:1",
    }
    settings = {"DATABASE_URL": database_url, "JWT_SECRET_KEY": SECRET, **odd}
    with Service(tmp_path / "data", settings) as service:
        httpx2.get(f"{service.url}/tasks")
    said = service.banner + service.rest_of_output
    assert [secret for secret in SECRETS if secret in said] == []
    assert "telemetry: " in said
