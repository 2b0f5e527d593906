"""Filters and sorts by the fields that people plan with: each alone, together, and with pages and counts."""

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import Client

TASKS: list[dict[str, Any]] = [
    {
        "title": "Water the ferns",
        "due_date": "2026-11-27",
        "due_time": "18:00",
        "priority": "high",
        "tags": ["Home"],
    },
    {"title": "Taxes", "due_date": "2026-11-27", "priority": "low", "tags": ["paper", "home"], "uid": "tax-1"},
    {"title": "Éclairs", "due_date": "2026-11-28", "due_time": "00:00", "tags": ["home", "plants"]},
    {"title": "50 % off_er", "description": "Don't pay more than 100\\200", "priority": "medium"},
    {"title": "Leap", "due_date": "2028-02-29", "tags": ["rare day"]},
]

FOUND = {
    "due_from=2026-11-28": [2, 4],
    "due_to=2026-11-27": [0, 1],
    "due_from=2026-11-27&due_to=2026-11-27": [0, 1],
    "due_from=2028-02-29&due_to=2028-02-29": [4],
    "due_from=2026-11-28&due_to=2026-11-27": [],
    "due=any": [0, 1, 2, 4],
    "due=none": [3],
    "due=none&due_from=1900-01-01": [],
    "priority=high": [0],
    "priority=high,low": [0, 1],
    "priority=medium,medium": [3],
    "tags=home": [0, 1, 2],
    "tags=HOME,plants": [2],
    "tags=hom": [],
    "tags=rare%20day": [4],
    "tags=home&priority=low": [1],
    "uid=tax-1": [1],
    "uid=TAX-1": [],
    "q=water": [0],
    "q=ATER+fern": [0],
    "q=water+taxes": [],
    "q=%C3%A9CLAIR": [2],
    "q=%25": [3],
    "q=_": [3],
    "q=50+off_er": [3],
    "q=don%27t": [3],
    "q=100%5C2": [3],
    "q=100%5C%5C2": [],
    "q=plant": [2],
    "q=rare+day": [4],
    "q=homepaper": [],
    "q=%22": [],
    "q=ax&due=any&tags=home&sort=due": [1],
}

REFUSED = {
    "due_from=27.11.2026": "due_from", "due_from=2026-02-29": "due_from", "due_to=1899-12-31": "due_to",
    "due_to=": "due_to", "due_from=20261127": "due_from", "due=today": "due", "due=": "due",
    "priority=urgent": "priority", "priority=": "priority", "priority=high,": "priority",
    "priority=HIGH": "priority",
    "tags=": "tags", "tags=home,": "tags", "tags=" + "x" * 51: "tags", "uid=": "uid", "uid=%0A": "uid",
    "q=": "q", "q=+": "q", "q=" + "x" * 201: "q", "q=%00": "q", "q=a&q=b": "q", "tags=a&tags=b": "tags",
}  # fmt: skip


@pytest.fixture
async def made(alice: Client, bob: Client) -> list[int]:
    """The ids of alice's tasks; bob has the same."""
    for task in TASKS:
        assert (await bob.post("/tasks", json=task)).status_code == 201
    return [(await alice.post("/tasks", json=task)).json()["id"] for task in TASKS]


async def walk(client: Client, query: str, limit: int) -> list[int]:
    """Return the ids on all pages; each page must have the same count."""
    found: list[int] = []
    cursor = ""
    while True:
        page = (await client.get(f"/tasks?{query}&limit={limit}{cursor}")).json()
        found += [task["id"] for task in page["tasks"]]
        if page["next_cursor"] is None:
            assert page["count"] == len(found)
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("query", FOUND)
async def test_a_filter_finds_what_it_says_on_all_pages(alice: Client, made: list[int], query: str) -> None:
    wanted = [made[index] for index in FOUND[query]]
    for limit in (1, 500):
        assert sorted(await walk(alice, query, limit)) == wanted


