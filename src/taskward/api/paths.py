"""The path of a request as routes know it, and what a proxy took away from it (`root_path` of ASGI)."""

from starlette.types import Scope


def path_in_app(scope: Scope) -> str:
    """Return the path without what a proxy took away before it asked."""
    path: str = scope["path"]
    return path.removeprefix(root_path_of(scope))


def root_path_of(scope: Scope) -> str:
    """Return what a proxy took away, with which addresses in responses begin; nothing without one."""
    prefix: str = scope.get("app_root_path", scope.get("root_path", ""))  # a mount moves the latter
    return prefix
