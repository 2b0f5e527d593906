"""Messages of JSON-RPC 2.0 as the Model Context Protocol has them: read strictly, answered with one object.

Source: modelcontextprotocol.io, specification 2026-07-28, "Messages".
"""

from dataclasses import dataclass
from typing import Any

from taskward.strict_json import MalformedJsonError, decode

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022
LARGEST_ID = 2**53 - 1  # JavaScript counts no further
MAX_ID_LENGTH = 255

Id = str | int


class ProtocolError(Exception):
    """A message that is not answered with a result: a code of JSON-RPC or MCP, and a sentence for a developer."""

    def __init__(self, code: int, message: str, *, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.status = 404 if code == METHOD_NOT_FOUND else 400
        self.id: Id | None = None  # of the request, where it could be read

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the response."""
        error = {"code": self.code, "message": str(self)}
        return answered(self.id, error=error if self.data is None else {**error, "data": self.data})


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a notification, which has no id and wants no answer."""

    id: Id | None
    method: str
    params: dict[str, Any]


def read_message(data: bytes) -> Message:
    """Return the one message of a body; raise ProtocolError, also for a batch, which only 2025-03-26 had."""
    try:
        value = decode(data)
    except MalformedJsonError as error:
        raise ProtocolError(PARSE_ERROR, f"The message is not valid JSON: {error}.") from None
    if isinstance(value, list):
        raise ProtocolError(INVALID_REQUEST, "Batches are not answered here. Send each message by itself.")
    if not isinstance(value, dict):
        raise ProtocolError(INVALID_REQUEST, "A message is a JSON object.")
    message_id = _id_of(value)
    try:
        return Message(message_id, _method_of(value), _object(value, "params"))
    except ProtocolError as error:
        error.id = message_id
        raise


def answered(message_id: Id | None, **outcome: Any) -> dict[str, Any]:
    """Return the response with a `result` or an `error`, without an id where none could be read."""
    return {"jsonrpc": "2.0", **({} if message_id is None else {"id": message_id}), **outcome}


def _id_of(value: dict[str, Any]) -> Id | None:
    if "id" not in value:
        return None
    found = value["id"]
    if isinstance(found, str) and len(found) <= MAX_ID_LENGTH:
        return found
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) <= LARGEST_ID:
        return found
    raise ProtocolError(
        INVALID_REQUEST, f"'id' must be text of up to {MAX_ID_LENGTH} characters, or a whole number below 2^53."
    )


def _method_of(value: dict[str, Any]) -> str:
    if value.get("jsonrpc") != "2.0":
        raise ProtocolError(INVALID_REQUEST, "'jsonrpc' must be \"2.0\".")
    method = value.get("method")
    if not isinstance(method, str):
        raise ProtocolError(INVALID_REQUEST, "'method' must be text. Responses are not taken: nothing is asked.")
    return method


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise ProtocolError(INVALID_PARAMS, f"'{name}' must be a JSON object.")
    return found
