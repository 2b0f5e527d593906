"""Calendars, read by another library than the one that wrote them: ical.js, which is Thunderbird's."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.better_auth.node import install_packages, run

HERE = Path(__file__).parent
MAX_OCTETS = 75  # RFC 5545, 3.1

Component = dict[str, Any]


@dataclass(frozen=True)
class ReadCalendar:
    """A calendar: its own properties, and its components but for time zones."""

    properties: Component
    components: list[Component]

    def titled(self, title: str) -> Component:
        """Return the one component with this title."""
        (found,) = (each for each in self.components if each["summary"] == title)
        return found


def read(content: bytes) -> ReadCalendar:
    """Return what ical.js finds; raise AssertionError for what it refuses, and for lines that are too long."""
    check_lines(content)
    with TemporaryDirectory(prefix="taskward-calendar-") as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(install_packages(HERE))
        (folder / "calendar.ics").write_bytes(content)
        calendar = run(folder, HERE / "read.mjs", {"file": "calendar.ics"})
    assert calendar["component"] == "vcalendar"
    inside = calendar.pop("inside")
    assert inside, "RFC 5545, 3.6: at least one"
    return ReadCalendar(calendar, [each for each in inside if each["component"] != "vtimezone"])


def check_lines(content: bytes) -> None:
    """Look at what readers forgive: the ends of lines, their length, and characters that are cut in two."""
    assert content.endswith(b"END:VCALENDAR\r\n")
    lines = content.split(b"\r\n")[:-1]
    for line in lines:
        assert len(line) <= MAX_OCTETS, line
        text = line.decode()
        assert text.splitlines() == [text], f"a line that some readers take for two: {text!r}"
