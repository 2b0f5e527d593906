"""Where settings come from, and what surrounds their values that nobody means: white space, quotation marks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic_settings import EnvSettingsSource

from taskward.setting_errors import InvalidSettingsError

ENV_FILE = ".env"
QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
SECRETS = ("JWT_SECRET_KEY", "BETTER_AUTH_SECRET")  # what is not a text with a grammar

Source = TypeVar("Source", bound=EnvSettingsSource)


def tidied(source: Source) -> Source:
    """Return the source with its values as they are meant; what is empty then is not set.

    Containers and Kubernetes pass on the quotation marks and line ends of their files. White space around a value
    means nothing in any setting. A pair of quotation marks may be part of a secret, and means nothing elsewhere.
    """
    values = {name: meant(name, value) for name, value in source.env_vars.items() if value is not None}
    source.env_vars = {name: value for name, value in values.items() if value}
    return source


def meant(name: str, value: str) -> str:
    """Return the value of a setting without what surrounds it and means nothing."""
    value = value.strip()
    return value if name.upper() in SECRETS else unquoted(value)


def unquoted(text: str) -> str:
    """Return a text without the one pair of quotation marks that it is in, and the white space in that."""
    return text[1:-1].strip() if in_quotes(text) else text


def in_quotes(text: str) -> bool:
    """Tell whether a text stands in one pair of quotation marks."""
    return len(text) > 1 and QUOTES.get(text[0]) == text[-1] and text[-1] not in text[1:-1]


def check_env_file(path: Path) -> None:
    """Raise InvalidSettingsError for a `.env` that is there and would be passed over in silence."""
    if path.is_dir():
        raise InvalidSettingsError(f"{path} is a folder, and should be a file with settings. Move it away")
    if path.is_symlink() and not path.exists():
        raise InvalidSettingsError(f"{path} is a link to a file that is not there. Mend it, or delete it")


def in_spaces(values: Mapping[str, str | None]) -> list[str]:
    """Return the names of the secrets that have white space around them."""
    return [name for name, value in values.items() if name.upper() in SECRETS and value and value != value.strip()]
