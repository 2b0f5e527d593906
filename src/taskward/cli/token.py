"""`taskward token`."""

from taskward.auth.claims import Expected, user_id_of
from taskward.auth.issue import issue_token
from taskward.settings import InvalidSettingsError, Settings


def token(user_id: str) -> str:
    """Return a token that the service with the same settings accepts.

    Raises TokenInvalidError for a bad id, and InvalidSettingsError where tokens come from elsewhere or no service
    has a secret yet.
    """
    settings = Settings.load()
    if settings.secret_is_missing:
        raise InvalidSettingsError(
            f"there is no secret in {settings.data_dir.resolve()}: start the service once and run this in the same"
            " folder, or set DATA_DIR or JWT_SECRET_KEY as the service does"
        )
    expected = Expected.from_settings(settings)
    user_id_of({expected.user_id_claim: user_id}, expected, from_provider=False)
    lifetime_seconds = settings.access_token_expire_minutes * 60
    return issue_token(user_id, settings.signing_secret, settings.algorithm, lifetime_seconds, expected)
