"""What is wrong is said in our words: what is allowed, and never what a library says of it."""

import re
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel
from pydantic_core import InitErrorDetails, ValidationError
from pydantic_core._pydantic_core import list_all_errors  # for tests alone

from taskward.accounts.personal_token_schemas import PersonalTokenCreate
from taskward.accounts.schemas import (
    Deletion,
    EmailProof,
    ForgottenPassword,
    PasswordChange,
    PasswordReset,
    Registration,
)
from taskward.accounts.token_schemas import Revocation, TokenRequest
from taskward.api.errors import invalid
from taskward.api.sentences import OTHERWISE, SENTENCES
from taskward.errors import ValidationFailedError
from taskward.settings import Settings
from taskward.tasks.fields import CHANGEABLE, SETTABLE
from taskward.tasks.schemas import ListQuery
from tests.accounts.mailing import with_mail
from tests.client import Client
from tests.openapi_snapshot import published
from tests.tasks.path_prefixes import as_json

pytestmark = pytest.mark.quick

# What pydantic says, with anything in its gaps; without those that have no words of their own, such as `{error}`.
LIBRARY = [
    re.compile(re.sub(r"\\{[a-z_]+\\}", ".+", re.escape(template)))
    for error in list_all_errors()
    for template in (error["message_template_python"], error.get("message_template_json"))
    if template and re.sub(r"\{[a-z_]+\}|[^a-zA-Z]", "", template) not in ("", "Valueerror")
]
SECRET = "canary7e3f"

WRONG: list[Any] = [
    None, True, 7, -1, 0, 1.5, 10**30, "", " ", "\0", "\u200b", SECRET, "x" * 5000, [], [SECRET], ["x" * 500],
    [None], ["a", "A"], [str(number) for number in range(30)], {}, {SECRET: 1}, [[]], "2026-13-45", "1800-01-01",
    "25:00",
]  # fmt: skip
BODIES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "POST /tasks": ("json", {"title": "Buy milk"}, [*SETTABLE, "unknown"]),
    "POST /tasks/batch": ("json", {}, ["operations", "unknown"]),
    "PATCH /tasks/1": ("json", {}, [*CHANGEABLE, "unknown"]),
    "PATCH /tasks/1/complete": ("json", {}, ["completed", "unknown"]),
    "POST /auth/register": (
        "json",
        {"email": "alice@example.com", "password": "a long password"},
        [*Registration.model_fields, "unknown"],
    ),
    "POST /auth/tokens": (
        "json",
        {"name": "Backup script", "scopes": ["tasks:read"]},
        [*PersonalTokenCreate.model_fields, "unknown"],
    ),
    "POST /auth/token": ("data", {"grant_type": "password"}, [*TokenRequest.model_fields]),
    "POST /auth/revoke": ("data", {}, [*Revocation.model_fields]),
    "DELETE /auth/me": ("json", {}, [*Deletion.model_fields, "unknown"]),
    "POST /auth/password/reset": (
        "json",
        {"token": "x", "password": "a long password"},
        [*PasswordReset.model_fields, "unknown"],
    ),
    "POST /auth/password/forgot": (
        "json",
        {"email": "alice@example.com"},
        [*ForgottenPassword.model_fields, "unknown"],
    ),
    "POST /auth/email/verify": ("json", {"token": "x"}, [*EmailProof.model_fields, "unknown"]),
    "POST /auth/password": (
        "json",
        {"current": "x", "new": "a long password"},
        [*PasswordChange.model_fields, "unknown"],
    ),
}
HEADERS = {
    "POST /tasks": ["Idempotency-Key"], "GET /tasks/1": ["If-None-Match"], "PATCH /tasks/1": ["If-Match"],
    "DELETE /tasks/1": ["If-Match"],
}  # fmt: skip


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """All operations are there, those of mail too."""
    return with_mail(settings)


