"""The page over HTTP: a document and a service worker that are asked about each time, and files kept for good."""

import gzip
import hashlib
import re
from collections.abc import Mapping
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
WORKER = "service-worker.js"  # beside the document: it may take care of nothing above itself
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

# Even if somebody's text became HTML, nothing would run it, and nothing could be sent anywhere but here.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    # One policy, which knows the address of the service worker and no other: browsers want one for that.
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types service-worker",
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
    files, version = files_and_version()
    contents = dict(files)
    # Relative to the document, wherever a proxy shows it.
    names = {
        "files": f"page/{version}",
        "accounts": str(accounts).lower(),
        "mail": str(mail).lower(),
        "provider": escape(urlsplit(provider or "").netloc),
        "passwords": str(passwords).lower(),
    }
    document = contents.pop(DOCUMENT).filled(names)
    # It changes with the document, which changes with every file: so browsers notice that there is another one.
    kept = " ".join(f"{names['files']}/{name}" for name in sorted(contents) if name != WORKER)
    worker = contents.pop(WORKER).filled({**names, "document": document.tag, "kept": kept})

    @router.get("/")
    @fast
    async def read_page(request: Request) -> Response:
        return _asked_about(request, document, DOCUMENT)

    @router.get(f"/{WORKER}")
    @fast
    async def read_service_worker(request: Request) -> Response:
        return _asked_about(request, worker, WORKER)

    @router.get("/page/{version}/{name}")
    @fast
    async def read_file(request: Request) -> Response:
        name = request.path_params["name"]
        if request.path_params["version"] != version or name not in contents:
            raise RouteNotFoundError
        body, encoding = contents[name].for_client(request)
        headers = {**FOR_GOOD, **HEADERS, **encoding}
        return Response(body, media_type=TYPES[Path(name).suffix], headers=headers)

    return router


def _asked_about(request: Request, content: "Content", name: str) -> Response:
    """Return what browsers keep and ask about each time: all of it, or that it is still what they have."""
    body, encoding = content.for_client(request)
    tag = f'"{content.tag}.{len(body)}"'  # each coding is a representation of its own (RFC 9110, 8.8.3.3)
    headers = {"ETag": tag, **ASK_AGAIN, **HEADERS}
    if is_unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=TYPES[Path(name).suffix], headers={**headers, **encoding})


class Content:
    """Bytes, kept compressed, as nearly everybody wants them."""

    def __init__(self, plain: bytes) -> None:
        """Compress them."""
        self.tag = _digest(plain)  # which tells it from any other content
        self._compressed = gzip.compress(plain, mtime=0)

    @property
    def plain(self) -> bytes:
        """Return the bytes as they are."""
        return gzip.decompress(self._compressed)

    def filled(self, names: Mapping[str, str]) -> "Content":
        """Return it with the names that it leaves open."""
        return Content(Template(self.plain.decode()).substitute(names).encode())

    def for_client(self, request: Request) -> tuple[bytes, dict[str, str]]:
        """Return the body for a client, and its headers."""
        if TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
            return self._compressed, GZIP
        return self.plain, {}


@cache
def files_and_version() -> tuple[dict[str, Content], str]:
    """Read the files; return them by name, and the name of all of them together: so modules find each other."""
    contents = {path.name: path.read_bytes() for path in FILES.iterdir() if path.suffix in TYPES}
    version = _digest(b"".join(contents[name] for name in sorted(contents)))
    return {name: Content(plain) for name, plain in contents.items()}, version


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
