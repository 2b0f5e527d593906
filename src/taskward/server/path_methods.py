"""The methods of a path, for `Allow` (RFC 9110, 10.2.1)."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return every method of a path, sorted; the framework names only those of the first route that has it."""
    methods: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path and route.methods and compile_path(route.path)[0].match(path):
            methods |= route.methods
    methods = methods or {"GET"}  # the files of the documentation are no route, and can only be read
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
