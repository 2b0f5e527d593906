"""FastAPI, an ORM session for each request, response models, PyJWT: the same operations in the usual way.

Tuned where a team would tune it: as many connections as Taskward, none of them closed between requests (as those
of an "overflow" would be), nothing expires on commit, no refresh after a write, uvloop and httptools. It has no
row-level security, no entity tags, no counters and no care for two writers at once.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.baseline.model import Task, TaskCreate, TaskList, TaskRead, TaskUpdate

SECRET = os.environ["JWT_SECRET_KEY"]

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"), pool_size=30, max_overflow=0
)
app = FastAPI(title="Tasks")
bearer = HTTPBearer()


async def get_session() -> AsyncIterator[AsyncSession]:
    """Give a session for one request."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


async def get_user_id(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> str:
    """Return the id of the token's user."""
    try:
        payload: dict[str, Any] = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise HTTPException(401, "Could not validate credentials") from None
    return str(payload["sub"])


Session = Annotated[AsyncSession, Depends(get_session)]
UserId = Annotated[str, Depends(get_user_id)]


async def get_task(task_id: int, session: Session, user_id: UserId) -> Task:
    """Return the user's task of this id."""
    task = await session.get(Task, (user_id, task_id))
    if task is None:
        raise HTTPException(404, "Task not found")
    return task


ThisTask = Annotated[Task, Depends(get_task)]


@app.get("/tasks", response_model=TaskList)
async def list_tasks(
    session: Session,
    user_id: UserId,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Any:
    """List the user's tasks, newest first."""
    of_user = col(Task.user_id) == user_id
    count = (await session.exec(select(func.count()).select_from(Task).where(of_user))).one()
    newest = select(Task).where(of_user).order_by(col(Task.id).desc()).offset(offset).limit(limit)
    return {"tasks": (await session.exec(newest)).all(), "count": count}


@app.post("/tasks", response_model=TaskRead, status_code=201)
async def create_task(new: TaskCreate, session: Session, user_id: UserId) -> Any:
    """Create a task."""
    task = Task(user_id=user_id, **new.model_dump())
    session.add(task)
    await session.commit()
    return task


@app.get("/tasks/{task_id}", response_model=TaskRead)
async def read_task(task: ThisTask) -> Any:
    """Read a task."""
    return task


@app.patch("/tasks/{task_id}", response_model=TaskRead)
async def update_task(task: ThisTask, changes: TaskUpdate, session: Session) -> Any:
    """Change what the body names."""
    task.sqlmodel_update(changes.model_dump(exclude_unset=True), update={"updated_at": datetime.now(UTC)})
    await session.commit()
    return task


@app.patch("/tasks/{task_id}/complete", response_model=TaskRead)
async def complete_task(task: ThisTask, session: Session) -> Any:
    """Flip whether the task is done."""
    task.completed = not task.completed
    task.updated_at = datetime.now(UTC)
    await session.commit()
    return task
