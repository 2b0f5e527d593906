"""The published description: complete, consistent with itself, and changed only on purpose."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema_rs
import pytest
from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from taskward import errors
from taskward.api.bodies import JsonBody
from taskward.errors import ApiError
from taskward.tasks.routes import PATH_PREFIXES
from tests.client import Client
from tests.openapi_snapshot import SNAPSHOT, published

pytestmark = pytest.mark.quick

OPENAPI = published()
SCHEMAS = OPENAPI["components"]["schemas"]
EXAMPLES = {"default", "example", "examples"}
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in OPENAPI["paths"].items()
    for method, operation in operations.items()
}
STATUS_OF = {
    kind.code: kind.status
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ApiError) and hasattr(kind, "code")
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
Operation = dict[str, Any]


def inside(value: Any) -> Iterator[Any]:
    """Yield every value in a document."""
    yield value
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from inside(child)


def resolve(reference: str) -> Any:
    found: Any = OPENAPI
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def parameter_names(operation: Operation) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", [])}


def test_the_snapshot_is_what_is_published() -> None:
    assert json.loads(SNAPSHOT.read_text()) == OPENAPI, "if this is on purpose: make openapi"


def test_the_document_says_what_it_is() -> None:
    assert OPENAPI["openapi"].startswith("3.1.")
    assert OPENAPI["info"]["title"] == "Taskward"
    assert "Bearer" in OPENAPI["info"]["description"]
    for path, operations in OPENAPI["paths"].items():
        assert path.startswith("/")
        assert operations.keys() <= METHODS


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    references = {value["$ref"] for value in inside(OPENAPI) if isinstance(value, dict) and "$ref" in value}
    for reference in references:
        assert reference.startswith("#/")
        assert resolve(reference)
    assert {f"#/components/schemas/{name}" for name in OPENAPI["components"]["schemas"]} == references


@pytest.mark.parametrize("name", OPENAPI["components"]["schemas"])
def test_every_schema_is_valid_and_described(name: str) -> None:
    schema = OPENAPI["components"]["schemas"][name]
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["description"]
    if name in ("TaskCreate", "TaskChanges", "Completion"):
        assert schema["additionalProperties"] is False
        assert all(field["description"] for field in schema["properties"].values())


def test_no_body_and_no_query_has_a_default() -> None:
    """Generators make what has one a field that must be there, or send it whatever the service thinks of later."""
    bodies = [operation["requestBody"] for operation in OPERATIONS.values() if "requestBody" in operation]
    used = {value["$ref"] for value in inside(bodies) if isinstance(value, dict) and "$ref" in value}
    given = [resolve(reference) for reference in used]
    given += [each["schema"] for operation in OPERATIONS.values() for each in operation.get("parameters", [])]
    assert len(given) > 50
    assert not [value for value in inside(given) if isinstance(value, dict) and "default" in value]


def test_nothing_is_sent_that_nobody_typed() -> None:
    """`/docs` fills in the example of a header: a key that was used, or the tag of another task."""
    headers = [
        each
        for operation in OPERATIONS.values()
        for each in operation.get("parameters", [])
        if each["in"] == "header"
    ]
    assert {each["name"] for each in headers} == {"Idempotency-Key", "If-Match", "If-None-Match"}
    assert not [value for value in inside(headers) if isinstance(value, dict) and EXAMPLES & value.keys()]
    assert resolve("#/components/schemas/TaskCreate")["properties"]["uid"]["examples"] == [None]


def test_tasks_have_the_plain_names_and_their_aliases_names_with_a_prefix() -> None:
    ids = {path: {each["operationId"] for each in OPENAPI["paths"][path].values()} for path in OPENAPI["paths"]}
    assert ids["/tasks"] == {"list_tasks", "create_task"}
    assert ids["/tasks/{task_id}"] == {"read_task", "put_task", "patch_task", "delete_task"}
    for prefix in PATH_PREFIXES[1:]:
        assert {each.split("_", 1)[0] for each in ids[prefix]} == {prefix.split("/")[1]}
        for path in (f"{prefix}{rest}" for rest in ("", "/{task_id}", "/{task_id}/complete", "/{task_id}/toggle")):
            assert {tag for each in OPENAPI["paths"][path].values() for tag in each["tags"]} == {
                f"tasks at {prefix}"
            }


def test_aliases_come_last_and_say_what_they_are() -> None:
    names = [tag["name"] for tag in OPENAPI["tags"]]
    assert names[0] == "tasks"
    assert names[-len(PATH_PREFIXES) + 1 :] == [f"tasks at {prefix}" for prefix in PATH_PREFIXES[1:]]
    assert {tag for operation in OPERATIONS.values() for tag in operation["tags"]} == set(names)
    assert all("`/tasks`" in tag["description"] for tag in OPENAPI["tags"] if " at " in tag["name"])


def test_schemas_have_plain_names() -> None:
    assert {"TaskRead", "TaskCreate", "TaskChanges", "TaskList", "Completion", "Priority"} <= SCHEMAS.keys()
    assert all(name.isalpha() for name in SCHEMAS)
    assert SCHEMAS["Priority"]["enum"] == ["high", "medium", "low"]
    for name in ("TaskRead", "TaskCreate", "TaskChanges"):
        properties = SCHEMAS[name]["properties"]
        assert properties["priority"]["anyOf"] == [{"$ref": "#/components/schemas/Priority"}, {"type": "null"}]
        day, nothing = properties["due_date"]["anyOf"]
        assert (day["type"], day["format"], nothing) == ("string", "date", {"type": "null"})


@pytest.mark.parametrize(
    ("name", "body", "valid"),
    [
        ("TaskCreate", {"title": "x", "due_date": "2026-11-27", "due_time": "18:00", "due_zone": "UTC"}, True),
        ("TaskCreate", {"title": "x", "due_date": None, "due_time": None, "due_zone": None}, True),
        ("TaskCreate", {"title": "x", "due_zone": None}, True),
        ("TaskCreate", {"title": "x", "due_time": "18:00"}, False),
        ("TaskCreate", {"title": "x", "due_date": None, "due_time": "18:00"}, False),
        ("TaskCreate", {"title": "x", "due_date": "2026-11-27", "due_zone": "UTC"}, False),
        ("TaskCreate", {"title": "x", "due_date": "2026-11-27", "due_time": None, "due_zone": "UTC"}, False),
        ("TaskCreate", {"title": "x", "tags": ["a", "a"]}, False),
        ("TaskCreate", {"title": "x", "tags": ["a "]}, True),
        ("TaskCreate", {"title": "x", "tags": ["a\n\x1f"]}, True),
        ("TaskCreate", {"title": "x", "tags": [" "]}, False),
        ("TaskCreate", {"title": "x", "due_date": "2026-11-27", "due_time": "18:00", "due_zone": "../x"}, False),
        ("TaskChanges", {"due_time": "18:00"}, True),
        ("TaskChanges", {"due_date": None}, True),
        ("TaskChanges", {"due_date": None, "due_time": None, "due_zone": None}, True),
        ("TaskChanges", {"due_date": None, "due_time": "18:00"}, False),
        ("TaskChanges", {"due_date": None, "due_zone": "UTC"}, False),
        ("TaskChanges", {"due_time": None, "due_zone": "UTC"}, False),
        ("TaskChanges", {}, False),
    ],
)
async def test_a_body_is_valid_by_the_description_where_the_service_takes_it(
    alice: Client, name: str, body: dict[str, Any], valid: bool
) -> None:
    schema = {**SCHEMAS[name], "components": OPENAPI["components"]}
    assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(body) is valid
    task = {"title": "x", "due_date": "2026-11-27", "due_time": "09:00", "due_zone": "UTC"}
    path = (await alice.post("/tasks", json=task)).headers["location"]
    response = await (alice.post("/tasks", json=body) if name == "TaskCreate" else alice.patch(path, json=body))
    assert response.is_success is valid, response.text


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(ids) == len(set(ids)) > 0
    assert all(name.isidentifier() for name in ids)


@every_operation
def test_an_operation_is_described(operation: Operation) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert all(response["description"] for response in operation["responses"].values())
    if unprocessable := operation["responses"].get("422"):
        assert "IDEMPOTENCY_KEY_REUSED" in unprocessable["description"]  # and not FastAPI's validation error


NAMED = {"task_id", "session_id", "token_id"}  # what may not be there


@every_operation
def test_an_operation_for_users_documents_its_refusals(operation: Operation) -> None:
    if operation.get("security"):
        assert operation["security"] == [{"BearerToken": []}, {"LogIn": []}]
        assert {"401", "500", "503"} <= operation["responses"].keys()
        assert operation["tags"] == ["accounts"] or {"400", "403"} <= operation["responses"].keys()
        assert ("404" in operation["responses"]) is bool(NAMED & parameter_names(operation))
    else:
        refusals = {
            "register": {"403"},
            "create_token": {"401", "403"},
            "revoke_token": {"403"},
            "forgot_password": {"403"},
            "reset_password": {"401", "403"},
            "verify_email": {"401"},
        }
        expected = refusals.get(operation["operationId"], set())
        assert {"401", "403"} & operation["responses"].keys() == expected


def test_the_ways_to_be_somebody_are_described() -> None:
    schemes = OPENAPI["components"]["securitySchemes"]
    assert schemes.keys() == {"BearerToken", "LogIn"}
    assert (schemes["BearerToken"]["type"], schemes["BearerToken"]["scheme"]) == ("http", "bearer")
    flow = {"tokenUrl": "/auth/token", "refreshUrl": "/auth/token", "scopes": {}}
    assert (schemes["LogIn"]["type"], schemes["LogIn"]["flows"]) == ("oauth2", {"password": flow})
    assert "post" in OPENAPI["paths"]["/auth/token"]


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name.split()[0] in ("POST", "PUT", "PATCH")])
def test_an_operation_with_a_body_describes_it(name: str) -> None:
    operation = OPERATIONS[name]
    assert {"413", "415"} <= operation["responses"].keys()
    assert operation["requestBody"]["required"] is not name.endswith(("/complete", "/toggle"))
    ((media_type, content),) = operation["requestBody"]["content"].items()
    is_form = name in ("POST /auth/token", "POST /auth/revoke")
    assert media_type == ("application/x-www-form-urlencoded" if is_form else "application/json")
    assert resolve(content["schema"]["$ref"])["properties"]


OF_A_PASSWORD = "DELETE /auth/me"
WITHOUT_A_BODY = [name for name in OPERATIONS if name.startswith(("GET ", "DELETE ")) and name != OF_A_PASSWORD]


def test_who_has_an_account_proves_it_before_it_is_deleted() -> None:
    body = OPERATIONS[OF_A_PASSWORD]["requestBody"]
    assert body["required"] is False, "users of a provider have no password here"
    assert resolve(body["content"]["application/json"]["schema"]["$ref"])["required"] == ["password"]


@pytest.mark.parametrize("name", WITHOUT_A_BODY)
def test_an_operation_without_a_body_describes_none(name: str) -> None:
    assert "requestBody" not in OPERATIONS[name]
    assert "415" not in OPERATIONS[name]["responses"]
    is_awaited = name.startswith("DELETE")  # though nobody reads it: what is broken must not be carried out
    assert ("413" in OPERATIONS[name]["responses"]) is is_awaited


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_part_of_a_path_is_a_described_parameter(name: str) -> None:
    path = name.split()[1]
    parameters = {p["name"]: p for p in OPERATIONS[name].get("parameters", []) if p["in"] == "path"}
    assert parameters.keys() == set(re.findall(r"{(\w+)}", path))
    assert all(parameter["required"] for parameter in parameters.values())
    if "user_id" in parameters:
        assert parameters["user_id"]["schema"] == {"type": "string", "minLength": 1, "maxLength": 255}


BOUNDS = {"task_id": (1, 2**63 - 1), "limit": (1, 1000), "since": (0, 2**63 - 1), "wait": (0, 60)}


@every_operation
def test_every_parameter_is_described_and_bounded(operation: Operation) -> None:
    for parameter in operation.get("parameters", []):
        assert parameter["description"]
        schema = parameter["schema"]
        if schema.get("type") == "integer":
            assert (schema["minimum"], schema["maximum"]) == BOUNDS[parameter["name"]]


@every_operation
def test_every_documented_error_has_an_example_that_fits(operation: Operation) -> None:
    for status, response in operation["responses"].items():
        if int(status) < 400 or not operation.get("security"):
            continue
        content = response["content"]["application/json"]
        validator = jsonschema_rs.validator_for({**content["schema"], "components": OPENAPI["components"]})
        reference = content["schema"]["$ref"]
        assert content["examples"].keys() == set(resolve(reference)["properties"]["code"]["enum"])
        for code, example in content["examples"].items():
            assert example["value"]["code"] == code
            assert STATUS_OF[code] == int(status)
            assert example["value"]["detail"]
            validator.validate(example["value"])


def test_every_error_there_is_is_documented() -> None:
    documented = {
        code
        for operation in OPERATIONS.values()
        for response in operation["responses"].values()
        for code in response.get("content", {}).get("application/json", {}).get("examples", {})
    }
    everywhere = {code for code in STATUS_OF if f"`{code}`" in OPENAPI["info"]["description"]}
    assert documented | everywhere == STATUS_OF.keys()


async def _read(request: Request) -> Response:
    return Response()


async def _read_by_name(name: str) -> str:
    return name


async def _write(request: Request, body: Annotated[list[int], Depends(JsonBody(list[int]))]) -> Response:
    return Response()


def test_a_path_parameter_that_is_new_here_is_described_by_its_name(offline: FastAPI) -> None:
    offline.get("/lists/{list_name}")(_read)
    offline.get("/names/{name}")(_read_by_name)
    paths = offline.openapi()["paths"]
    (parameter,) = paths["/lists/{list_name}"]["get"]["parameters"]
    assert parameter == {"name": "list_name", "in": "path", "required": True, "schema": {"type": "string"}}
    assert [parameter["name"] for parameter in paths["/names/{name}"]["get"]["parameters"]] == ["name"]


def test_a_body_without_a_name_is_described_in_its_place(offline: FastAPI) -> None:
    offline.post("/numbers")(_write)
    body = offline.openapi()["paths"]["/numbers"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"type": "array", "items": {"type": "integer"}}
