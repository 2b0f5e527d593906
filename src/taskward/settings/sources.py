"""Where settings come from, and what surrounds their values that nobody means: white space, quotation marks."""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from pydantic_settings.sources import DotenvType

from taskward.settings.errors import InvalidSettingsError

ENV_FILE = ".env"
ENCODING = "utf-8-sig"  # Windows puts a mark before UTF-8, which would be part of the first name
UNREADABLE = "this is not NAME=value. Is a quotation mark missing at one end of the value?"
QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
SECRETS = ("JWT_SECRET_KEY", "BETTER_AUTH_SECRET")  # any character may belong to these, so quotes stay

Source = TypeVar("Source", bound=EnvSettingsSource)


def tidied(source: Source) -> Source:
    """Return the source with its values as they are meant. What is empty then stays, to be refused.

    Containers and Kubernetes pass on the quotation marks and line ends of their files. White space around a value
    means nothing in any setting. A pair of quotation marks may be part of a secret, and means nothing elsewhere.
    """
    if isinstance(source, DotEnvSettingsSource) and source.env_file is not None:
        written = as_written(source.env_file)
        source.env_vars = {name.lower(): value for name, value in written.items() if value is not None}
    source.env_vars = {name: meant(name, value) for name, value in source.env_vars.items() if value is not None}
    return source


def as_written(env_file: DotenvType) -> dict[str, str | None]:
    """Return what a file says, without what is empty. `${…}` stays, also in a secret: nothing is expanded."""
    assert isinstance(env_file, str | Path)
    values = dotenv_values(env_file, encoding=ENCODING, interpolate=False)
    return {name: value for name, value in values.items() if value != ""}


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
    """Raise InvalidSettingsError for a `.env` that is there and would be passed over, in a part or as a whole."""
    if path.is_symlink() and not path.exists():
        raise InvalidSettingsError(f"{path} is a link to a missing file. Correct the link, or delete it")
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding=ENCODING)
    except UnicodeDecodeError:
        raise InvalidSettingsError(f"{path} is not UTF-8 text. Save it as UTF-8") from None
    except OSError as error:
        raise InvalidSettingsError(
            f"{path} cannot be read: {error.strerror}. Allow the service's user to read it, or delete it"
        ) from None
    if lines := list(_unreadable(text)):
        raise InvalidSettingsError("\n".join(f"{path}, line {line}: {UNREADABLE}" for line in lines))


def _unreadable(text: str) -> Iterator[int]:
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            original = binding.original
            blank = original.string[: -len(original.string.lstrip())].count(
                "\n"
            )  # the parser counts these as part of the next binding
            yield original.line + blank


def in_spaces(values: Mapping[str, str | None]) -> list[str]:
    """Return the names of the secrets that have white space around them."""
    return [name for name, value in values.items() if name.upper() in SECRETS and value and value != value.strip()]
