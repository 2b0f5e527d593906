import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from taskward.app import create_app
from taskward.errors import ValidationFailedError
from taskward.settings import Settings
from taskward.tasks.cursor import INVALID, OF_ANOTHER_QUERY, Cursors
from taskward.tasks.schemas import ListQuery
from tests.client import Client, connect
from tests.conftest import SECRET
from tests.tasks.path_prefixes import PathPrefix, check_refused, create

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OURS = Cursors(SECRET.encode())


def cursor(query: dict[str, Any], *key: Any, owner: str = "alice") -> str:
    return OURS.write(owner, ListQuery(**query).listed, key)


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


BY_TITLE = {"sort": "title"}
GOOD = cursor({}, 2)

BAD = {
    "of the first edition": encoded(b'["all","created",true,2]'),
    "another secret": Cursors(b"another secret, of more than 32 characters").write(
        "alice", ListQuery().listed, (2,)
    ),
    "bob's": cursor({}, 2, owner="bob"),
    "no key": cursor({}),
    "two keys": cursor({}, 2, 2),
    "boolean": cursor({}, True),
    "float": cursor({}, 2.0),
    "text": cursor({}, "2"),
    "null": cursor({}, None),
    "nothing": encoded(b"\0"),
    "zeros": encoded(bytes(64)),
    "a tag alone": encoded(decoded(GOOD)[:16]),
    "cut off": GOOD[:-4],
    "longer": GOOD + "AAAA",
    "twice": GOOD + GOOD,
    "NUL": "%00",
    "NUL at the end": GOOD + "%00",
    "not base64": "!!!!",
    "not ASCII": "%C3%A9%F0%9F%98%80",
    "one character": "A",
    "padded": GOOD + "=" * (-len(GOOD) % 4 or 4),
    "new line": GOOD + "%0A",
    "space": "%20" + GOOD,
    "with rubbish inside": GOOD[:4] + "!" + GOOD[4:],
    "longer than any": "A" * 2001,
}


async def message_of(client: Client, path: str) -> str:
    response = await client.get(path)
    check_refused(response, 400, "VALIDATION_ERROR", "cursor")
    message: str = response.json()["errors"][0]["message"]
    return message


async def test_a_good_cursor_of_the_kind_that_is_broken_below_is_followed(alice: Client, tasks: str) -> None:
    made = [await create(alice, title) for title in ("a", "B", "c")]
    assert (await alice.get(f"{tasks}?cursor={GOOD}")).json()["tasks"] == made[:1]
    assert (await alice.get(f"{tasks}?sort=title&cursor={cursor(BY_TITLE, 'a', 1)}")).json()["tasks"] == made[1:]


async def test_a_broken_cursor_is_refused(alice: Client) -> None:
    await create(alice)
    for name, value in BAD.items():
        response = await alice.get(f"/tasks?cursor={value}")
        assert response.status_code == 400, name
        check_refused(response, 400, "VALIDATION_ERROR", "cursor")
        if name != "longer than any":
            assert response.json()["errors"][0]["message"] == INVALID, name


async def test_a_cursor_with_one_bit_changed_is_refused(alice: Client) -> None:
    data = decoded(GOOD)
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert await message_of(alice, f"/tasks?cursor={encoded(bytes(changed))}") == INVALID


async def test_spare_bits_at_the_end_of_a_cursor_are_not_ignored(alice: Client) -> None:
    good = cursor(BY_TITLE, "a" * 20, 1)
    assert len(good) % 4 in (2, 3)  # so the last character has spare bits, and they are zero
    other = good[:-1] + ALPHABET[ALPHABET.index(good[-1]) + 1]
    assert decoded(other) == decoded(good)
    assert (await alice.get(f"/tasks?sort=title&cursor={good}")).status_code == 200
    assert await message_of(alice, f"/tasks?sort=title&cursor={other}") == INVALID


