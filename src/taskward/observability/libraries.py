"""Log lines of the libraries of OpenTelemetry, in our words: theirs quote addresses, variables and responses."""

import logging

LIBRARIES = ("fastapi", "opentelemetry", "requests", "urllib3")
FAILED = range(400, 600)


class OurWords(logging.Filter):
    """Lets lines of these libraries pass with the type of the exception or the status, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; return True."""
        if record.name.partition(".")[0] in LIBRARIES:
            record.msg, record.args = (
                "telemetry: %s, in %s. Look at OTEL_* and the proxy",
                (_kind(record), record.name),
            )
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def _kind(record: logging.LogRecord) -> str:
    arguments = record.args if isinstance(record.args, tuple) else ()
    errors = [
        each for each in ((record.exc_info or (None, None))[1], *arguments) if isinstance(each, BaseException)
    ]
    statuses = [f"status {each}" for each in arguments if isinstance(each, int) and each in FAILED]
    return next(iter([*(type(error).__name__ for error in errors), *statuses]), "a problem")
