"""Todoist: the CSV of a project, the archive of a backup with one for each, and the JSON of its API."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from taskward.client.imports import todoist_api, todoist_csv
from taskward.client.imports.archives import member, members_of
from taskward.client.imports.drafts import Uids
from taskward.client.imports.elements import document
from taskward.client.imports.files import Source
from taskward.client.imports.found import BrokenFileError, Findings, Found, Options

PROJECT_ID = re.compile(r"\s*\[[0-9A-Za-z]+\]\Z")


def read(source: Source, options: Options, findings: Findings) -> Iterator[Found]:
    """Yield the tasks. Raises BrokenFileError."""
    uids = Uids("todoist")
    if source.is_zip:
        yield from _of_backup(source, options, findings, uids)
    elif source.head()[:1] in ("{", "["):
        yield from todoist_api.read(document(source.document()), options, findings, uids)
    else:
        yield from todoist_csv.Project("", uids, options, findings).read(source)


def _of_backup(source: Source, options: Options, findings: Findings, uids: Uids) -> Iterator[Found]:
    """Yield the tasks of all projects, whose rows are numbered on. One that cannot be read hides no other."""
    row, broken = 0, []
    for name in sorted(members_of(source, ".csv")):
        title = PROJECT_ID.sub("", PurePosixPath(name.replace("\\", "/")).stem)
        project = todoist_csv.Project(title, uids, options, findings, row, f"in {name!r}, ")
        try:
            yield from project.read(member(source, name))
        except BrokenFileError as error:
            broken.append(f"in {name!r}: {error}")
        row = project.row
    if broken:
        raise BrokenFileError("; ".join(broken))
