"""The provider: where people are sent, and who it says that they are. The messages are made by Authlib."""

from urllib.parse import quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request

from taskward.accounts.identities import Person
from taskward.auth.keys import ProviderKeys
from taskward.auth.log_in_codes import challenge_of
from taskward.oidc.errors import LogInFailedError, Problem
from taskward.oidc.http import ProviderHttp
from taskward.oidc.id_token import read_id_token
from taskward.oidc.metadata import Discovery, Metadata

SCOPE = "openid profile email"
FORM = "application/x-www-form-urlencoded"


class Provider:
    """One provider, of which this service is a client. Its operations raise LogInFailedError."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, redirect_uri: str) -> None:
        """Take the issuer, what it knows this service by, and where it sends people back to."""
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._http = ProviderHttp(issuer)
        self._discovery = Discovery(issuer, self._http)
        self._keys: ProviderKeys | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
        if self._keys is not None:
            await self._keys.close()

    async def log_in_address(self, state: str, nonce: str, verifier: str, prompt: str | None = None) -> str:
        """Return the address at which a person logs in there (OpenID Connect Core, 3.1.2.1; RFC 7636, 4.3)."""
        metadata = await self._discovery.metadata()
        address: str = prepare_grant_uri(
            metadata.authorization_endpoint, self._client_id, "code", redirect_uri=self._redirect_uri, scope=SCOPE,
            state=state, nonce=nonce, prompt=prompt,
            code_challenge=challenge_of(verifier), code_challenge_method="S256",
        )  # fmt: skip
        return address

    async def identify(self, code: str, nonce: str, verifier: str, issuer: str | None) -> Person:
        """Return whom a code of the provider is about, which came with this issuer; the code is used up."""
        metadata = await self._discovery.metadata()
        if issuer is None and metadata.names_itself:  # RFC 9207, 2.4
            raise LogInFailedError(Problem.REFUSED, "the response does not say whose it is")
        status, answer = await self._exchange(metadata, code, verifier)
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            error = answer.get("error")
            said = error if isinstance(error, str) and error.isidentifier() and len(error) < 50 else "no ID token"
            over = error == "invalid_grant"  # used before, or too late
            raise LogInFailedError(Problem.OVER if over else Problem.REFUSED, f"the code got {status}: {said}")
        keys = await self._keys_at(metadata.jwks_uri)
        access_token = answer.get("access_token")
        return await read_id_token(token, keys, self.issuer, self._client_id, nonce, access_token)

    async def _exchange(self, metadata: Metadata, code: str, verifier: str) -> tuple[int, dict[str, object]]:
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_uri, code=code, code_verifier=verifier
        )
        url, headers, body = self._authentication(metadata).prepare(
            "POST", metadata.token_endpoint, {"Content-Type": FORM}, body
        )
        return await self._http.json("POST", url, headers=headers, content=body)

    def _authentication(self, metadata: Metadata) -> ClientAuth:
        if metadata.secret_in_body:
            return ClientAuth(self._client_id, self._client_secret, "client_secret_post")
        # RFC 6749, 2.3.1: both are form-encoded before they become a user name and a password.
        return ClientAuth(quote_plus(self._client_id), quote_plus(self._client_secret), "client_secret_basic")

    async def _keys_at(self, url: str) -> ProviderKeys:
        """Return the keys at an address: the same ones for as long as the provider has them there."""
        old = self._keys
        if old is not None and old.url == url:
            return old
        self._keys = ProviderKeys(url, named="the provider's jwks_uri")
        if old is not None:
            await old.close()
        return self._keys
