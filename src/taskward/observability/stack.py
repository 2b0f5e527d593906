"""Stack traces without what clients sent."""

import traceback

MAX_FRAMES = 50
WITHHELD = "(message withheld: it may hold a user's data)"

# Their messages speak of code, files and connections. Most others quote the value that they dislike.
HARMLESS = (
    AttributeError,
    ImportError,
    NameError,
    OSError,
    RecursionError,
    TypeError,
)


def stack_trace(error: BaseException) -> str:
    """Return the traceback of an exception and of its causes, the first cause first, as Python prints it.

    Messages that could quote a title, a token or a claim are left out; source lines and types are not.
    """
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        frames = traceback.format_tb(current.__traceback__, limit=-MAX_FRAMES)
        parts.append(f"Traceback (most recent call last):\n{''.join(frames)}{_last_line(current)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\n\nwhich led to:\n\n".join(reversed(parts))


def _last_line(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}: {_message(error)}".removeprefix("builtins.")


def _message(error: BaseException) -> str:
    if isinstance(error, HARMLESS) or type(error).__module__.startswith("taskward."):
        return str(error)
    import psycopg  # only here: workers have it anyway, and the supervisor starts them before it loads it

    from taskward.database.driver.causes import cause_of

    if isinstance(error, psycopg.OperationalError):
        return cause_of(error)
    if (
        isinstance(error, psycopg.Error)
        and not isinstance(error, psycopg.DataError)
        and error.diag.message_primary
    ):
        return f"{error.sqlstate}: {error.diag.message_primary}"  # the detail would show the row
    return WITHHELD
