import psycopg
import pytest

from tests.client import Client
from tests.tasks.path_prefixes import MISSING, PathPrefix, check_refused, counts, create, read

pytestmark = pytest.mark.quick


async def test_somebody_without_a_token_deletes_nothing(anonymous: Client, alice: Client, tasks: str) -> None:
    task = await create(alice)
    check_refused(await anonymous.delete(f"{tasks}/{task['id']}"), 401, "TOKEN_MISSING")
    assert await read(alice, task["id"]) == task


async def test_bob_cannot_delete_alices_task(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    task = await create(alice)
    for user_id in ("alice", "bob"):
        check_refused(await bob.delete(f"{path_prefix.of(user_id)}/{task['id']}"), 403, "FORBIDDEN")
    assert await read(alice, task["id"]) == task


async def test_a_deleted_task_is_gone_from_the_database(
    alice: Client, tasks: str, superuser: psycopg.Connection
) -> None:
    kept, deleted = await create(alice), await create(alice)
    path = f"{tasks}/{deleted['id']}"
    response = await alice.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    for method in ("GET", "DELETE"):
        check_refused(await alice.request(method, path), 404, "TASK_NOT_FOUND")
    assert superuser.execute("SELECT id FROM tasks").fetchall() == [(kept["id"],)]


async def test_counts_and_revision_know_of_the_deletion(alice: Client, tasks: str) -> None:
    await create(alice)
    for completed in (True, False):
        task = await create(alice, completed=completed)
        await alice.delete(f"{tasks}/{task['id']}")
        assert await counts(alice) == {"all": 1, "completed": 0, "pending": 1}
    again = await create(alice)
    assert (again["id"], again["revision"]) == (4, 6)


async def test_deleting_a_missing_task_changes_nothing(alice: Client, tasks: str) -> None:
    await create(alice)
    check_refused(await alice.delete(f"{tasks}/{MISSING}"), 404, "TASK_NOT_FOUND")
    assert (await create(alice))["revision"] == 2
