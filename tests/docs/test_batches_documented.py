"""The batch that `docs/api.md` shows is one, and its response has what is answered."""

import json
import re

import pytest

from tests.client import Client
from tests.docs.documents import ROOT, section
from tests.openapi_snapshot import published

pytestmark = pytest.mark.quick

BLOCKS = re.findall(r"```json\n(.*?)```", section((ROOT / "docs" / "api.md").read_text(), "Batches"), re.DOTALL)


async def test_the_request_can_be_sent(alice: Client) -> None:
    line, body = BLOCKS[0].split("\n\n")
    method, path = line.split()
    results = (await alice.request(method, path, json=json.loads(body))).json()["results"]
    assert [result["status"] for result in results] == [201, 404, 404]


def test_the_results_have_the_members_that_are_published() -> None:
    schemas = published()["components"]["schemas"]
    shown = json.loads(BLOCKS[1])
    assert shown.keys() == schemas["BatchResults"]["properties"].keys()
    for result, name in zip(shown["results"], ("WrittenResult", "RefusedResult", "DeletedResult"), strict=True):
        schema = schemas[name]
        status = schema["properties"]["status"]
        assert result["status"] in status.get("enum", [status.get("const")])
        assert set(schema["required"]) <= result.keys() <= schema["properties"].keys()
