from tests.client import Client


async def test_somebody_without_a_token_creates_nothing(anonymous: Client) -> None:
    answer = await anonymous.post("/tasks", json={"title": "Buy milk"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "TOKEN_MISSING"


async def test_the_first_task_of_a_fresh_install_has_id_1(alice: Client) -> None:
    answer = await alice.post("/tasks", json={"title": "Buy milk"})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/tasks/1"
    task = answer.json()
    assert task["created_at"] == task["updated_at"]
    del task["created_at"], task["updated_at"]
    assert task == {
        "id": 1, "user_id": "alice", "title": "Buy milk", "description": None, "completed": False, "revision": 1,
    }  # fmt: skip
