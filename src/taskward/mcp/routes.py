"""The one address of agents, and where they read who gives them tokens.

Neither is in the published description: what is said at the first is the protocol's, and its clients ask there.
"""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.api.bodies import json_bytes
from taskward.api.fast import fast
from taskward.api.responses import JsonResponse
from taskward.api.state import state_of
from taskward.auth.personal_tokens import TASKS_READ, TASKS_WRITE
from taskward.mcp.access import METADATA_PATH, AgentToken
from taskward.mcp.messages import Message, ProtocolError, answered, read_message
from taskward.mcp.methods import Result, result_of
from taskward.mcp.revisions import is_modern
from taskward.mcp.tools import Tool, call
from taskward.tasks.batch_schemas import MAX_BATCH_BYTES
from taskward.tasks.service import TaskService

PATH = "/mcp"
FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


def agent_routes(token: AgentToken) -> APIRouter:
    """Return the route of agents, which get in with `token`."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH)
    @fast
    async def answer_agent(request: Request, owner: Annotated[str, Depends(token)]) -> Response:
        """Answer one message of the Model Context Protocol."""
        data = await json_bytes(request, MAX_BATCH_BYTES)
        try:
            message = read_message(data)
            if message.id is None:  # a notification: there is none that anything follows from
                return Response(status_code=202)
            return JsonResponse(await _answer(message, request, owner, token))
        except ProtocolError as error:
            return JsonResponse(error.body(), error.status)

    return router


def metadata_routes(resource: str, issuer: str) -> APIRouter:
    """Return the route of what agents must know to ask for a token (RFC 9728, 2)."""
    router = APIRouter(include_in_schema=False)
    metadata = {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": [TASKS_READ, TASKS_WRITE],
        "bearer_methods_supported": ["header"],
        "resource_name": "Taskward",
    }

    @router.get(METADATA_PATH)
    @fast
    async def read_metadata(request: Request) -> Response:  # noqa: ARG001  # fast routes take it
        return JsonResponse(metadata, headers=FOR_AN_HOUR)

    return router


async def _answer(message: Message, request: Request, owner: str, token: AgentToken) -> dict[str, Any]:
    """Return the response to a request; raise ProtocolError, with its id."""
    modern = True
    try:
        modern = is_modern(message, request.headers)
        result = await result_of(message, partial(_call_tool, request, owner, token), modern=modern)
    except ProtocolError as error:
        error.id = message.id
        if not modern:
            error.status = 200  # the protocol said nothing of statuses yet
        raise
    return answered(message.id, result=result)


async def _call_tool(
    request: Request, owner: str, token: AgentToken, tool: Tool, arguments: dict[str, Any]
) -> Result:
    token.check_scope(request, tool.scope)
    return await call(tool, state_of(request.app).service(TaskService), owner, arguments)
