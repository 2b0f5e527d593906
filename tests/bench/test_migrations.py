"""What migrations do to tables with data in them is told to those who upgrade. No time is looked at."""

import re

from bench import migrations
from bench.databases import Databases
from tests.docs.documents import ROOT

TASKS = 1200
UPGRADES = (ROOT / "docs" / "upgrade.md").read_text()


def test_the_document_names_every_migration_that_writes_or_reads_a_whole_table(databases: Databases) -> None:
    steps = migrations.measure(databases, TASKS).steps
    rows = re.findall(r"^\| (\d{4}) \| (\w+ (?:written anew|read)) \|", UPGRADES, re.MULTILINE)
    assert rows == [
        (step.revision, f"{table} {'written anew' if table in step.rewritten else 'read'}")
        for step in steps
        for table in ("tasks", "users")
        if table in (*step.rewritten, *step.read)
    ]
    assert [step.revision for step in steps] == migrations.after(migrations.FIRST)