def check(response: httpx2.Response) -> None:
    """Fail if a refusal has words of the library's or a value, or does not name the field first."""
    if response.status_code != 400 or response.json()["code"] != "VALIDATION_ERROR":
        return
    body = response.json()
    for error in body["errors"]:
        message = error["message"]
        assert not [words.pattern for words in LIBRARY if words.search(message)], message
        assert re.match(r"[A-Z][a-z']* |[a-z]+ ", message), message
        assert not re.search(r"pydantic|Value error|Input|value is not|\bstring\b|integer|boolean", message), (
            message
        )
    first = body["errors"][0]
    named = f"{first['field']}: {first['message']}"
    assert body["detail"] == (named if first["message"][0].islower() else first["message"].rstrip(".") + ".")
    assert SECRET not in re.sub(rf"^'{SECRET}' is no task number\.", "", response.text) or any(
        SECRET in each["field"] for each in body["errors"]
    )


async def send(client: Client, operation: str, body: dict[str, Any]) -> httpx2.Response:
    method, path = operation.split()
    if BODIES[operation][0] == "json":
        return await client.request(method, path, json=body)
    return await client.request(method, path, data=body)


@pytest.mark.parametrize("operation", BODIES)
async def test_every_field_of_every_body(alice: Client, operation: str) -> None:
    method, path = operation.split()
    kind, good, names = BODIES[operation]
    await alice.post("/tasks", json={"title": "Buy milk"})
    refused = 0
    for name in names:
        for value in WRONG:
            if kind == "data" and not isinstance(value, str):
                continue
            response = await send(alice, operation, {**good, name: value})
            check(response)
            refused += response.status_code == 400
        missing = {key: value for key, value in good.items() if key != name}
        check(await send(alice, operation, missing))
    assert refused > 1
    if kind == "json":
        for body in (None, [], "x", 7, [1]):
            response = await alice.request(method, path, **as_json(body))
            check(response)
            assert response.json()["errors"] == [{"field": "body", "message": "must be a JSON object"}]


@pytest.mark.parametrize(
    ("good", "names"),
    [
        ({"do": "create", "task": {"uid": "milk", "title": "Buy milk"}}, SETTABLE),
        ({"do": "update", "id": 99, "task": {"title": "Buy milk"}}, CHANGEABLE),
        ({"do": "delete", "id": 99}, ()),
    ],
)
async def test_every_field_of_every_operation(alice: Client, good: dict[str, Any], names: Iterable[str]) -> None:
    refused = 0
    for value in WRONG:
        wrong = [{**good, name: value} for name in ("do", "id", "if_revision", "task", "unknown")]
        wrong += [{**good, "task": {**good["task"], name: value}} for name in names]
        for operation in wrong:
            response = await send(alice, "POST /tasks/batch", {"operations": [operation]})
            check(response)
            assert response.status_code == 200 or response.json()["errors"][0]["field"].startswith("operations.0")
            refused += response.status_code == 400
    assert refused > len(WRONG)


