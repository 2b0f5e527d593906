import re

import pytest

from taskward import errors
from taskward.errors import (
    ApiError,
    AuthenticationError,
    PreconditionFailedError,
    RateLimitedError,
    TaskNotFoundError,
    ValidationFailedError,
)

pytestmark = pytest.mark.quick

KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ApiError) and hasattr(kind, "code")
}

CONTRACT = {
    400: {"VALIDATION_ERROR", "MALFORMED_JSON"},
    401: {"TOKEN_MISSING", "TOKEN_EXPIRED", "TOKEN_INVALID", "CREDENTIALS_INVALID"},
    403: {
        "FORBIDDEN",
        "QUOTA_EXCEEDED",
        "REGISTRATION_CLOSED",
        "EMAIL_NOT_VERIFIED",
        "PASSWORDS_OFF",
        "ORIGIN_REFUSED",
        "SCOPE_MISSING",
    },
    404: {"TASK_NOT_FOUND", "NOT_FOUND", "SESSION_NOT_FOUND", "TOKEN_NOT_FOUND", "CALENDAR_NOT_FOUND"},
    405: {"METHOD_NOT_ALLOWED"},
    409: {"IDEMPOTENCY_IN_PROGRESS", "EMAIL_TAKEN"},
    412: {"PRECONDITION_FAILED"},
    422: {"IDEMPOTENCY_KEY_REUSED"},
    413: {"BODY_TOO_LARGE"},
    415: {"UNSUPPORTED_MEDIA_TYPE"},
    410: {"CHANGES_GONE"},
    429: {"RATE_LIMITED", "TOO_MANY_WAITING"},
    500: {"INTERNAL_ERROR"},
    503: {"DATABASE_UNAVAILABLE", "KEYS_UNAVAILABLE", "SERVER_BUSY"},
}


def example(kind: type[ApiError]) -> ApiError:
    if issubclass(kind, ValidationFailedError):
        return kind([("title", "is missing")])
    if issubclass(kind, PreconditionFailedError):
        return kind({"id": 1})
    if issubclass(kind, RateLimitedError):
        return kind(30)
    return kind("why") if issubclass(kind, AuthenticationError) else kind()


def test_the_errors_are_those_of_the_contract() -> None:
    found: dict[int, set[str]] = {}
    for code, kind in KINDS.items():
        found.setdefault(kind.status, set()).add(code)
    assert found == CONTRACT


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_error_is_a_sentence_and_a_code(kind: type[ApiError]) -> None:
    body = example(kind).body()
    assert body["code"] == kind.code
    assert body.keys() - {"errors", "current"} == {"detail", "code"}
    assert re.fullmatch(r"[A-Z].*\.", kind.detail)


def test_the_reason_for_a_401_is_not_part_of_its_response() -> None:
    for kind in KINDS.values():
        if issubclass(kind, AuthenticationError):
            error = kind("why")
            assert error.reason == "why"
            assert error.body() == {"detail": kind.detail, "code": kind.code}
            assert error.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_detail_may_say_more_in_one_answer_and_stays_out_of_the_next() -> None:
    assert TaskNotFoundError("Gone.").body()["detail"] == "Gone."
    assert TaskNotFoundError().body()["detail"] == TaskNotFoundError.detail != "Gone."


def test_invalid_values_are_listed_field_by_field() -> None:
    assert ValidationFailedError([("title", "too long"), ("more", "not known")]).body()["errors"] == [
        {"field": "title", "message": "too long"},
        {"field": "more", "message": "not known"},
    ]
