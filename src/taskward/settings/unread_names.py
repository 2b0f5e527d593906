"""Names that nothing reads: unknown ones in `.env`, and near misses in the environment, which holds much else."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from taskward.terminal_text import harmless

CLOSE = 0.85  # accepts LOCAL_ACOUNTS and WORKER, rejects DATABASE_HOST and HOSTNAME
PREFIX = "TASKWARD_"
ORDINARY = re.compile(r"[A-Z][A-Z0-9_]{0,63}|[a-z][a-z0-9_]{0,63}")  # anything else may be a line of a secret
NO_SLIPS = {"DATABASE_USER"}  # close to DATABASE_URL, but a common name of its own

# What other services call the same. It is theirs as well, so it is told only where ours is not set.
ELSEWHERE = {
    "CORS_ALLOWED_ORIGINS": "ALLOWED_ORIGINS",
    "CORS_ALLOW_ORIGIN": "ALLOWED_ORIGINS",
    "CORS_ALLOW_ORIGINS": "ALLOWED_ORIGINS",
    "CORS_ORIGIN": "ALLOWED_ORIGINS",
    "CORS_ORIGINS": "ALLOWED_ORIGINS",
    "DATABASE_DSN": "DATABASE_URL",
    "DB_DSN": "DATABASE_URL",
    "DB_URI": "DATABASE_URL",
    "DB_URL": "DATABASE_URL",
    "JWKS_URI": "JWT_JWKS_URL",
    "JWKS_URL": "JWT_JWKS_URL",
    "JWT_SECRET": "JWT_SECRET_KEY",
    "PG_URL": "DATABASE_URL",
    "POSTGRESQL_URL": "DATABASE_URL",
    "POSTGRESQL_URI": "DATABASE_URL",
    "POSTGRES_DSN": "DATABASE_URL",
    "POSTGRES_URI": "DATABASE_URL",
    "POSTGRES_URL": "DATABASE_URL",
    "SECRET_KEY": "JWT_SECRET_KEY",
}

# On many machines these are set for other programs. They are worth a word only where they ask for more than
# development, which is what this service would be.
ENVIRONMENTS = {"APP_ENV", "APP_ENVIRONMENT", "ENV", "NODE_ENV", "PYTHON_ENV"}
NOT_DEVELOPMENT = {"prod", "production", "stage", "staging"}

# Read by libraries, the command line and the system, and from the environment alone.
BY_OTHERS = re.compile(
    r"OTEL_.+|PG[A-Z]+|PYTHON[A-Z]+|LC_[A-Z]+|LANG|TZ|PATH|HOME|TMPDIR|NO_COLOR|XDG_CONFIG_HOME"
    r"|TASKWARD_(SERVER|TOKEN)|PROMETHEUS_MULTIPROC_DIR|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY"
)

Values = Mapping[str, str | None]


def variables(name: str, field: FieldInfo) -> list[str]:
    """Return the environment variables that a setting is read from, the first of which wins."""
    alias = field.validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name.upper()]


def near_misses(environment: Values, file: Values, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Yield a line for each name in the environment and in `.env` that is close to a setting's."""
    for where, values in (("the environment", environment), (".env", file)):
        for name, setting in _slips(values, {**environment, **file}, fields):
            yield f"{harmless(name)} in {where} is ignored. Did you mean {setting}?"


def unread(environment: Values, file: Values, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """Yield lines for what else in `.env` nothing reads."""
    known = {variable for name, field in fields.items() for variable in variables(name, field)}
    known |= {name.upper() for name, _ in _slips(file, {**environment, **file}, fields)}
    names = [name for name, value in file.items() if ORDINARY.fullmatch(name) and (value or "").strip("=")]
    strange = [name for name in names if name.upper() not in known]
    others = [name for name in strange if BY_OTHERS.fullmatch(name.upper())]
    if rest := [name for name in strange if name not in others]:
        yield f"{', '.join(rest)} in .env: ignored, because Taskward has no such setting"
    if vain := [name for name in others if name not in environment]:
        yield f"{', '.join(vain)} in .env: ignored there. Set it in the environment"
    if any(name not in names and name.upper() not in known for name in file):
        yield ".env has lines that are ignored: a name has letters, digits and _, all upper or all lower case"


def _slips(values: Values, given: Values, fields: Mapping[str, FieldInfo]) -> Iterator[tuple[str, str]]:
    of_settings = {variable: name for name, field in fields.items() for variable in variables(name, field)}
    set_already = {
        of_settings[name.upper()] for name, value in given.items() if name.upper() in of_settings and value
    }
    for name, value in values.items():
        setting = _meant_by(name.upper(), value, list(of_settings))
        elsewhere = name.upper() in {*ELSEWHERE, *ENVIRONMENTS}
        if setting is not None and not (elsewhere and of_settings[setting] in set_already):
            yield name, setting


def _meant_by(name: str, value: str | None, settings: Collection[str]) -> str | None:
    """Return the setting that was probably meant by a name, None for one that is read or means something else."""
    bare = name.removeprefix(PREFIX)
    if name in settings or name in NO_SLIPS or BY_OTHERS.fullmatch(name):
        return None
    if bare == "PORT" and "://" in (value or ""):
        return None  # Kubernetes sets TASKWARD_PORT=tcp://… for a service named taskward
    if name in ENVIRONMENTS:
        return "ENVIRONMENT" if (value or "").strip("\"' \t\r\n").lower() in NOT_DEVELOPMENT else None
    if bare in settings or name in ELSEWHERE:
        return ELSEWHERE.get(name, bare)
    swapped = next((setting for setting in settings if sorted(setting) == sorted(bare)), None)
    return swapped or next(iter(get_close_matches(bare, settings, n=1, cutoff=CLOSE)), None)
