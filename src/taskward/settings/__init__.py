"""Settings: what they are, where they come from, and what is wrong with them."""

from taskward.settings.errors import InvalidSettingsError
from taskward.settings.model import Settings

__all__ = ["InvalidSettingsError", "Settings"]
