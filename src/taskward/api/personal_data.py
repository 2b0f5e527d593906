"""Everything that is kept about a person, written as it is read: features bring their parts."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from taskward.strict_json import encode

# Rows of one user, page by page: no more than a page is in memory.
Pages = Callable[[str], AsyncIterator[Sequence[Mapping[str, object]]]]


class PersonalData:
    """What features keep about a user, by the name that it has in the document."""

    def __init__(self, parts: Mapping[str, Pages]) -> None:
        """Take what reads each part."""
        self._parts = parts

    async def pieces(self, owner: str, first: Mapping[str, object]) -> AsyncIterator[bytes]:
        """Yield the pieces of one JSON document, which begins with `first`.

        Each page is read in a transaction of its own. Raises what reading raises; what was written by then is no
        whole document.
        """
        yield encode(first)[:-1]
        for name, pages in self._parts.items():
            yield b"," + encode(name) + b":["
            separator = b""
            async for page in pages(owner):
                if page:
                    yield separator + encode(page)[1:-1]
                    separator = b","
            yield b"]"
        yield b"}"
