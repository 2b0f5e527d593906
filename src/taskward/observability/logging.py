"""Log lines of the service and of uvicorn, on standard error: one line for each event."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from taskward.observability import audit
from taskward.observability.audit import AuditFile
from taskward.observability.current import current_request
from taskward.observability.libraries import OurWords
from taskward.observability.stack import stack_trace
from taskward.terminal_text import escaped, harmless

BRACKETS = {ord(each): escaped(each) for each in "[]\\"}  # a user id must not look like the next field


def log_config(level: str, form: str = "text", audit_file: Path | None = None) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`: everything from `level` up, as `text` or `json`.

    The audit log goes to its file if there is one, whatever the level, and else with the rest.
    """
    config = _to_standard_error(level, form)
    if audit_file is not None:
        config["handlers"]["audit"] = {"()": AuditFile, "path": audit_file, "formatter": "line"}
        config["loggers"][audit.NAME] = {"level": "INFO", "handlers": ["audit"], "propagate": False}
    return config


def _to_standard_error(level: str, form: str) -> dict[str, Any]:
    formatter = TextFormatter if form == "text" else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "filters": {"our words": {"()": OurWords}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["our words"]}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level.upper()} for name in ("taskward", "uvicorn", "uvicorn.error")},
    }


class TextFormatter(logging.Formatter):
    """`[TIMESTAMP] [LEVEL] [USER_ID] [ENDPOINT] [MESSAGE]`, with `-` for what a line has not."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        request = current_request.get()
        message = record.getMessage().strip()
        user_id = endpoint = "-"
        if request is not None:
            message += f" (request {request.id})"
            user_id, endpoint = request.user_id or "-", request.endpoint
        if trace := _trace(record):
            message += f"\n{trace}"
        fields = (_timestamp(record), record.levelname, harmless(user_id.translate(BRACKETS)), endpoint)
        return "".join(f"[{field}] " for field in fields) + f"[{harmless(message)}]"


class JsonFormatter(logging.Formatter):
    """One JSON object; `exception` only where there is one, and the fields of a line of the audit log."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        request = current_request.get()
        entry = {
            "timestamp": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "user_id": request and request.user_id,
            "endpoint": request and request.endpoint,
            "request_id": request and request.id,
            "message": record.getMessage().strip(),
        } | getattr(record, "audit", {})
        if trace := _trace(record):
            entry["exception"] = trace
        whole = {name: value and value.encode(errors="backslashreplace").decode() for name, value in entry.items()}
        # JSON's own escapes end at U+001F; outside of its strings the text has none of the rest.
        return harmless(orjson.dumps(whole).decode(), _in_json)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _trace(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1]:
        return stack_trace(record.exc_info[1])
    return record.stack_info or ""


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be").hex()  # of which a character beyond U+FFFF has two
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
