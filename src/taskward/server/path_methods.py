"""The methods of a path, for `Allow` (RFC 9110, 10.2.1)."""

from collections import defaultdict

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return every method of a path, sorted; the framework names only those of the first route that has it.

    A path that is one by name, such as `/tasks/batch`, has no method of one with a parameter in that place.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for route in iter_route_contexts(app.routes):
        if route.path and route.methods and compile_path(route.path)[0].match(path):
            found[route.path.count("{")] |= route.methods
    methods = found[min(found, default=0)] or {"GET"}  # files of the documentation are no route, and only read
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
