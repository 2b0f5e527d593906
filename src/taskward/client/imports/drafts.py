"""Tasks of other products on their way to be ones of ours: what has a field, and what goes to the description."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from taskward.client.imports.found import Findings, Found
from taskward.client.imports.parts import CONTROLS, OddPartError, is_visible, without_controls

# As the service has them (taskward.tasks.values). What other products have more of is kept as far as it goes.
TITLE_LENGTH, DESCRIPTION_LENGTH, UID_LENGTH, TAG_LENGTH, MOST_TAGS = 200, 1000, 255, 50, 20
FIRST_DAY = "1900"
COMMA = re.compile(r"\s*,\s*")
# Of a part that is looked at where nobody thought that it could be something else.
NOT_LAID_OUT_SO = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)
OF_AN_EXPORT = re.compile(r"taskward-([1-9][0-9]{0,18})-([0-9T:.+-]{19,35}Z?)\Z", re.ASCII)


class Uids:
    """Names tasks by their source and what identifies them there, so that the next import finds them.

    Takes some 100 bytes of memory for each task that its source gives no id.
    """

    def __init__(self, source: str) -> None:
        """Take the word that all names begin with."""
        self._source = source
        self._seen: Counter[bytes] = Counter()

    def of_id(self, found: object) -> str:
        """Return the name of a task that its source knows by an id."""
        name = f"{self._source}-{found}"
        if len(name) <= UID_LENGTH and name.isascii() and name.isprintable():
            return name
        return f"{self._source}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}"

    def of_content(self, *content: object) -> str:
        """Return the name of a task without an id: by what stays, and by how many like it came before."""
        digest = hashlib.sha256(json.dumps([self._source, *map(str, content)]).encode()).digest()[:16]
        self._seen[digest] += 1
        return f"{self._source}-{digest.hex()}-{self._seen[digest]}"


@dataclass(slots=True)
class Draft:
    """A task of another product on its way to be one of ours.

    `rest` is what has no field here; it stands below the description as `Name: value`.
    """

    title: str
    uid: str
    description: str = ""
    completed: bool = False
    due: Mapping[str, str] = field(default_factory=dict)
    priority: str | None = None
    tags: list[str] = field(default_factory=list)
    rest: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, value: object) -> None:
        """Keep what has no field, if it says anything."""
        if value not in (None, "", [], {}, False):
            self.rest.append((name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))

    def prioritise(self, found: object, words: Mapping[str, str], none: Container[str] = ("None", "")) -> None:
        """Take a priority by what it is called there; what it is called otherwise is kept."""
        self.priority = words.get(str(found))
        if self.priority is None and str(found) not in none:
            self.add("Priority", found)

    def found(self, row: int, findings: Findings) -> Found | None:
        """Return the task as the service takes it; None where there is nothing of it."""
        title = without_controls(self.title).strip()
        description = without_controls(self.description).strip()
        if self.due.get("due_date", FIRST_DAY) < FIRST_DAY:
            self.add("Due", " ".join(self.due.values()))
            self.due = {}
        if not is_visible(title):
            title, _, description = description.partition("\n")
            title = title.strip()
        if not is_visible(title):
            findings.left_out["tasks without a title or a description"] += 1
            return None
        if len(title) > TITLE_LENGTH:
            self.rest.insert(0, ("Title", title))
            title = title[: TITLE_LENGTH - 1] + "…"
        tags = self._few_tags()
        task: dict[str, Any] = {"uid": self.uid, "title": title, "completed": self.completed}
        if text := self._text(row, description, findings):
            task["description"] = text
        if self.priority:
            task["priority"] = self.priority
        if tags:
            task["tags"] = tags
        return Found(row, {**task, **self.due})

    def _few_tags(self) -> list[str]:
        tags: dict[str, str] = {}
        for each in self.tags:
            tag = CONTROLS.sub(" ", COMMA.sub(" ", without_controls(each))).strip()
            if not is_visible(tag):
                continue
            if len(tag) > TAG_LENGTH or (len(tags) == MOST_TAGS and tag.casefold() not in tags):
                self.rest.append(("Tag", tag))
            else:
                tags.setdefault(tag.casefold(), tag)
        return list(tags.values())

    def _text(self, row: int, description: str, findings: Findings) -> str:
        rest = "\n".join(f"{name}: {without_controls(value).strip()}" for name, value in self.rest)
        text = "\n\n".join(filter(None, (description, rest)))
        if len(text) > DESCRIPTION_LENGTH:
            findings.left_out[f"text beyond the {DESCRIPTION_LENGTH:,} characters of a description"] += 1
            findings.remark("the description is cut", row)
            text = text[: DESCRIPTION_LENGTH - 1] + "…"
        return text


def drafted(
    entries: Iterable[Any], make: Callable[[int, Any], Draft | None], findings: Findings
) -> Iterator[Found]:
    """Yield what `make` makes of each entry. One that is laid out in another way is refused, and not the file."""
    for row, entry in enumerate(entries, 1):
        try:
            draft = make(row, entry)
        except OddPartError as error:
            findings.refuse(row, str(error))
            continue
        except NOT_LAID_OUT_SO:
            findings.refuse(row, "it is laid out in a way that is not known")
            continue
        if draft is not None and (found := draft.found(row, findings)):
            yield found


def own_of(task: dict[str, Any]) -> tuple[dict[str, Any], tuple[int, str] | None]:
    """Return a task, and which of an export it was where its name says that it had none."""
    found = OF_AN_EXPORT.match(task["uid"])
    return task, (int(found[1]), found[2]) if found else None
