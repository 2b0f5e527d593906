"""Addresses in a description are links, and nothing else of it is more than text."""

from playwright.async_api import expect

from tests.web.people import Person

TEXT = (
    "See https://example.com/a?b=1&c=2, (http://example.org/x). Not javascript:alert(1), "
    "https://, <b>bold</b> or ftp://example.com/y\n"
    "https://example.com/ferns_(plants). https://example.com/<img"
)


async def test_addresses_become_links_that_tell_nobody_where_they_come_from(member: Person) -> None:
    await member.add("Read")
    await member.edit("Read", description=TEXT)
    await expect(member.rows.locator(".description")).to_have_text(TEXT)
    links = member.rows.locator(".description a")
    assert await links.evaluate_all("all => all.map((link) => link.href)") == [
        "https://example.com/a?b=1&c=2",
        "http://example.org/x",
        "https://example.com/ferns_(plants)",
        "https://example.com/",
    ]
    assert set(await links.evaluate_all("all => all.map((link) => link.rel)")) == {"noopener noreferrer"}
    assert await member.rows.locator(".description > :not(a)").count() == 0
    await member.edit("Read", description="Nothing more")
    await expect(links).to_have_count(0)
