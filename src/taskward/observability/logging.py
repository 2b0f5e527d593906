"""Log lines of the service and of uvicorn, on standard error."""

from typing import Any


def log_config(level: str) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig` with everything from `level` up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "[%(asctime)s] [%(levelname)s] [%(name)s] %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level.upper()} for name in ("taskward", "uvicorn", "uvicorn.error")},
    }
