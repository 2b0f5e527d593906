"""Log lines of the service and of uvicorn, on standard error: one line for each event."""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from taskward.observability.current import current_request
from taskward.observability.libraries import OurWords
from taskward.observability.stack import stack_trace

# What could end a line, move a terminal's cursor, or turn the direction of reading: control characters of both
# sets, the separators of Unicode, its direction marks, and halves of surrogate pairs, which cannot be written.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
UNSAFE_IN_A_FIELD = re.compile(UNSAFE.pattern[:-1] + r"\[\]\\]")  # a user id must not look like the next field
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def log_config(level: str, form: str = "text") -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`: everything from `level` up, as `text` or `json`."""
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
        fields = (_timestamp(record), record.levelname, UNSAFE_IN_A_FIELD.sub(_escape, user_id), endpoint)
        return "".join(f"[{field}] " for field in fields) + f"[{UNSAFE.sub(_escape, message)}]"


class JsonFormatter(logging.Formatter):
    """One JSON object; `exception` only where there is one."""

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
        }
        if trace := _trace(record):
            entry["exception"] = trace
        whole = {name: value and value.encode(errors="backslashreplace").decode() for name, value in entry.items()}
        # JSON's own escapes end at U+001F; outside of its strings the text has none of the rest.
        return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", orjson.dumps(whole).decode())


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def _trace(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1]:
        return stack_trace(record.exc_info[1])
    return record.stack_info or ""


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    return SHORT.get(found[0]) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")