@pytest.mark.parametrize("sort", ["created", "updated", "title"])
async def test_a_cursor_tells_nothing_of_the_task_it_stands_for(alice: Client, sort: str) -> None:
    title = "the secret of alice"
    for _ in range(2):
        await create(alice, title)
    text = (await alice.get(f"/tasks?limit=1&sort={sort}")).json()["next_cursor"]
    for form in (text.encode(), decoded(text)):
        for told in (title, "secret", "alice", sort, "all", "desc", "asc"):
            assert told.encode() not in form
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        json.loads(decoded(text))


def test_keys_of_about_the_same_length_have_cursors_of_one_length() -> None:
    lengths = {len(cursor({}, number)) for number in (1, 22, 10**6, 10**12)}
    assert lengths == {len(cursor(BY_TITLE, "milk", 7))}


async def test_one_page_has_one_cursor(alice: Client, settings: Settings) -> None:
    for _ in range(2):
        await create(alice)
    application = create_app(settings)
    async with (
        application.router.lifespan_context(application),
        connect(application, "alice", SECRET) as elsewhere,
    ):
        pages = [await client.get("/tasks?limit=1") for client in (alice, alice, elsewhere)]
    assert len({(page.headers["etag"], page.content) for page in pages}) == 1


async def test_after_a_change_of_the_secret_cursors_are_refused_and_pages_are_sent_anew(
    alice: Client, settings: Settings
) -> None:
    for _ in range(2):
        await create(alice)
    page = await alice.get("/tasks?limit=1")
    changed = Settings(
        DATABASE_URL=settings.database_url.get_secret_value() if settings.database_url else None,
        JWT_SECRET_KEY=SECRET,
        CURSOR_SECRET_KEY="another secret, of more than 32 characters",
    )
    application = create_app(changed)
    async with application.router.lifespan_context(application), connect(application, "alice", SECRET) as after:
        assert await message_of(after, f"/tasks?limit=1&cursor={page.json()['next_cursor']}") == INVALID
        again = await after.get("/tasks?limit=1", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 200
        assert (await after.get(f"/tasks?cursor={again.json()['next_cursor']}")).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["status=pending", "status=completed", "sort=updated", "sort=title", "order=asc", "sort=updated&order=asc"],
)
async def test_a_cursor_belongs_to_one_query(alice: Client, tasks: str, query: str) -> None:
    for _ in range(3):
        await create(alice)
    of_all = (await alice.get(f"{tasks}?limit=1")).json()["next_cursor"]
    of_this = (await alice.get(f"{tasks}?{query}&limit=1")).json()["next_cursor"]
    assert await message_of(alice, f"{tasks}?{query}&cursor={of_all}") == OF_ANOTHER_QUERY
    assert (await alice.get(f"{tasks}?status=all&sort=created&order=desc&cursor={of_all}")).status_code == 200
    if of_this is not None:
        assert await message_of(alice, f"{tasks}?cursor={of_this}") == OF_ANOTHER_QUERY


def test_whatever_else_a_query_says_a_cursor_is_good_for_that_alone() -> None:
    query = ListQuery().listed
    text = OURS.write("alice", query | {"tags": "home"}, (2,))
    assert OURS.read(text, "alice", query | {"tags": "home"}) == (2,)
    for other in (query, query | {"tags": "homes"}, query | {"tag": "home"}):
        with pytest.raises(ValidationFailedError):
            OURS.read(text, "alice", other)


async def test_bobs_cursor_is_refused_to_alice(alice: Client, bob: Client, path_prefix: PathPrefix) -> None:
    for _ in range(2):
        await create(bob, "Secret")
    theirs = (await bob.get(f"{path_prefix.of('bob')}?limit=1")).json()["next_cursor"]
    assert await message_of(alice, f"{path_prefix.of('alice')}?cursor={theirs}") == INVALID


def test_any_title_comes_back_from_its_cursor() -> None:
    chance = random.Random(7)
    for _ in range(500):
        title = "".join(chance.choices('a "\\\x01é\N{GRINNING FACE}', k=chance.randint(0, 200)))
        text = cursor(BY_TITLE, title, 7)
        assert len(text) <= 2000
        assert OURS.read(text, "alice", ListQuery(sort="title").listed) == (title, 7)
