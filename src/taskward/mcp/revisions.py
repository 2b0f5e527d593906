"""Which revision of the protocol a message speaks, and what that revision asks of its headers.

Since 2026-07-28 each request says so in `_meta` and in headers. Before, an `initialize` did, and a header after
it; a request without one is of 2025-03-26 (specification 2026-07-28, "Versioning" and "Streamable HTTP").
"""

import base64
import binascii

from starlette.datastructures import Headers

from taskward.mcp.messages import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    Message,
    ProtocolError,
)

MODERN = ("2026-07-28",)
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
SUPPORTED = (*MODERN, *LEGACY)

VERSION_HEADER = "MCP-Protocol-Version"
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
ENCODED = "=?base64?", "?="
MAX_SHOWN = 64


def is_modern(message: Message, headers: Headers) -> bool:
    """Tell whether a request needs no handshake; raise ProtocolError for a version that is not spoken."""
    meta = message.params.get("_meta", {})
    if not isinstance(meta, dict):
        raise ProtocolError(INVALID_PARAMS, "'_meta' must be a JSON object.")
    said, header = meta.get(VERSION), _header(headers, VERSION_HEADER)
    if said is None and (header is None or header in LEGACY):
        return False
    if said is None:
        if header not in MODERN:
            raise _unsupported(header)
        raise ProtocolError(INVALID_PARAMS, f"'_meta' must have '{VERSION}'.")
    if said != header:
        raise ProtocolError(HEADER_MISMATCH, f"{VERSION_HEADER} and '{VERSION}' must be the same.")
    if said not in MODERN:
        raise _unsupported(said)
    if not isinstance(meta.get(CAPABILITIES), dict):
        raise ProtocolError(INVALID_PARAMS, f"'_meta' must have '{CAPABILITIES}', an object.")
    _check_headers(message, headers)
    return True


def negotiated(wanted: object) -> str:
    """Return the version that an `initialize` is answered with: the one it wants, or the newest that has one."""
    return wanted if isinstance(wanted, str) and wanted in LEGACY else LEGACY[0]


def _check_headers(message: Message, headers: Headers) -> None:
    """Raise ProtocolError unless the headers that proxies route by say what the message does."""
    if _header(headers, "Mcp-Method") != message.method:
        raise ProtocolError(HEADER_MISMATCH, "Mcp-Method must be the method of the message.")
    if message.method == "tools/call" and _decoded(_header(headers, "Mcp-Name")) != message.params.get("name"):
        raise ProtocolError(HEADER_MISMATCH, "Mcp-Name must be the name of the tool.")


def _header(headers: Headers, name: str) -> str | None:
    values = headers.getlist(name)
    if len(values) > 1:
        raise ProtocolError(HEADER_MISMATCH, f"{name} is there more than once.")
    return values[0] if values else None


def _decoded(value: str | None) -> str | None:
    """Return what a header says that may be in Base64, as texts must be that are no plain ASCII."""
    before, after = ENCODED
    if value is None or not (value.startswith(before) and value.endswith(after)):
        return value
    try:
        return base64.b64decode(value[len(before) : -len(after)], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ProtocolError(HEADER_MISMATCH, "Mcp-Name is no Base64 of a text in UTF-8.") from None


def _unsupported(version: object) -> ProtocolError:
    requested = version[:MAX_SHOWN] if isinstance(version, str) else None
    data = {"supported": list(SUPPORTED), "requested": requested}
    return ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", data=data)
