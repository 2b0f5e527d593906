import psycopg
import pytest
from pydantic import TypeAdapter

from taskward.errors import TaskNotFoundError
from taskward.observability.stack import MAX_FRAMES, WITHHELD, stack_trace

pytestmark = pytest.mark.quick

CANARY = "canary7e3f"


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def mistake_of(expression: str) -> BaseException:
    """Return what evaluating an expression with CANARY in reach raises."""
    try:
        eval(expression, {"canary": CANARY, "TypeAdapter": TypeAdapter})
    except Exception as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    "expression",
    ["{}[canary]", "int(canary)", "TypeAdapter(int).validate_python(canary)", "open(canary, canary)",
     "(canary + chr(0xd800)).encode()", "next(iter([])) if canary else 0"],
)  # fmt: skip
def test_the_value_that_an_exception_dislikes_is_not_in_the_trace(expression: str) -> None:
    trace = stack_trace(mistake_of(expression))
    assert CANARY not in trace
    assert trace.endswith(f": {WITHHELD}")


@pytest.mark.parametrize(
    ("expression", "told"),
    [("None.title", "AttributeError: 'NoneType' object has no attribute 'title'"), ("tasks", "NameError: name"),
     ("len(1)", "TypeError: object of type 'int' has no len()")],
)  # fmt: skip
def test_what_speaks_of_code_is_told(expression: str, told: str) -> None:
    assert told in stack_trace(mistake_of(expression))


def test_our_own_exceptions_are_told() -> None:
    last = stack_trace(raised(TaskNotFoundError())).splitlines()[-1]
    assert last == "taskward.errors.TaskNotFoundError: There is no task with this id."


def test_a_row_that_the_database_refuses_is_not_in_the_trace(superuser: psycopg.Connection) -> None:
    superuser.execute("CREATE TABLE notes (title text CONSTRAINT one_title UNIQUE)")
    superuser.execute("INSERT INTO notes VALUES (%s)", [CANARY])
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        superuser.execute("INSERT INTO notes VALUES (%s)", [CANARY])
    assert CANARY in str(refused.value)
    trace = stack_trace(refused.value)
    assert trace.endswith('23505: duplicate key value violates unique constraint "one_title"')
    assert CANARY not in trace


def test_a_value_that_the_database_cannot_read_is_not_in_the_trace(superuser: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as refused:
        superuser.execute("SELECT %s::text::integer", [CANARY])
    assert CANARY in str(refused.value)
    assert CANARY not in stack_trace(refused.value)


def test_the_first_cause_comes_first() -> None:
    try:
        try:
            len(1)  # type: ignore[arg-type]  # the mistake
        except TypeError as error:
            raise OSError("no disk") from error
    except OSError as error:
        trace = stack_trace(error)
    assert trace.index("TypeError: ") < trace.index("which led to") < trace.index("OSError: no disk")
    assert trace.count("Traceback") == 2


def test_a_circle_of_causes_ends() -> None:
    one, two = raised(OSError("one")), raised(OSError("two"))
    one.__cause__, two.__cause__ = two, one
    assert stack_trace(one).count("Traceback") == 2


def test_a_deep_stack_is_cut() -> None:
    def one(number: int) -> int:
        return other(number - 1) if number else len(1)  # type: ignore[arg-type]  # the mistake

    def other(number: int) -> int:
        return one(number)

    with pytest.raises(TypeError) as mistake:
        one(300)
    trace = stack_trace(mistake.value)
    assert trace.count("File ") == MAX_FRAMES
    assert trace.endswith("TypeError: object of type 'int' has no len()")