@pytest.mark.parametrize("query", REFUSED)
async def test_what_is_no_filter_is_400_and_names_the_parameter(alice: Client, query: str) -> None:
    response = await alice.get(f"/tasks?{query}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, REFUSED[query])


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("sort=due", [0, 1, 2, 4, 3]),  # 18:00, then the whole day, then the first minute of the next
        ("sort=due&order=desc", [3, 4, 2, 1, 0]),
        ("sort=due&status=pending", [0, 1, 2, 4, 3]),
        ("sort=priority", [0, 3, 1, 2, 4]),
        ("sort=priority&order=desc", [4, 2, 1, 3, 0]),
    ],
)
async def test_a_sort_has_its_order(alice: Client, made: list[int], query: str, order: list[int]) -> None:
    for limit in (2, 500):
        assert await walk(alice, query, limit) == [made[index] for index in order]


async def test_sorted_by_completion_the_newest_come_first_and_open_ones_last(
    alice: Client, made: list[int]
) -> None:
    for index in (3, 0, 4):
        await alice.patch(f"/tasks/{made[index]}/complete")
    await alice.patch(f"/tasks/{made[0]}", json={"title": "Changed later"})
    order = [made[index] for index in (4, 0, 3, 2, 1)]
    assert await walk(alice, "sort=completed", 2) == order
    assert await walk(alice, "sort=completed&order=asc", 2) == order[::-1]
    assert await walk(alice, "sort=completed&status=completed", 2) == order[:3]


async def test_a_link_to_the_next_page_keeps_the_filters(alice: Client, made: list[int]) -> None:
    response = await alice.get("/tasks?tags=home,plants&q=%C3%89cl&limit=1&due_from=2026-01-01")
    assert "link" not in response.headers
    response = await alice.get("/tasks?tags=home&q=e&limit=1&due_from=2026-01-01&priority=high,low")
    following = response.headers["link"].split(">")[0].removeprefix("<")
    ids = [page["tasks"][0]["id"] for page in (response.json(), (await alice.get(following)).json())]
    assert sorted(ids) == made[:2]


async def test_a_filtered_list_that_is_unchanged_is_304(alice: Client, made: list[int]) -> None:
    for query in ("q=taxes", "due=any&sort=due", "uid=tax-1"):
        tag = {"If-None-Match": (await alice.get(f"/tasks?{query}")).headers["etag"]}
        assert (await alice.get(f"/tasks?{query}", headers=tag)).status_code == 304
        assert (await alice.get(f"/tasks?{query}&status=pending", headers=tag)).status_code == 200
    await alice.patch(f"/tasks/{made[1]}", json={"title": "VAT"})
    assert (await alice.get("/tasks?q=taxes", headers=tag)).json()["count"] == 0


# What is promised: letters are the same that differ in nothing but case, one letter for one letter. Where Python
# folds to several letters, as ß to ss, or to another small letter, as the final sigma, they are different here.
def folds_to_one_letter(letter: str) -> bool:
    return len(letter.casefold()) == 1 and letter.casefold() == letter.lower() == letter.upper().lower()


letters = st.characters(min_codepoint=33, max_codepoint=0x24F).filter(folds_to_one_letter)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text(letters, min_size=1, max_size=6), min_size=1, max_size=3), data=st.data())
def test_words_are_found_as_python_folds_them(superuser: psycopg.Connection, words: list[str], data: Any) -> None:
    text = " ".join(words)
    start = data.draw(st.integers(0, len(text) - 1))
    part = text[start : data.draw(st.integers(start + 1, len(text)))]
    looked_for = data.draw(st.sampled_from([part, part.upper(), part.lower(), part.swapcase(), part[::-1]]))
    row = superuser.execute(
        "SELECT strpos(folded(%s), folded(%s)) > 0", [text, looked_for.strip() or words[0]]
    ).fetchone()
    assert row == ((looked_for.strip() or words[0]).casefold() in text.casefold(),)
