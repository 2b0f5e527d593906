"""Names below which anybody can have a site: `com` and `co.uk`, and `vercel.app` and `github.io` as well."""

from functools import cache
from typing import Any


def is_shared_by_strangers(domain: str) -> bool:
    """Return whether sites one label below `domain` belong to different people, by the Public Suffix List.

    What cannot be in the list, as an address or a single unknown label, counts as shared.
    """
    if domain.rpartition(".")[2].isdigit():  # the end of an IPv4 address (WHATWG URL, 3.5)
        return True
    return bool(_list().is_public(domain))  # also for what has only wildcards below it, as `*.kawasaki.jp`


@cache
def _list() -> Any:
    from publicsuffixlist import PublicSuffixList  # only here: reading it takes a moment, and few need it

    return PublicSuffixList()
