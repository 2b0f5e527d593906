import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.client import Client
from tests.tasks.path_prefixes import MAX_INT64, PathPrefix, check_refused, create


def cursor(*parts: Any) -> str:
    return encoded(json.dumps(parts, separators=(",", ":")).encode())


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


BY_ID = ("all", "created", True)
BY_TITLE = ("all", "title", False)

GOOD_BY_ID = cursor(*BY_ID, 2)
GOOD_BY_TITLE = cursor(*BY_TITLE, "a", 1)

BAD_BY_ID = {
    "no key": cursor(*BY_ID),
    "empty": cursor(),
    "zero": cursor(*BY_ID, 0),
    "negative": cursor(*BY_ID, -1),
    "beyond 64 bits": cursor(*BY_ID, MAX_INT64 + 1),
    "beyond 128 bits": cursor(*BY_ID, 2**200),
    "boolean": cursor(*BY_ID, True),
    "float": cursor(*BY_ID, 2.0),
    "NaN": cursor(*BY_ID, float("nan")),
    "1e999": encoded(b'["all","created",true,1e999]'),
    "text": cursor(*BY_ID, "2"),
    "null": cursor(*BY_ID, None),
    "list": cursor(*BY_ID, [2]),
    "two keys": cursor(*BY_ID, 2, 2),
    "order as number": cursor("all", "created", 1, 2),
    "status null": cursor(None, "created", True, 2),
    "object": encoded(b'{"0":"all","1":"created","2":true,"3":2}'),
    "number": encoded(b"2"),
    "json null": encoded(b"null"),
    "json text": encoded(b'"all"'),
    "cut off": encoded(b'["all","created",true,2'),
    "spaces": encoded(b'["all", "created", true, 2]'),
    "leading zero": encoded(b'["all","created",true,02]'),
    "deep": encoded(b"[" * 1400),
    "not UTF-8": encoded(b"\xff\xfe"),
    "NUL bytes": encoded(b"\0\0\0"),
    "NUL": "%00",
    "NUL at the end": GOOD_BY_ID + "%00",
    "not base64": "!!!!",
    "not ASCII": "%C3%A9%F0%9F%98%80",
    "one character": "A",
    "padded": GOOD_BY_ID + "%3D%3D",
    "new line": GOOD_BY_ID + "%0A",
    "space": "%20" + GOOD_BY_ID,
    "with rubbish inside": GOOD_BY_ID[:4] + "!" + GOOD_BY_ID[4:],
    "longer than any": "A" * 2001,
    "of another sort": GOOD_BY_TITLE,
}

BAD_BY_TITLE = {
    "of another sort": GOOD_BY_ID,
    "NUL": cursor(*BY_TITLE, "a\0b", 1),
    "lone surrogate": encoded(rb'["all","title",false,"\ud800",1]'),
    "surrogate in UTF-8": encoded(b'["all","title",false,"\xed\xa0\x80",1]'),
    "no id": cursor(*BY_TITLE, "a"),
    "id zero": cursor(*BY_TITLE, "a", 0),
    "id beyond 64 bits": cursor(*BY_TITLE, "a", MAX_INT64 + 1),
    "id float": cursor(*BY_TITLE, "a", 1.5),
    "id boolean": cursor(*BY_TITLE, "a", True),
    "the other way round": cursor(*BY_TITLE, 1, "a"),
    "title a number": cursor(*BY_TITLE, 1, 1),
    "title null": cursor(*BY_TITLE, None, 1),
    "needless escape": encoded(rb'["all","title",false,"\u0061",1]'),
}


async def test_a_good_cursor_of_the_kind_that_is_broken_below_is_followed(alice: Client, tasks: str) -> None:
    made = [await create(alice, title) for title in ("a", "B", "c")]
    for query, after in (("", made[:1]), ("sort=title&", made[1:])):
        good = GOOD_BY_TITLE if query else GOOD_BY_ID
        assert (await alice.get(f"{tasks}?{query}cursor={good}")).json()["tasks"] == after
        assert (await alice.get(f"{tasks}?{query}limit=1&cursor={good}")).json()["tasks"] == after[:1]
    for largest in (cursor(*BY_ID, MAX_INT64), cursor("all", "updated", True, MAX_INT64)):
        query = "sort=updated&" if largest != cursor(*BY_ID, MAX_INT64) else ""
        assert len((await alice.get(f"{tasks}?{query}cursor={largest}")).json()["tasks"]) == 3


async def test_a_broken_cursor_is_refused(alice: Client, tasks: str) -> None:
    await create(alice)
    for query, bad in (("", BAD_BY_ID), ("sort=title&", BAD_BY_TITLE)):
        for name, value in bad.items():
            response = await alice.get(f"{tasks}?{query}cursor={value}")
            assert response.status_code == 400, name
            check_refused(response, 400, "VALIDATION_ERROR", "cursor")


async def test_a_broken_cursor_is_told_what_to_do(alice: Client) -> None:
    for broken in ("!!!!", GOOD_BY_TITLE):
        (error,) = (await alice.get(f"/tasks?cursor={broken}")).json()["errors"]
        assert error["message"] == "Invalid cursor. Start again without it."


async def test_spare_bits_at_the_end_of_a_cursor_are_not_ignored(alice: Client, tasks: str) -> None:
    good = cursor(*BY_ID, 22)
    assert len(good) % 4 == 2  # so the last character has four spare bits, and they are zero
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = good[:-1] + alphabet[alphabet.index(good[-1]) + 1]
    assert urlsafe_b64decode(other + "==") == urlsafe_b64decode(good + "==")
    assert (await alice.get(f"{tasks}?cursor={good}")).status_code == 200
    check_refused(await alice.get(f"{tasks}?cursor={other}"), 400, "VALIDATION_ERROR", "cursor")


@pytest.mark.parametrize(
    "query",
    ["status=pending", "status=completed", "sort=updated", "sort=title", "order=asc", "sort=updated&order=asc"],
)
async def test_a_cursor_belongs_to_one_query(alice: Client, tasks: str, query: str) -> None:
    for _ in range(3):
        await create(alice)
    of_all = (await alice.get(f"{tasks}?limit=1")).json()["next_cursor"]
    of_this = (await alice.get(f"{tasks}?{query}&limit=1")).json()["next_cursor"]
    check_refused(await alice.get(f"{tasks}?{query}&cursor={of_all}"), 400, "VALIDATION_ERROR", "cursor")
    assert (await alice.get(f"{tasks}?status=all&sort=created&order=desc&cursor={of_all}")).status_code == 200
    if of_this is not None:
        check_refused(await alice.get(f"{tasks}?cursor={of_this}"), 400, "VALIDATION_ERROR", "cursor")


async def test_bobs_cursor_shows_alice_her_own_tasks(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    mine = await create(alice)
    for _ in range(2):
        await create(bob, "Secret")
    theirs = (await bob.get(f"{path_prefix.of('bob')}?limit=1")).json()["next_cursor"]
    assert (await alice.get(f"{path_prefix.of('alice')}?cursor={theirs}")).json()["tasks"] == [mine]
