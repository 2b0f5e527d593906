"""The page over HTTP: one document that is asked about each time, and files that are kept for good."""

import gzip
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.conditional import is_unchanged
from taskward.api.fast import fast
from taskward.errors import RouteNotFoundError

FILES = Path(__file__).parent / "files"
DOCUMENT = "index.html"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Even if somebody's text became HTML, nothing would run it, and nothing could be sent anywhere but here.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
ASK_AGAIN = {"Cache-Control": "no-cache"}
GZIP = {"Content-Encoding": "gzip"}
# RFC 9110, 12.5.3: a weight of 0 means no.
TAKES_GZIP = re.compile(r"(?:^|[,\s])gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)


def page_routes(
    *, accounts: bool, mail: bool = False, provider: str | None = None, passwords: bool = True
) -> APIRouter:
    """Return the routes of the page; `accounts` says whether people sign in here, or bring a token.

    `mail` says whether mail is sent to them. They can sign in with a `provider` too, which is its issuer; without
    `passwords`, with it alone.
    """
    router = APIRouter(include_in_schema=False)
    contents, version = _contents()
    # Relative to the document, wherever a proxy shows it.
    names = {
        "files": f"page/{version}",
        "accounts": str(accounts).lower(),
        "mail": str(mail).lower(),
        "provider": escape(urlsplit(provider or "").netloc),
        "passwords": str(passwords).lower(),
    }
    document = Content(Template(contents[DOCUMENT].plain.decode()).substitute(names).encode())
    tag = _digest(document.plain)

    @router.get("/")
    @fast
    async def read_page(request: Request) -> Response:
        body, encoding = document.for_client(request)
        own_tag = f'"{tag}.{len(body)}"'  # each coding is a representation of its own (RFC 9110, 8.8.3.3)
        headers = {"ETag": own_tag, **ASK_AGAIN, **HEADERS}
        if is_unchanged(request, own_tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=TYPES[".html"], headers={**headers, **encoding})

    @router.get("/page/{version}/{name}")
    @fast
    async def read_file(request: Request) -> Response:
        name = request.path_params["name"]
        if request.path_params["version"] != version or name not in contents or name == DOCUMENT:
            raise RouteNotFoundError
        body, encoding = contents[name].for_client(request)
        headers = {**FOR_GOOD, **HEADERS, **encoding}
        return Response(body, media_type=TYPES[Path(name).suffix], headers=headers)

    return router


class Content:
    """Bytes as they are, and compressed: once, and not for each who asks."""

    def __init__(self, plain: bytes) -> None:
        """Compress them."""
        self.plain = plain
        self._compressed = gzip.compress(plain, mtime=0)

    def for_client(self, request: Request) -> tuple[bytes, dict[str, str]]:
        """Return the body for a client, and its headers."""
        if TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
            return self._compressed, GZIP
        return self.plain, {}


@cache
def _contents() -> tuple[dict[str, Content], str]:
    """Return the files by their name, and the name of all of them together: so modules find each other."""
    contents = {path.name: path.read_bytes() for path in FILES.iterdir() if path.suffix in TYPES}
    version = _digest(b"".join(contents[name] for name in sorted(contents)))
    return {name: Content(plain) for name, plain in contents.items()}, version


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
