"""Registering, logging in and out."""

import os
import re

from taskward.client.api import Api
from taskward.client.credentials import Credentials, CredentialStore
from taskward.client.errors import ClientError, NotLoggedInError, RefusedError
from taskward.client.session import TOKEN_CODES, credentials_of

TOKEN = re.compile(r"[\x21-\x7e]+")  # what fits into a header; the service looks at the rest
TOKEN_VARIABLE = "TASKWARD_TOKEN"  # noqa: S105


def check_privacy(api: Api, *, insecure: bool) -> None:
    """Raise ClientError where a password or a token would cross a network in plain text."""
    if not (api.address.is_private or insecure):
        raise ClientError(
            f"{api.address} is not encrypted, so anybody on the way could read the password. "
            "Use https, or --insecure if you are sure."
        )


def register(api: Api, email: str, password: str, name: str | None, invitation: str | None = None) -> None:
    """Make an account, by an invitation's link or what it has at its end, if need be. Raises RefusedError."""
    body = {"email": email, "password": password} | ({"name": name} if name else {})
    if invitation:
        body["invitation"] = invitation.strip().rpartition("invitation=")[2]
    api.request("POST", "/auth/register", body=body)


def log_in(api: Api, store: CredentialStore, email: str, password: str) -> Credentials:
    """Get tokens for an address and a password, and keep them. Raises RefusedError."""
    form = {"grant_type": "password", "username": email, "password": password}
    if device := store.device(api.address):
        form["device_token"] = device  # so that nobody's guessing elsewhere keeps us out
    try:
        response = api.request("POST", "/auth/token", form=form)
    except RefusedError as error:
        if error.code == "NOT_FOUND":
            raise ClientError(f"{api.address} keeps no accounts. Log in with --token-stdin.") from error
        raise
    new = credentials_of(response)
    if device := response.body.get("device_token"):  # older services have none
        with store.locked():
            store.keep_device(api.address, device)
    _keep(api, store, new)
    return new


def log_in_with_code(api: Api, store: CredentialStore, code: str, verifier: str) -> Credentials:
    """Get tokens for the code of a log-in with a provider, and keep them. Raises RefusedError."""
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    new = credentials_of(api.request("POST", "/auth/token", form=form))
    _keep(api, store, new)
    return new


def log_in_with_token(api: Api, store: CredentialStore, token: str) -> Credentials:
    """Keep an access token from elsewhere, if the service takes it. Raises NotLoggedInError if it does not."""
    if not TOKEN.fullmatch(token):
        raise ClientError("this is no token: it is empty, or has spaces or line breaks in it")
    try:
        (user_id,) = api.request("GET", "/auth/me", token=token).parts("id")
    except RefusedError as error:
        if error.code not in TOKEN_CODES:
            raise
        raise NotLoggedInError(f"{api.address} refuses the token: {error}") from error
    new = Credentials(user_id, token)
    _keep(api, store, new)
    return new


def token_of_environment(api: Api) -> str | None:
    """Return the access token that a script has set, and None where it has not.

    Raises ClientError for what is no token, also for an empty one: else a script whose secret is missing would do
    its work as whoever is logged in. And for one that would cross a network in plain text.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None:
        return None
    if not TOKEN.fullmatch(token):
        raise ClientError(f"{TOKEN_VARIABLE} is no token: it is empty, or has spaces or line breaks in it")
    if not api.address.is_private:
        raise ClientError(
            f"{api.address} is not encrypted, so anybody on the way could read {TOKEN_VARIABLE}. "
            "Use https, or log in with `taskward login --token-stdin --insecure`."
        )
    return token


def log_out(api: Api, store: CredentialStore) -> bool:
    """Forget the tokens here, then have the service end the log-in. Returns whether there was one.

    Raises ServerAwayError when the service could not be told; the tokens are forgotten all the same.
    """
    with store.locked():
        old = store.read(api.address)
        store.write(api.address, None)
    if old is not None:
        _revoke(api, old)
    return old is not None


def _keep(api: Api, store: CredentialStore, new: Credentials) -> None:
    with store.locked():
        old = store.read(api.address)
        store.write(api.address, new)
        store.keep_last_server(api.address)
    if old is not None:
        _revoke(api, old)


def _revoke(api: Api, old: Credentials) -> None:
    if old.refresh_token is not None:
        api.request("POST", "/auth/revoke", form={"token": old.refresh_token})
