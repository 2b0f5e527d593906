"""`/docs`, `/redoc` and what they show: no request leaves the reader's network.

The page for people is at the same origin: a script that got into these pages could have its tokens. So none
runs but the viewers, which are files of an installed package, and the few lines that start one, by their hash
(Content Security Policy Level 3, 8.3).
"""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from taskward.api.fast import fast
from taskward.api.openapi import behind
from taskward.api.paths import had_slash, root_path_of
from taskward.api.responses import JsonResponse

ASSETS = "docs/assets"  # beside the pages, wherever a proxy shows them
DESCRIPTION = "openapi.json"
INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def install_documentation(app: FastAPI, *, opened: str) -> None:
    """Add `/openapi.json`, the two viewers of it and the files they need; `/docs` begins with one tag opened."""
    # Imported for its files; the factory it offers would decide too much about the application.
    app.mount(f"/{ASSETS}", StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static"))
    swagger_ui = _Viewer(partial(_swagger_ui, opened=opened), app.title)
    redoc = _Viewer(_redoc, app.title)

    @app.get("/docs", include_in_schema=False)
    @fast
    async def read_swagger_ui(request: Request) -> HTMLResponse:
        return swagger_ui.asked_by(request)

    @app.get("/redoc", include_in_schema=False)
    @fast
    async def read_redoc(request: Request) -> HTMLResponse:
        return redoc.asked_by(request)

    @app.get(f"/{DESCRIPTION}", include_in_schema=False)
    @fast
    async def read_description(request: Request) -> JsonResponse:
        return JsonResponse(behind(request.app.openapi(), root_path_of(request.scope)))


class _Viewer:
    """A page whose addresses are relative to it, so there are two: a browser takes `/docs/` for a folder."""

    def __init__(self, page: Callable[[str, str], HTMLResponse], title: str) -> None:
        self._beside = page(title, "")
        self._below = page(title, "../")

    def asked_by(self, request: Request) -> HTMLResponse:
        return self._below if had_slash(request.scope) else self._beside


def _swagger_ui(title: str, up: str, *, opened: str) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url=up + DESCRIPTION,
        title=f"{title}: try the API",
        swagger_js_url=f"{up}{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{up}{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{up}{ASSETS}/favicon.png",
        swagger_ui_parameters={
            "persistAuthorization": False,
            "displayRequestDuration": True,
            "docExpansion": "none",  # else the aliases make the page several times as long
        },
    )
    open_tag = f'ui.layoutActions.show(["operations-tag", "{opened}"], true);'
    start, end = bytes(page.body).decode().rsplit("</script>", 1)
    return _with_policy(HTMLResponse(f"{start}{open_tag}</script>{end}"))


def _redoc(title: str, up: str) -> HTMLResponse:
    return _with_policy(
        get_redoc_html(
            openapi_url=up + DESCRIPTION,
            title=f"{title}: reference",
            redoc_js_url=f"{up}{ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{up}{ASSETS}/favicon.png",
            with_google_fonts=False,
        )
    )


def _with_policy(page: HTMLResponse) -> HTMLResponse:
    """Let the scripts that are in a page now run in it, and no others; nothing is fetched from anywhere but here.

    Both viewers style themselves inline, and ReDoc has a logo on its maker's server, which stays there.
    """
    hashes = (b64encode(sha256(script).digest()).decode() for script in INLINE.findall(page.body))
    scripts = " ".join(["'self'", *(f"'sha256-{found}'" for found in hashes)])
    page.headers["Content-Security-Policy"] = (
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
        f"script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    page.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return page
