"""What Schemathesis cannot know of valid requests, as JSON Schema has no words for it. It loads this file."""

from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies

NEEDS = {"due_time": "due_date", "due_zone": "due_time"}

schemathesis.openapi.format("iana-time-zone", strategies.sampled_from(sorted(available_timezones())))
schemathesis.openapi.format("entity-tags", strategies.from_regex(r'\A(\*|(W/)?"[!#-~]*"(, "[!#-~]*")*)\Z'))


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out what may be valid or not: a time whose day the task may have, and tags alike but for case."""
    body = case.body
    if not isinstance(body, dict):
        return True
    if case.method in ("PUT", "PATCH") and any(name in body and NEEDS[name] not in body for name in NEEDS):
        return False
    tags = body.get("tags")
    texts = {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()
    return len({text.casefold() for text in texts}) == len(texts)
