import logging
import sys
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskward.observability.current import CurrentRequest, current_request
from taskward.observability.logging import JsonFormatter, TextFormatter, log_config
from tests.observability.lines import fields

pytestmark = pytest.mark.quick

# Whatever a terminal, a log collector or an editor might take for the end of a line, or obey.
HARMFUL = [
    "\n", "\r", "\r\n", "\t", "\0", "\x0b", "\x0c", "\x1b[2J", "\x1c", "\x7f", "\x85", "\x9b31m", "\u2028",
    "\u2029", "\u202e", "\u2066", "\u061c", "\ufeff", "\ud800",
    "\u00ad", "\U000e0041",
]  # fmt: skip
ANYTHING = st.text(st.characters(categories=None), min_size=1)  # surrogates as well


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("taskward.tests", logging.WARNING, "", 0, message, arguments, exc_info)


def line_of(formatter: logging.Formatter, written: logging.LogRecord, user_id: str | None = None) -> str:
    """Return the line of a record that is written while `user_id` reads a task."""
    request = CurrentRequest("alices-request", "GET")
    request.route, request.user_id = "/tasks/{task_id}", user_id
    enclosing = current_request.set(request)
    try:
        return formatter.format(written)
    finally:
        current_request.reset(enclosing)


def test_a_line_of_text_has_five_fields() -> None:
    written = record("two %s", "words")
    found = fields(line_of(TextFormatter(), written, "alice"))
    assert datetime.fromisoformat(found.pop("timestamp")) == datetime.fromtimestamp(
        int(written.created * 1000) / 1000, UTC
    )
    assert found == {
        "level": "WARNING",
        "user_id": "alice",
        "endpoint": "GET /tasks/{task_id}",
        "message": "two words (request alices-request)",
    }


def test_a_line_of_json_has_the_same_and_more() -> None:
    found = orjson.loads(line_of(JsonFormatter(), record("two %s", "words"), "alice"))
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "level": "WARNING",
        "logger": "taskward.tests",
        "user_id": "alice",
        "endpoint": "GET /tasks/{task_id}",
        "request_id": "alices-request",
        "message": "two words",
    }


def test_a_line_of_no_request_says_so() -> None:
    found = fields(TextFormatter().format(record("started")))
    assert (found["user_id"], found["endpoint"], found["message"]) == ("-", "-", "started")
    entry = orjson.loads(JsonFormatter().format(record("started")))
    assert (entry["user_id"], entry["endpoint"], entry["request_id"]) == (None, None, None)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize("harmful", HARMFUL, ids=ascii)
def test_nothing_ends_a_line_or_moves_the_cursor(formatter: logging.Formatter, harmful: str) -> None:
    try:
        raise OSError(f"a{harmful}b")
    except OSError as error:
        line = line_of(formatter, record("a%sb", harmful, error=error), f"alice{harmful}")
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert line.encode()


@given(user_id=ANYTHING, message=ANYTHING)
def test_no_user_id_and_no_message_forge_a_field(user_id: str, message: str) -> None:
    line = line_of(TextFormatter(), record("%s", message), user_id)
    assert len(line.splitlines()) == 1
    assert fields(line)["endpoint"] == "GET /tasks/{task_id}"


@given(message=st.text())
def test_json_loses_nothing(message: str) -> None:
    assert orjson.loads(line_of(JsonFormatter(), record("%s", message)))["message"] == message.strip()


def test_a_stack_trace_stays_in_its_line() -> None:
    try:
        sys.intern(1)  # type: ignore[call-overload]  # the mistake
    except TypeError as error:
        written = record("500 INTERNAL_ERROR", error=error)
    message = fields(line_of(TextFormatter(), written))["message"]
    assert r"(request alices-request)\nTraceback (most recent call last):\n  File " in message
    assert r"\nTypeError: intern() argument" in message
    exception = orjson.loads(line_of(JsonFormatter(), written))["exception"]
    assert exception.splitlines()[0] == "Traceback (most recent call last):"
    assert exception.splitlines()[-1].startswith("TypeError: ")


@pytest.mark.parametrize(("form", "formatter"), [("text", TextFormatter), ("json", JsonFormatter)])
def test_the_setting_chooses_the_form_of_every_line(form: str, formatter: type[logging.Formatter]) -> None:
    config = log_config("debug", form)
    assert config["formatters"] == {"line": {"()": formatter}}
    assert config["root"]["handlers"] == ["stderr"]
    assert {logger["level"] for logger in config["loggers"].values()} == {"DEBUG"}
