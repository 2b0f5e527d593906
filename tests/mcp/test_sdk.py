"""The official Python client against a service as people start it, in both ages of the protocol."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.streamable_http import streamable_http_client

from mcp import Client
from tests.conftest import SECRET
from tests.server.wire import TOKENS
from tests.service import Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path / "data", {"JWT_SECRET_KEY": SECRET, "WORKERS": "2"}) as started:
        yield started


@pytest.mark.parametrize("mode", ["2026-07-28", "auto", "legacy"])
async def test_the_official_client_lists_and_calls_the_tools(service: Service, mode: Any) -> None:
    """Two workers: nothing of one request may be needed for the next."""
    headers = {"Authorization": f"Bearer {TOKENS['alice']}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{service.url}/mcp", http_client=http), mode=mode) as client,
    ):
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == ["find_tasks", "add_tasks", "update_tasks", "complete_tasks"]
        for number in range(10):
            added = await client.call_tool("add_tasks", {"tasks": [{"title": f"Task {number}"}]})
            assert not added.is_error
        found = await client.call_tool("find_tasks", {"sort": "created", "order": "asc"})
        assert found.structured_content is not None
        assert [task["title"] for task in found.structured_content["tasks"]] == [f"Task {n}" for n in range(10)]
        wrong = await client.call_tool("find_tasks", {"status": "open"})
        assert wrong.is_error
        assert "status: must be all, pending or completed" in repr(wrong.content)
