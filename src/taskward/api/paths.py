"""The path of a request as routes know it, and what a proxy took away from it (`root_path` of ASGI)."""

from starlette.types import Scope

HAD_SLASH = "taskward.had_slash"


def drop_slash(scope: Scope) -> str:
    """Return what `path_in_app` does, after taking one slash at its end out of the scope.

    So all that comes after knows one spelling: routes, `Location` and `Link`, metrics. Two slashes are another
    path, and that of the root is a slash alone (RFC 3986, 3.3).
    """
    path = path_in_app(scope)
    if not path.endswith("/") or path.endswith("//") or path == "/":
        return path
    scope["path"] = scope["path"][:-1]
    scope[HAD_SLASH] = True
    return path[:-1]


def had_slash(scope: Scope) -> bool:
    """Tell whether the client's path had a slash at its end, so that its browser takes it for a folder."""
    return HAD_SLASH in scope


def path_in_app(scope: Scope) -> str:
    """Return the path without what a proxy took away before it asked."""
    path: str = scope["path"]
    return path.removeprefix(root_path_of(scope))


def root_path_of(scope: Scope) -> str:
    """Return what a proxy took away, with which addresses in responses begin; nothing without one."""
    prefix: str = scope.get("app_root_path", scope.get("root_path", ""))  # a mount moves the latter
    return prefix
