"""`docs/configuration.md`, written from the settings (`make configuration`)."""

from pathlib import Path
from textwrap import fill
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from taskward.settings import Settings
from taskward.settings.unread_names import variables

WIDTH = 115
DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"

INTRODUCTION = """\
# Configuration

Every setting. `make configuration` writes this page from the settings themselves, and a test holds it to them.

The service reads environment variables first, then a file `.env` in the folder where it starts. Names may be
in upper or lower case. White space around a value is ignored, and so is a pair of quotation marks, except those
of a secret. Nothing in a `.env` is expanded: `${NAME}` stays as it is. An empty value counts as unset. `taskward
config` prints what the settings are, where each comes from and what follows from them, without secrets; it exits
with 1 when one is wrong, as `taskward serve` does.
"""

UNSAFE = """\
## What is refused

Each of these stops the start with one line that names it:

- a value that is not of its type;
- an address whose password holds an unencoded `@`, `/`, `?`, `#`, `%`, `[`, `]` or white space, and one with a
  parameter that PostgreSQL does not know, such as `pgbouncer`, `schema` and `connection_limit` of Prisma;
- a secret of fewer than 32 characters, or one that is a key in PEM form;
- outside development: no secret and no `JWT_JWKS_URL`, or accounts without a secret, or a secret that anybody can
  guess: fewer than 8 different characters, the same text repeated, placeholder words, keyboard rows, the key of a
  tutorial;
- outside development: `*` in `ALLOWED_ORIGINS`, which would let every web site call the API;
- in production: an origin without TLS;
- anywhere: the origin `null`, which every sandboxed page and local file has; `*` beside other origins;
- `*`, or a network of every address, in `TRUSTED_PROXIES`, with which every caller could choose its own address;
- a `RATE_LIMIT_STORAGE_URL` that is not a valid address, or without [the client](operations.md#extras) for it;
- a proxy in `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` that cannot be read, or is SOCKS, where `JWT_JWKS_URL` is
  set;
- a value of nothing but white space or quotation marks;
- a `.env` that is a link to nothing, cannot be read, is not UTF-8, or has a line that is not `NAME=value`.

## What is warned of

`taskward serve` logs these at its start, and `taskward config` prints them:

- a name in `.env` that nothing reads, and one in the environment that is a setting's misspelt (`LOCAL_ACOUNTS`) or
  another product's word for it (`JWT_SECRET`, `NODE_ENV=production`), with what was probably meant;
- a `.env` that is a folder, from which no settings are read;
- a secret with white space around it, which is ignored here: whatever signs tokens must ignore it, too;
- a secret in quotation marks, which are part of it; one with a line break in it; in development, one that anybody
  can guess;
- `DATABASE_MIGRATION_URL` without `DATABASE_URL`: it is ignored;
- development on an address that others can reach;
- an address that others can reach without `TRUSTED_PROXIES`, outside development: behind a proxy, all callers
  share the limits of its one address;
- several workers without `RATE_LIMIT_STORAGE_URL`: each allows `RATE_LIMIT` for itself;
- access tokens that are good for more than a day, outside development;
- `JWT_JWKS_URL` without `JWT_AUDIENCE`.
"""

KINDS = {
    int: "number",
    float: "number",
    str: "text",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "secret",
    tuple: "list",
}


def document() -> str:
    """Return the page."""
    parts = [INTRODUCTION, *(_section(name, field) for name, field in Settings.model_fields.items()), UNSAFE]
    return "\n".join(parts)


def written(value: Any) -> str:
    """Return a default as one would write it."""
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _section(name: str, field: FieldInfo) -> str:
    written_as = variables(name, field)
    default = f"`{written(field.default)}`" if written(field.default) else "unset"
    example = (field.examples or [field.default])[0]
    return "\n".join(
        [
            f"## {' or '.join(f'`{variable}`' for variable in written_as)}",
            "",
            fill(str(field.description), WIDTH, break_on_hyphens=False),
            "",
            f"- Type: {_kind(field.annotation)}{_range(field)}",
            f"- Default: {default}",
            f"- Example: `{written_as[0]}={written(example)}`",
            "",
        ]
    )


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return _kind(next(kind for kind in get_args(annotation) if kind is not type(None)))
    if hasattr(annotation, "__metadata__"):
        return _kind(get_args(annotation)[0])
    return KINDS[get_origin(annotation) or annotation]


def _range(field: FieldInfo) -> str:
    low = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
    high = [limit.le for limit in field.metadata if hasattr(limit, "le")]
    return f", {low[0]} to {high[0]}" if low and high else ""


if __name__ == "__main__":
    DOCUMENT.write_text(document())
