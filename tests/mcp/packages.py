"""The Node packages of these tests: the conformance suite, the inspector, a tokenizer, and an OAuth provider."""

from pathlib import Path

from tests.better_auth.node import install_packages

PACKAGES = Path(__file__).parent


def packages() -> Path:
    """Return where they are installed, which is done once."""
    return install_packages(PACKAGES)
