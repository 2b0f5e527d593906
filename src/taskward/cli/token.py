"""`taskward token`."""

from taskward.auth.issue import issue_token
from taskward.auth.verify import check_claims
from taskward.settings import Settings


def token(user_id: str) -> str:
    """Return a token that the service with the same settings accepts; raise TokenInvalidError for a bad id."""
    settings = Settings.load()
    check_claims({"sub": user_id, "exp": 1}, now=0)
    return issue_token(
        user_id, settings.signing_secret, settings.algorithm, settings.access_token_expire_minutes * 60
    )
