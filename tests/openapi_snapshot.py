"""The published OpenAPI document, kept in the repository so that it moves only on purpose (`make openapi`)."""

import json
import re
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).parent / "openapi.json"


def operation_of(openapi: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """Return the operation that documents `method` on a concrete `path`, or None where there is none.

    A path without parameters is matched before one with them (OpenAPI 3.1, 4.8.8).
    """
    for template, operations in sorted(openapi["paths"].items(), key=lambda each: each[0].count("{")):
        pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found: dict[str, Any] | None = operations.get(method.lower())
            return found
    return None


def published() -> dict[str, Any]:
    """Return the document that the service publishes, with the version left out, which every release changes."""
    from taskward.app import create_app
    from taskward.settings import Settings

    everything = Settings(
        DATABASE_URL="postgresql://nowhere",
        JWT_SECRET_KEY="x" * 32,
        SMTP_URL="smtp://127.0.0.1",  # the snapshot has what is only there with mail, too
        MAIL_FROM="tasks@example.com",
        PUBLIC_URL="https://tasks.example.com",
    )
    openapi = create_app(everything).openapi()
    return {**openapi, "info": {**openapi["info"], "version": "-"}}


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(published(), indent=1, ensure_ascii=False) + "\n")
