"""The reason in what a program of PostgreSQL wrote, and of no start but this one."""

from pathlib import Path

import pytest

from taskward.embedded.server_log import ServerLog, reason_in

TIME = "2026-11-27 00:26:04.380 UTC [7201] "
REASONS = {
    "": "",
    f"{TIME}FATAL:  data directory has wrong ownership": "data directory has wrong ownership",
    f"{TIME}LOG:  syntax error, line 9\n{TIME}FATAL:  the file contains errors\n": (
        "syntax error, line 9; the file contains errors"
    ),
    "postgres: not found\nExpected it here,\nbut no": "postgres: not found; Expected it here; but no",
    f"{TIME}LOG:  a\n{TIME}LOG:  b\n{TIME}LOG:  c\n{TIME}PANIC:  could not write\n{TIME}LOG:  shut down": (
        "could not write"
    ),
    "The files belong to alice.\nfixing\ncreating\ninitdb: error: no space\ninitdb: removing": (
        "initdb: error: no space"
    ),
    "one\ntwo\nthree\nfour": "three; four",
}


@pytest.mark.parametrize("text", REASONS)
def test_the_reason_is_one_line(text: str) -> None:
    assert reason_in(text) == REASONS[text]


def test_what_an_earlier_start_wrote_is_not_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    first = ServerLog(path)
    path.write_text(f"{TIME}FATAL:  the first\n")
    second = ServerLog(path)
    with path.open("a") as log:
        log.write(f"{TIME}FATAL:  the second\n")
    assert (first.reason(), second.reason()) == ("the first; the second", "the second")
