"""What a response holds while a client reads it."""

import tracemalloc

import pytest
from orjson import Fragment

from taskward.api.responses import LARGE, JsonResponse
from taskward.strict_json import decode

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("size", [LARGE + 1, 2**20 + 1])
def test_a_large_body_takes_no_more_memory_than_its_bytes(size: int) -> None:
    content = [Fragment(b'"' + b"x" * (size - 4) + b'"')]
    tracemalloc.start()
    try:
        body = JsonResponse(content).body
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(body) == size
    assert decode(bytes(body)) == ["x" * (size - 4)]
    assert held < size + 16 * 1024
