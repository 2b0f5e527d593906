"""Files of other products, in their exact layouts: what they say comes here, and what has no place is told."""

import copy
import io
import json
import zipfile
from typing import Any

import pytest

from taskward.client.errors import ClientError
from taskward.client.imports.files import source_of
from taskward.client.imports.found import Findings, Options
from taskward.client.imports.recognise import found_in, recognise

pytestmark = pytest.mark.quick


def read(
    content: bytes | str, name: str = "file", zone: str = "Europe/Berlin"
) -> tuple[list[dict[str, Any]], Findings]:
    """Return the tasks in a file that is recognised, and what there is to tell of it."""
    findings = Findings()
    source = source_of(name, io.BytesIO(content.encode() if isinstance(content, str) else content))
    found = list(found_in(source, recognise(source), Options(zone=zone), findings))
    return [each.task for each in found], findings


def kind_of(content: bytes | str, name: str = "file") -> str:
    return recognise(source_of(name, io.BytesIO(content.encode() if isinstance(content, str) else content)))


def archive(**members: str | bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


TODOIST_CSV = """\
TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,DEADLINE_LANG
meta,view_style=list,,,,,,,,,,,,
task,Water the ferns @home @plants,Two litres,1,1,Alice (1),,every monday at 9am,en,Europe/Berlin,30,minute,2026-12-01,en
note,They were dry,,,,Alice (1),,2026-11-01T10:00:00Z,,,,,,
,,,,,,,,,,,,,
section,Later,,,,,,,,,,,,
task,Buy pots,,4,2,Alice (1),Bob (2),2026-11-27,en,,None,None,,
task,Plain,,3,1,Alice (1),,,en,,None,None,,
"""


def test_todoists_table_counts_priority_down_and_keeps_the_words_of_dates() -> None:
    assert kind_of(TODOIST_CSV) == "todoist"
    (ferns, pots, plain), findings = read("\ufeff" + TODOIST_CSV)
    assert (ferns["title"], ferns["priority"], ferns["tags"]) == ("Water the ferns", "high", ["home", "plants"])
    assert "due_date" not in ferns
    assert ferns["description"] == (
        "Two litres\n\nDate: every monday at 9am\nDeadline: 2026-12-01\nDuration: 30 minute\nNote: They were dry"
    )
    assert (pots["title"], pots["due_date"], pots.get("priority")) == ("Buy pots", "2026-11-27", None)
    assert pots["description"] == "Section: Later\nAssigned to: Bob (2)\nParent: Water the ferns"
    assert plain["priority"] == "low"
    assert findings.refused == []


def test_todoists_backup_is_a_table_for_each_project() -> None:
    backup = archive(**{"Garden [220333].csv": TODOIST_CSV, "Inbox [1].csv": TODOIST_CSV})
    assert kind_of(backup) == "todoist"
    tasks, _ = read(backup)
    assert [task["tags"] for task in tasks[::3]] == [["Garden", "home", "plants"], ["Inbox", "home", "plants"]]
    assert len({task["uid"] for task in tasks}) == 6
    alone, _ = read(archive(**{"Garden [220333].csv": TODOIST_CSV}))
    assert alone[0]["uid"] == tasks[0]["uid"]  # and stays the same next month


TODOIST_JSON = {
    "full_sync": True, "sync_token": "x",
    "projects": [{"id": "p1", "name": "Garden", "inbox_project": False}],
    "sections": [{"id": "s1", "name": "Later", "project_id": "p1"}],
    "labels": [{"id": "l1", "name": "home"}],
    "notes": [{"id": "n1", "item_id": "7", "content": "They were dry", "is_deleted": False}],
    "items": [
        {"id": "7", "user_id": "1", "project_id": "p1", "section_id": "s1", "parent_id": None, "content": "Water",
         "description": "Two litres", "priority": 4, "checked": False, "labels": ["home"], "is_deleted": False,
         "added_at": "2026-11-01T10:00:00Z", "child_order": 1,
         "due": {"date": "2026-11-30T08:00:00Z", "timezone": "Europe/Berlin", "string": "every monday at 9am",
                 "lang": "en", "is_recurring": True}},
        {"id": "8", "project_id": "p1", "parent_id": "7", "content": "Buy pots", "priority": 1, "checked": True,
         "labels": [], "due": {"date": "2026-11-27", "timezone": None, "string": "27 Nov", "is_recurring": False}},
        {"id": "9", "project_id": "p1", "content": "Floating", "priority": 2,
         "due": {"date": "2026-11-27T18:00:00", "timezone": None, "string": "27 Nov 18:00"}, "checked": False},
        {"id": "10", "project_id": "p1", "content": "Gone", "is_deleted": True},
    ],
}  # fmt: skip


def test_todoists_api_counts_priority_up() -> None:
    text = json.dumps(TODOIST_JSON)
    assert kind_of(text) == "todoist"
    (water, pots, floating), findings = read(text)
    assert water == {
        "uid": "todoist-7", "title": "Water", "completed": False, "priority": "high", "tags": ["Garden", "home"],
        "due_date": "2026-11-30", "due_time": "09:00", "due_zone": "Europe/Berlin",
        "description": "Two litres\n\nRepeat: every monday at 9am\nSection: Later\nNote: They were dry",
    }  # fmt: skip
    assert (pots["completed"], pots["due_date"], pots["description"]) == (True, "2026-11-27", "Parent: Water")
    assert (floating["due_time"], floating.get("due_zone"), floating["priority"]) == ("18:00", None, "low")
    assert findings.left_out == {"tasks that are deleted there": 1, "times of creation": 1}


GOOGLE = {
    "kind": "tasks#taskLists",
    "items": [{
        "kind": "tasks#tasks", "id": "TDE", "title": "My Tasks", "updated": "2026-11-01T10:00:00Z", "items": [
            {"id": "a1", "title": "Buy milk", "task_type": "PERSONAL_TASK", "status": "needsAction",
             "due": "2026-11-27T00:00:00Z", "notes": "Two litres", "created": "2026-11-01T10:00:00Z",
             "updated": "2026-11-01T10:00:00Z", "selfLink": "https://www.googleapis.com/tasks/v1/x",
             "links": [{"type": "email", "description": "Mail", "link": "https://mail.example/1"}]},
            {"id": "a2", "parent": "a1", "title": "Oat", "status": "completed",
             "completed": "2026-11-02T10:00:00Z", "hidden": True},
            {"id": "a3", "title": "", "status": "needsAction", "notes": "Only notes\nand more"},
            {"id": "a4", "title": "", "status": "needsAction"},
            {"id": "a5", "title": "Gone", "status": "needsAction", "deleted": True},
        ]}],
}  # fmt: skip


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize("zipped", [False, True])
def test_googles_midnight_is_a_day_wherever_one_is(zone: str, zipped: bool) -> None:
    text = json.dumps(GOOGLE)
    content = (
        archive(**{"Takeout/Tasks/Tasks.json": text, "Takeout/archive_browser.html": "x"}) if zipped else text
    )
    assert kind_of(content) == "google-tasks"
    (milk, oat, notes), findings = read(content, zone=zone)
    assert milk == {
        "uid": "google-a1", "title": "Buy milk", "completed": False, "tags": ["My Tasks"], "due_date": "2026-11-27",
        "description": "Two litres\n\nLink: Mail https://mail.example/1",
    }  # fmt: skip
    assert (oat["completed"], oat["description"]) == (True, "Parent: Buy milk")
    assert (notes["title"], notes["description"]) == ("Only notes", "and more")
    assert findings.left_out["tasks without a title or a description"] == 1
    assert findings.left_out["tasks that are deleted there"] == 1
    assert findings.left_out["times of completion"] == 1


def microsoft(due: str, zone: str = "UTC", **more: Any) -> str:
    task = {
        "@odata.etag": 'W/"x"', "importance": "high", "isReminderOn": False, "status": "notStarted",
        "title": "Buy milk", "createdDateTime": "2026-11-01T10:00:00.0000000Z",
        "lastModifiedDateTime": "2026-11-01T10:00:00Z", "hasAttachments": False, "categories": ["Red category"],
        "id": "AQMkADAwATM0MDAAMS0yMAAxZC0w=", "body": {"content": "Two litres", "contentType": "text"},
        "dueDateTime": {"dateTime": due, "timeZone": zone}, **more,
    }  # fmt: skip
    return json.dumps({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#x", "value": [task]})


@pytest.mark.parametrize(
    ("due", "zone", "mine", "day"),
    [
        ("2026-11-26T23:00:00.0000000", "UTC", "Europe/Berlin", "2026-11-27"),
        ("2026-11-27T00:00:00.0000000", "UTC", "Europe/Berlin", "2026-11-27"),
        ("2024-10-24T10:00:00.0000000", "UTC", "Pacific/Honolulu", "2024-10-24"),
        ("2024-10-23T10:00:00.0000000", "UTC", "Pacific/Kiritimati", "2024-10-24"),
        ("2026-11-27T08:00:00.0000000", "UTC", "Europe/Berlin", "2026-11-27"),  # one in Los Angeles
        ("2026-11-27T00:00:00.0000000", "W. Europe Standard Time", "America/Los_Angeles", "2026-11-27"),
        ("2026-11-27T00:00:00.0000000", "Pacific Standard Time", "Europe/Berlin", "2026-11-27"),
    ],
)
def test_microsofts_days_are_midnights_of_the_mailbox(due: str, zone: str, mine: str, day: str) -> None:
    assert kind_of(microsoft(due)) == "microsoft-todo"
    (task,), findings = read(microsoft(due, zone), zone=mine)
    assert (task["due_date"], task.get("due_time")) == (day, None)
    assert (task["priority"], task["tags"]) == ("high", ["Red category"])
    assert task["uid"] == "microsoft-AQMkADAwATM0MDAAMS0yMAAxZC0w="
    assert bool(findings.remarks) is ("T08" in due)


def test_microsofts_lists_are_tags_and_its_steps_are_lines() -> None:
    task = json.loads(microsoft("2026-11-27T00:00:00"))["value"][0]
    more = {
        "status": "inProgress", "importance": "normal",
        "checklistItems": [{"displayName": "Oat", "isChecked": True}, {"displayName": "Soy", "isChecked": False}],
        "recurrence": {"pattern": {"type": "daily", "interval": 1}},
        "linkedResources": [{"displayName": "Mail", "webUrl": "https://mail.example/1"}],
    }  # fmt: skip
    lists = {
        "value": [{"displayName": "Shopping", "wellknownListName": "none", "id": "l", "tasks": [task | more]}]
    }
    (found,), _ = read(json.dumps(lists))
    assert found["tags"] == ["Shopping", "Red category"]
    assert "priority" not in found
    for line in ("Status: in progress", "Step: [x] Oat", "Step: [ ] Soy", "Link: Mail https://mail.example/1"):
        assert line in found["description"].splitlines()
    assert 'Repeat: {"pattern"' in found["description"]


TICKTICK = """\
"Date: 2026-11-25+0000"
"Version: 7.1"
"Status:\x20
0 Normal
1 Completed
2 Archived"
"Folder Name","List Name","Title","Kind","Tags","Content","Is Check list","Start Date","Due Date","Reminder","Repeat","Priority","Status","Created Time","Completed Time","Order","Timezone","Is All Day","Is Floating","Column Name","Column Order","View Mode","taskId","parentId"
"Work","Garden","Water","TEXT","urgent, work","Two litres","N","2026-11-26T23:00:00+0000","2026-11-26T23:00:00+0000","PT0S","RRULE:FREQ=WEEKLY","5","0","2026-10-09T15:09:48+0000","","-1099511627776","Europe/Berlin","true","false",,,"list","1",""
"","Inbox","Pots","CHECKLIST","","▫big▪small","Y","","2026-11-27T17:00:00+0000","","","1","2","2026-10-09T15:20:55+0000","2026-10-10T10:00:00+0000","0","Europe/Berlin","false","false",,,"list","2","1"
"""


def test_ticktick_has_lines_before_its_table() -> None:
    assert kind_of(TICKTICK) == "ticktick"
    (water, pots), findings = read("\ufeff" + TICKTICK)
    assert (water["title"], water["tags"], water["priority"]) == ("Water", ["Garden", "urgent", "work"], "high")
    assert (water["due_date"], water.get("due_time"), water["completed"]) == ("2026-11-27", None, False)
    assert water["description"] == ("Two litres\n\nFolder: Work\nReminder: PT0S\nRepeat: RRULE:FREQ=WEEKLY")
    assert (pots["due_date"], pots["due_time"], pots["due_zone"]) == ("2026-11-27", "18:00", "Europe/Berlin")
    assert (pots["completed"], pots["priority"]) == (True, "low")
    assert pots["description"] == "[ ] big[x] small\n\nParent: Water"
    assert findings.left_out == {"times of creation": 2, "times of completion": 1}


TASKWARRIOR = """\
[
{"id":1,"description":"Water the ferns","due":"20261126T230000Z","entry":"20261101T100000Z","modified":"20261101T100000Z","project":"home.garden","status":"pending","tags":["plants"],"uuid":"0b2c7f0e-7d0f-4e51-8a2b-000000000001","priority":"H","urgency":15.8,"annotations":[{"entry":"20261101T100000Z","description":"Two litres"}],"estimate":"2h"},
{"id":2,"description":"Call","due":"20261127T170000Z","entry":"20261101T100000Z","status":"waiting","wait":"20261120T230000Z","uuid":"0b2c7f0e-7d0f-4e51-8a2b-000000000002","depends":["0b2c7f0e-7d0f-4e51-8a2b-000000000001"],"recur":"weekly"},
{"id":0,"description":"Old","end":"20261102T100000Z","entry":"20261101T100000Z","status":"completed","uuid":"0b2c7f0e-7d0f-4e51-8a2b-000000000003"},
{"id":0,"description":"Gone","entry":"20261101T100000Z","status":"deleted","uuid":"0b2c7f0e-7d0f-4e51-8a2b-000000000004"},
{"id":3,"description":"Call","entry":"20261101T100000Z","status":"recurring","recur":"weekly","uuid":"0b2c7f0e-7d0f-4e51-8a2b-000000000005"}
]
"""


def test_taskwarriors_times_are_utc_and_its_midnights_days() -> None:
    assert kind_of(TASKWARRIOR) == "taskwarrior"
    (water, call, old), findings = read(TASKWARRIOR)
    assert water == {
        "uid": "taskwarrior-0b2c7f0e-7d0f-4e51-8a2b-000000000001", "title": "Water the ferns", "completed": False,
        "priority": "high", "tags": ["home.garden", "plants"], "due_date": "2026-11-27",
        "description": "Two litres\n\nestimate: 2h",
    }  # fmt: skip
    assert (call["due_date"], call["due_time"], call["due_zone"]) == ("2026-11-27", "18:00", "Europe/Berlin")
    assert "Wait until: 2026-11-21 00:00\nRepeat: weekly" in call["description"]
    assert "Depends on: 0b2c7f0e-7d0f-4e51-8a2b-000000000001" in call["description"]
    assert old["completed"] is True
    assert findings.left_out["tasks that are deleted there"] == 1
    assert findings.left_out["templates of repeating tasks, whose next task is taken"] == 1
    lines = "\n".join(TASKWARRIOR.splitlines()[1:-1])
    assert [task["uid"] for task in read(lines)[0]] == [task["uid"] for task in (water, call, old)]
    with pytest.raises(ClientError, match="row 2: the file ends in the middle"):
        read(TASKWARRIOR[:500])


TODO_TXT = """\
(A) 2026-11-01 Water the ferns +garden @home due:2026-11-27 rec:1w
x 2026-11-02 2026-11-01 Buy pots +garden pri:B
(E) Some day https://example.com/a mail bob@example.com

x done without a date
due:tomorrow is a part of the title
"""


def test_todo_txt() -> None:
    assert kind_of(TODO_TXT, "todo.txt") == "todo.txt"
    (water, pots, someday, done, tomorrow), _ = read(TODO_TXT)
    assert (water["title"], water["tags"]) == ("Water the ferns rec:1w", ["garden", "home"])
    assert (water["priority"], water["due_date"], water["completed"]) == ("high", "2026-11-27", False)
    assert (pots["title"], pots["completed"], pots["priority"]) == ("Buy pots", True, "medium")
    assert someday["title"] == "Some day https://example.com/a mail bob@example.com"
    assert someday["description"] == "Priority: E"
    assert (done["title"], done["completed"]) == ("done without a date", True)
    assert tomorrow["title"] == "due:tomorrow is a part of the title"
    later, _ = read("x 2026-12-01 2026-11-01 Water the ferns +garden @home due:2026-11-27 rec:1w\n", "todo.txt")
    assert later[0]["uid"] == water["uid"]  # the same task, also when it is done


MARKDOWN = """\
# Garden

Some words.

- [ ] Water the ferns
  - Due: 2026-11-27 18:00 Europe/Berlin
  - [x] Find the can
    It is green.
* Plain item
1. [X] First

```
- no task
```
## House
- Sweep
"""


def test_markdown() -> None:
    assert kind_of(MARKDOWN) == "markdown"
    (water, can, plain, first, sweep), findings = read(MARKDOWN)
    assert (water["title"], water["tags"], water["due_time"]) == ("Water the ferns", ["Garden"], "18:00")
    assert (can["completed"], can["description"]) == (True, "It is green.\n\nParent: Water the ferns")
    assert (plain["completed"], first["completed"]) == (False, True)
    assert sweep["tags"] == ["House"]
    assert findings.left_out == {"lines that are in no list": 1, "lines of code": 1}


ICALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Nextcloud Tasks//EN
X-WR-CALNAME:Garden
BEGIN:VTIMEZONE
TZID:Europe/Berlin
END:VTIMEZONE
BEGIN:VTODO
UID:a1@example.com
DTSTAMP:20261101T100000Z
CREATED:20261101T100000Z
SUMMARY:Water\\, and more wa
 ter
DESCRIPTION:Two litres\\nof rain
DUE;TZID=Europe/Berlin:20261127T180000
PRIORITY:1
CATEGORIES:home,plants
RRULE:FREQ=WEEKLY
LOCATION:Balcony
STATUS:IN-PROCESS
X-APPLE-SORT-ORDER:1
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Alarm
TRIGGER:-PT15M
END:VALARM
END:VTODO
BEGIN:VTODO
UID:a2
DTSTAMP:20261101T100000Z
SUMMARY:Day
DUE;VALUE=DATE:20261127
STATUS:COMPLETED
COMPLETED:20261102T100000Z
PRIORITY:9
END:VTODO
BEGIN:VTODO
UID:a3
DTSTAMP:20261101T100000Z
SUMMARY:Outlook
DUE;TZID=W. Europe Standard Time:20261127T180000
END:VTODO
BEGIN:VTODO
UID:a4
DTSTAMP:20261101T100000Z
SUMMARY:Somewhere
DUE;TZID=Nowhere:20261127T180000
END:VTODO
BEGIN:VEVENT
UID:e1
SUMMARY:Party
END:VEVENT
END:VCALENDAR
"""


def test_icalendar() -> None:
    text = ICALENDAR.replace("\n", "\r\n")
    assert kind_of(text) == "icalendar"
    (water, day, outlook, somewhere), findings = read(text)
    assert water == {
        "uid": "icalendar-a1@example.com", "title": "Water, and more water", "completed": False, "priority": "high",
        "due_date": "2026-11-27", "due_time": "18:00", "due_zone": "Europe/Berlin",
        "tags": ["Garden", "home", "plants"],
        "description": "Two litres\nof rain\n\nStatus: in process\nRepeat: FREQ=WEEKLY\nLocation: Balcony",
    }  # fmt: skip
    assert (day["due_date"], day.get("due_time"), day["completed"], day["priority"]) == (
        "2026-11-27", None, True, "low",
    )  # fmt: skip
    assert outlook["due_zone"] == "Europe/Berlin"
    assert (somewhere["due_date"], somewhere["description"]) == ("2026-11-27", "Due: 2026-11-27 18:00 Nowhere")
    assert findings.left_out["events of the calendar"] == findings.left_out["reminders"] == 1
    with pytest.raises(ClientError, match="there is no END:VTODO"):
        read(text[: text.index("STATUS:COMPLETED")])


VIKUNJA = [{
    "id": 1, "title": "Garden", "description": "", "is_archived": False, "child_projects": None, "buckets": [],
    "tasks": [{
        "id": 7, "title": "Water", "description": "<p>Two litres</p>", "done": False,
        "done_at": "0001-01-01T00:00:00Z", "due_date": "2026-11-27T17:00:00Z", "reminders": None, "project_id": 1,
        "repeat_after": 86400, "repeat_mode": 0, "priority": 4, "start_date": "0001-01-01T00:00:00Z",
        "end_date": "0001-01-01T00:00:00Z", "assignees": [{"id": 2, "username": "bob", "name": ""}],
        "labels": [{"id": 1, "title": "plants"}], "hex_color": "", "percent_done": 0.5, "identifier": "-1",
        "index": 1, "related_tasks": {"subtask": [{"id": 8, "title": "Buy pots"}]},
        "attachments": [{"id": 1, "file": {"name": "fern.jpg", "size": 3}}], "is_favorite": False,
        "created": "2026-11-01T10:00:00Z", "updated": "2026-11-01T10:00:00Z", "bucket_id": 1, "position": 1,
        "comments": [{"id": 2, "comment": "They were dry"}], "created_by": {"id": 1, "username": "alice"},
    }],
}]  # fmt: skip


def test_vikunjas_archive() -> None:
    zipped = archive(
        **{"data.json": json.dumps(VIKUNJA), "VERSION": "0.24.0", "files/1": "jpg", "filters.json": "[]"}
    )
    assert kind_of(zipped) == "vikunja"
    (water,), findings = read(zipped)
    assert water == {
        "uid": "vikunja-7", "title": "Water", "completed": False, "priority": "high", "tags": ["Garden", "plants"],
        "due_date": "2026-11-27", "due_time": "18:00", "due_zone": "Europe/Berlin",
        "description": "<p>Two litres</p>\n\nDone so far: 0.5\nRepeat: every 86400 seconds\nAssigned to: bob\n"
        "Subtask: Buy pots\nComment: They were dry\nAttachment: fern.jpg",
    }  # fmt: skip
    assert findings.left_out["attachments, but for their names"] == 1


def test_what_is_too_much_is_kept_elsewhere_or_told() -> None:
    tasks = [
        {
            "id": "1",
            "content": "x" * 300,
            "priority": 1,
            "project_id": "p",
            "labels": [f"l{n}" for n in range(22)],
        },
        {
            "id": "2",
            "content": "y",
            "description": "z" * 1200,
            "project_id": "p",
            "labels": ["a,b", "A b", "q" * 60],
        },
        {"id": "z" * 300, "content": "\ud800a\0b", "project_id": "p"},
    ]
    (long, text, odd), findings = read(json.dumps(tasks))
    assert (len(long["title"]), len(long["tags"])) == (200, 20)
    assert long["description"].startswith("Title: " + "x" * 300)
    assert "Tag: l20\nTag: l21" in long["description"]
    assert (len(text["description"]), text["tags"]) == (1000, ["a b"])
    assert findings.left_out == {"text beyond the 1,000 characters of a description": 1}
    assert odd["title"] == "?ab"
    assert len(odd["uid"]) < 60


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            json.dumps({"sync_token": "x", "items": [7, {"id": "1", "content": "a", "due": "tomorrow"}]}),
            "'due' is \"tomorrow\". Understood is an object, as in {…}",
        ),
        (
            json.dumps({"kind": "tasks#taskLists", "items": [{"items": [{"title": "a", "links": 7}]}]}),
            "'links' is 7. Understood is a list, as in […]",
        ),
        (
            json.dumps({"value": [{"title": "a", "importance": "low", "body": "text"}]}),
            "'body' is \"text\". Understood is an object, as in {…}",
        ),
        (
            '[{"uuid": "1", "entry": "x", "status": "pending", "description": "a", "tags": 7}]',
            "'tags' is 7. Understood is a list, as in […]",
        ),
        (
            '[{"uuid": "1", "entry": "x", "status": "pending", "description": "a", "status": "completed"}]',
            "it has the name 'status' more than once",
        ),
        (
            archive(**{"data.json": json.dumps([{"title": "p", "tasks": [{"title": "a", "labels": [7]}]}])}),
            "in 'labels' is 7. Understood is an object, as in {…}",
        ),
    ],
    ids=["todoist", "google", "microsoft", "taskwarrior", "repeated", "vikunja"],
)
def test_what_is_laid_out_in_another_way_is_refused_by_its_row(content: bytes | str, sentence: str) -> None:
    tasks, findings = read(content)
    assert tasks == []
    assert findings.refused[-1][1] == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (archive(**{"photo.jpg": "x"}), "this archive is none of Todoist, Vikunja or Google Takeout"),
        (archive(**{"data.json": "[{"})[:-30], "the archive is not whole"),
        (archive(**{"data.json": "[" + " " * (33 * 1024**2) + "]"}), "has more than 32 MiB"),
        (archive(**{"data.json": '[{"title": '}), "the file ends too early"),
        (archive(**{"data.json": "[] []"}), "there is something after the end"),
        (archive(**{"data.json": "{}"}), "there is no list of projects"),
        (archive(**{f"{number}.csv": "" for number in range(10_001)}), "more than 10,000 files"),
        ("Dear alice,\nthis is a letter.\n", "this is nothing that is known. Say what it is with --from"),
    ],
    ids=range(8),
)
def test_what_cannot_be_read_is_refused_in_a_sentence(content: bytes | str, sentence: str) -> None:
    with pytest.raises(ClientError) as error:
        read(content)
    assert sentence in str(error.value)


TODOIST_OF_2026 = """\
TYPE,CONTENT,DESCRIPTION,IS_COLLAPSED,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,DEADLINE_LANG
meta,view_style=list,,,,,,,,,,,,,
,,,,,,,,,,,,,,
section,Later,,True,,,,,,,,,,,
task,Water,,True,1,1,Alice (1),,2026-11-27 18:00,en,Europe/Berlin,,,,
task,Odd,,,7,1,Alice (1),,2026-11-27 25:00,en,Europe/Berlin,,,,
"""


def test_todoists_newest_table_and_the_same_from_a_spreadsheet() -> None:
    (water, odd), findings = read(TODOIST_OF_2026)
    assert water == {
        "uid": water["uid"], "title": "Water", "completed": False, "priority": "high", "due_date": "2026-11-27",
        "due_time": "18:00", "due_zone": "Europe/Berlin", "description": "Section: Later",
    }  # fmt: skip
    assert odd["description"] == "Priority: 7\nDate: 2026-11-27 25:00\nSection: Later"
    saved = "sep=;\r\n" + TODOIST_OF_2026.replace(",", ";").replace("CONTENT", " Content ").replace("\n", "\r\n")
    assert read(saved.encode("cp1252"))[0][0] == water
    assert read(TODOIST_OF_2026.replace("Water", "Water @home"))[0][0]["uid"] == water["uid"]  # labels come and go
    assert findings.left_out == {}


def test_todoists_notes_reminders_and_attachments_are_kept() -> None:
    document = {
        **TODOIST_JSON,
        "notes": [
            {
                "item_id": "8",
                "content": "Look",
                "file_attachment": {"file_name": "a.pdf", "file_url": "https://x/a"},
            },
            {"item_id": "8", "content": "Gone", "is_deleted": True},
        ],
        "reminders": [
            {"item_id": "8", "due": {"date": "2026-11-26T09:00:00"}},
            {"item_id": "8", "type": "relative", "minute_offset": 30},
        ],
        "project_notes": [{"content": "of the project"}],
    }
    tasks, findings = read(json.dumps(document))
    assert tasks[1]["description"] == (
        "Parent: Water\nNote: Look\nAttachment: a.pdf https://x/a\nReminder: 2026-11-26T09:00:00\n"
        "Reminder: 30 minutes before"
    )
    assert findings.left_out["notes of a project"] == 1


def test_ticktick_without_its_preamble_and_from_a_spreadsheet() -> None:
    text = TICKTICK[TICKTICK.index('"Folder Name"') :]
    assert read(text)[0] == read(TICKTICK)[0]
    semicolons = TICKTICK.replace('","', '";"').replace('",,,"', '";;;"').replace(",,,", ";;;")
    assert kind_of(semicolons) == "ticktick"
    assert [task["title"] for task in read(semicolons)[0]] == ["Water", "Pots"]
    (water, _), _ = read(TICKTICK.replace('"5","0"', '"7","3"'))
    assert "Priority: 7" in water["description"]
    assert "Status: 3" in water["description"]


def test_vikunjas_document_is_known_without_its_archive_and_odd_values_are_kept() -> None:
    odd = copy.deepcopy(VIKUNJA)
    odd[0]["tasks"][0] |= {"priority": 9, "due_date": "some day"}  # type: ignore[index]
    text = json.dumps(odd)
    assert kind_of(text) == "vikunja"
    (water,), _ = read(text)
    assert "Priority: 9\nDue: some day" in water["description"]


def test_microsofts_days_in_another_zone_are_one_remark() -> None:
    document = json.loads(microsoft("2026-11-27T08:00:00.0000000"))
    document["value"] *= 3
    (remark,) = [remark for remark in read(json.dumps(document))[1].remarks if "midnight" in remark]
    assert remark.startswith("rows 1-3: due when it is no midnight in your zone: the nearest day was taken.")


def test_what_is_said_twice_or_alone_in_todo_txt_is_kept() -> None:
    lines = {
        "Call due:2026-11-27 due:2026-11-28": ("Call due:2026-11-28", "2026-11-27"),
        "Call at:18:00": ("Call at:18:00", None),
        "Call the title:owner": ("Call the title:owner", None),
        "(A) Call pri:B": ("Call pri:B", None),
        "Call due:2026-11-27 zone:Europe/Berlin": ("Call zone:Europe/Berlin", "2026-11-27"),
    }
    tasks, _ = read("\n".join(lines) + "\n", "todo.txt")
    assert [(task["title"], task.get("due_date")) for task in tasks] == list(lines.values())


def test_markdown_as_others_write_it() -> None:
    (task, empty), findings = read("- [ ] Water\n  - Due: 2026-11-27\n  - Due: 2026-11-28\n* * *\n- [x]\n- ---\n")
    assert (task["title"], task["due_date"]) == ("Water", "2026-11-27")
    assert (empty["title"], empty["description"]) == ("Due: 2026-11-28", "Parent: Water")
    assert findings.left_out == {"lines that are in no list": 2, "tasks without a title or a description": 1}


def test_icalendar_as_several_programs_write_it() -> None:
    text = ICALENDAR.replace("X-WR-CALNAME:Garden", "X-WR-CALNAME;VALUE=TEXT:Home\\, garden")
    text = text.replace("TZID=Nowhere", "TZID=/mozilla.org/20050126_1/America/Argentina/Buenos_Aires")
    text = text.replace("UID:a4\n", "UID:a3\nRECURRENCE-ID:20261127T170000Z\nPRIORITY:12\nSTATUS:X-LATE\n")
    (first, _, outlook, somewhere), _ = read(text)
    assert first["tags"][0] == "Home garden"
    assert somewhere["due_zone"] == "America/Argentina/Buenos_Aires"
    assert somewhere["description"].splitlines()[:2] == ["Priority: 12", "Status: X-LATE"]
    assert (outlook["uid"], somewhere["uid"] != outlook["uid"]) == ("icalendar-a3", True)


def test_a_column_that_is_no_field_goes_to_the_description_in_json_as_well() -> None:
    findings, text = (
        Findings(),
        '[{"Subject": "Milk", "title": "Dr", "who": ["bob"], "none": null, "tags": ["a"]}]',
    )
    source = source_of("x.json", io.BytesIO(text.encode()))
    (found,) = found_in(source, "json", Options({"title": "Subject"}), findings)
    assert found.task == {"title": "Milk", "tags": ["a"], "description": 'title: Dr\nwho: ["bob"]'}


def test_a_tag_for_all_is_added_once_and_to_lists_alone() -> None:
    text = b'{"title": "a", "tags": "home"}\n{"title": "b", "tags": ["NEW"]}\n{"title": "c"}\n'
    found = found_in(source_of("x", io.BytesIO(text)), "jsonl", Options(tags=["new"]), Findings())
    assert [each.task["tags"] for each in found] == ["home", ["NEW"], ["new"]]


def test_windows_1252_is_said_as_it_may_be_another() -> None:
    assert "was read as Windows-1252" in read("title\ncaf\xe9\n".encode("cp1252"))[1].remarks[0]
