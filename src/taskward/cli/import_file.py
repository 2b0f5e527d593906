"""`taskward import`, from opening the file to what is told at the end, whatever ends it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from taskward.cli.dry_run import DryRun
from taskward.cli.import_report import Report
from taskward.cli.progress import progress
from taskward.client.errors import ClientError, UsageError
from taskward.client.importing import Tally, import_rows
from taskward.client.imports.files import Source, opened
from taskward.client.imports.found import Findings, Found, Options
from taskward.client.imports.recognise import FORMATS, OURS, found_in, recognise
from taskward.client.known import Mine, deleted_rows
from taskward.client.session import Session
from taskward.os_errors import in_words

INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


class Import:
    """A file that is imported, and what has become of it so far."""

    def __init__(self, path: str, kind: str | None, options: Options, *, as_json: bool) -> None:
        """Take the file, what it is said to be, and whether to print JSON."""
        self._path, self._kind, self._options, self._as_json = path, kind, options, as_json
        self._report = Report(kind, Tally(), Findings())
        self._code = 0

    def run(self, log_in: Callable[[], AbstractContextManager[Session]], batch: str | None, in_flight: int) -> int:
        """Create the tasks, print what there is to be told, and return the exit code."""
        report = self._report
        with self._until_it_ends(), self._read() as (source, found), log_in() as session:
            report.is_begun = True
            self._create(session, source, found, batch or source.base_name, in_flight)
        report.print(as_json=self._as_json)
        return self._code or (0 if report.is_success else 1)

    def dry_run(self) -> int:
        """Print what would be created, and return the exit code."""
        findings = self._report.findings
        shown = DryRun(findings, as_json=self._as_json)
        with self._until_it_ends(), self._read() as (_, found):
            shown.print_rows(self._report.kind or "", found)
        shown.print_end(self._report.kind, self._report.stopped)
        return self._code or (1 if findings.refused else 0)

    @contextmanager
    def _read(self) -> Iterator[tuple[Source, Iterator[Found]]]:
        """Give the file, and the tasks in it."""
        with opened(self._path) as source:
            kind = self._kind or recognise(source, self._options.names)
            self._report.kind = kind
            if self._options.names and kind not in OURS:
                raise UsageError(f"--map is for CSV and JSON, and this is {FORMATS[kind][0]}")
            yield source, found_in(source, kind, self._options, self._report.findings)

    @contextmanager
    def _until_it_ends(self) -> Iterator[None]:
        """Note what broke it off, so that it never hides what was done."""
        try:
            yield
        except ClientError as error:
            self._report.stopped, self._code = str(error), error.exit_code
        except KeyboardInterrupt:
            self._report.stopped, self._code = "It was interrupted.", INTERRUPTED
        except BrokenPipeError:
            raise  # whoever read has had enough
        except OSError as error:
            self._report.stopped, self._code = in_words(error), 1

    def _create(
        self, session: Session, source: Source, found: Iterator[Found], batch: str, in_flight: int
    ) -> None:
        tally = self._report.tally
        with progress("Importing", source.size) as told:

            def tell() -> None:
                told(source.raw.tell(), f"{tally.rows:,} rows, {tally.created:,} created")

            import_rows(session, found, batch, in_flight, tally, Mine(session), tell)
            if tally.created and tally.before:
                told(source.size, "looking for what was deleted since")
                self._report.deleted = deleted_rows(session, tally.before, tally.new_names, tally.new_ids)