def test_the_bodies_here_are_all_there_are() -> None:
    with_a_body = {
        f"{method.upper()} {path}".replace("{task_id}", "1")
        for path, operations in published()["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation and not path.startswith(("/api/", "/users/"))
    }
    assert with_a_body - {"PUT /tasks/1", "PATCH /tasks/1/toggle"} == BODIES.keys()


async def test_every_parameter_of_a_list(alice: Client) -> None:
    for name in [*ListQuery.model_fields, "sort_by", "search", "unknown"]:
        refused = 0
        for value in (str(value) for value in WRONG):
            response = await alice.get("/tasks", params={name: value})
            check(response)
            refused += response.status_code == 400
        assert refused, name


@pytest.mark.parametrize("operation", HEADERS)
async def test_every_header(alice: Client, operation: str) -> None:
    method, path = operation.split()
    for name in HEADERS[operation]:
        for value in ("", "x" * 300, SECRET, '"'):
            check(await alice.request(method, path, json={}, headers={name: value}))


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("Buy", "'Buy' is no task number."),
        ("0", "'0' is no task number."),
        ("01", "'01' is no task number."),
        ("9223372036854775808", "'9223372036854775808' is no task number."),
        (
            "eyJhbGciOiJIUzI1NiJ9",
            "'eyJhbGciOiJIUzI1NiJ9' is no task number.",
        ),  # no token is as short
        ("eyJhbGciOiJIUzI1NiJ9.e", "A task number is digits, such as 42."),
        ("%00", "A task number is digits, such as 42."),
        ("%E2%80%AEyuB", "A task number is digits, such as 42."),
        ("%0Ax", "A task number is digits, such as 42."),
    ],
)
async def test_what_is_no_task_number_is_said_with_it(alice: Client, path: str, sentence: str) -> None:
    response = await alice.get(f"/tasks/{path}")
    assert (response.status_code, response.json()["detail"]) == (400, sentence)
    assert response.json()["errors"] == [{"field": "task_id", "message": sentence.rstrip(".")}]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"title": "x" * 214}, "A title can have up to 200 characters; this one has 214."),
        ({"title": "Buy milk", "priority": "urgent"}, "priority: must be high, medium or low"),
        ({"title": "Buy milk", "completed": 1}, "completed: must be true or false"),
        ({"title": 7}, "title: must be text"),
        ({}, "title: is missing"),
        ({"title": "Buy milk", "dueDate": "2026-11-27"}, "dueDate: is not known here"),
        ({"title": "Buy milk", "tags": "home"}, "tags: must be a list"),
        ({"title": "Buy milk", "tags": ["home", 7]}, "tags.1: must be text"),
        ({"title": "Buy\0"}, "title: cannot contain the character U+0000"),
        ({"title": "Buy milk", "due_date": "2026-02-30"}, "due_date: is no day in the calendar"),
        ({"title": "Buy milk", "due_time": "18:00"}, "A time needs a day: set due_date as well."),
    ],
)
async def test_the_detail_says_the_first_error(alice: Client, body: Any, sentence: str) -> None:
    response = await alice.post("/tasks", json=body)
    assert (response.status_code, response.json()["detail"]) == (400, sentence)


@pytest.mark.parametrize(
    "body", ["", "{", '{"title": "Buy}', "\ufeff{}", '{"title": NaN}', "{'title': 1}", '"\\ud800"']
)
async def test_json_that_cannot_be_read_is_told_from_where_on(alice: Client, body: str) -> None:
    response = await alice.post("/tasks", content=body.encode(), headers={"Content-Type": "application/json"})
    assert re.fullmatch(
        r"The body is not valid JSON: line 1, column \d+ cannot be read\.", response.json()["detail"]
    ), response.text


@pytest.mark.parametrize("kind", [error["type"] for error in list_all_errors()])
def test_every_kind_of_error_that_pydantic_has_is_put_into_our_words(kind: str) -> None:
    """Also those that no field can have today. A new kind, of a new release, is `is not valid`."""
    (known,) = (error for error in list_all_errors() if error["type"] == kind)
    context = dict(known["example_context"] or {})
    if kind in ("value_error", "assertion_error"):
        context = {"error": ValueError(SECRET)}
    problem: InitErrorDetails = {"type": kind, "loc": ("x",), "input": SECRET, "ctx": context}
    raised = ValidationError.from_exception_data("x", [problem])
    ((field, message),) = invalid("body", raised).errors
    if kind == "value_error":  # ours
        return
    assert field == "x"
    assert message == OTHERWISE or kind in SENTENCES
    assert "{" not in message
    assert SECRET not in message
    assert not [words.pattern for words in LIBRARY if words.search(message)], message


def test_the_library_s_words_would_be_found() -> None:
    class Model(BaseModel):
        text: str
        number: int

    with pytest.raises(ValidationError) as refusal:
        Model.model_validate({"number": "x", "more": 1})
    for error in refusal.value.errors():
        assert any(words.search(error["msg"]) for words in LIBRARY), error["msg"]
    assert len(LIBRARY) > 80


def test_a_log_has_no_name_that_a_client_made_up() -> None:
    error = ValidationFailedError([("x\n[ERROR]", "is not known here")])
    assert (error.detail, error.logged) == ("x\n[ERROR]: is not known here", "The request is not valid.")
