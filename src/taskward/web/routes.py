"""The page over HTTP: one document that is asked about each time, and files that are kept for good."""

import hashlib
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
}
FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}
ASK_AGAIN = {"Cache-Control": "no-cache"}


def page_routes(
    *, accounts: bool, mail: bool = False, provider: str | None = None, passwords: bool = True
) -> APIRouter:
    """Return the routes of the page; `accounts` says whether people sign in here, or bring a token.

    `mail` says whether mail is sent to them. They can sign in with a `provider` too, which is its issuer; without
    `passwords`, with it alone.
    """
    router = APIRouter(include_in_schema=False)
    contents = {path.name: path.read_bytes() for path in FILES.iterdir() if path.suffix in TYPES}
    # All files together have one name, so that modules find each other beside themselves.
    version = _digest(b"".join(contents[name] for name in sorted(contents)))
    # Relative to the document, wherever a proxy shows it.
    names = {
        "files": f"page/{version}",
        "accounts": str(accounts).lower(),
        "mail": str(mail).lower(),
        "provider": escape(urlsplit(provider or "").netloc),
        "passwords": str(passwords).lower(),
    }
    document = Template(contents.pop(DOCUMENT).decode()).substitute(names).encode()
    tag = f'"{_digest(document)}"'

    @router.get("/")
    @fast
    async def read_page(request: Request) -> Response:
        headers = {"ETag": tag, **ASK_AGAIN, **HEADERS}
        if is_unchanged(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(document, media_type=TYPES[".html"], headers=headers)

    @router.get("/page/{version}/{name}")
    @fast
    async def read_file(request: Request) -> Response:
        name = request.path_params["name"]
        if request.path_params["version"] != version or name not in contents:
            raise RouteNotFoundError
        return Response(contents[name], media_type=TYPES[Path(name).suffix], headers={**FOR_GOOD, **HEADERS})

    return router


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
