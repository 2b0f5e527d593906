"""Where the service is behind a proxy that takes a prefix away: `root_path`, with which addresses begin."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from taskward.settings.value_types import root_path


class RootPath:
    """Puts the prefix before the path again, as ASGI wants to have it (`root_path` in its HTTP scope)."""

    def __init__(self, app: ASGIApp, configured: str, is_from_proxy: Callable[[Scope], bool]) -> None:
        """Wrap `app`; take the prefix that is configured, and what tells whether a request's own is believed."""
        self._app = app
        self._configured = configured
        self._is_from_proxy = is_from_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and (prefix := self._told(scope) or self._configured):
            scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
            if raw := scope.get("raw_path"):
                scope["raw_path"] = prefix.encode() + raw
        await self._app(scope, receive, send)

    def _told(self, scope: Scope) -> str:
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-prefix"]
        if len(values) != 1 or not self._is_from_proxy(scope):
            return ""
        try:
            return root_path(values[0].decode("latin-1").strip(" \t"))
        except ValueError:  # whoever wrote this, it becomes part of no address
            return ""
