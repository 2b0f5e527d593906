"""What accounts consist of, as the settings want it: services, routes, and what they keep about people."""

from collections.abc import Iterator, Mapping
from secrets import token_bytes
from typing import TYPE_CHECKING

from fastapi import APIRouter

from taskward.accounts import export_routes, mail_routes, personal_token_routes, session_routes, token_routes
from taskward.accounts import routes as accounts
from taskward.accounts.cookies import RefreshCookies
from taskward.accounts.identities import IdentityService
from taskward.accounts.log_ins import LogInService
from taskward.accounts.mails import AccountMails
from taskward.accounts.personal_tokens import PersonalTokenService
from taskward.accounts.service import AccountService
from taskward.accounts.tokens import TokenService
from taskward.api.personal_data import Pages
from taskward.auth.claims import Expected
from taskward.auth.issue import issue_token
from taskward.auth.links import LinkTokens
from taskward.auth.log_ins import LogIns
from taskward.auth.passwords import Passwords
from taskward.database.transaction import Database
from taskward.observability.metrics import Metrics
from taskward.rate_limits.client_address import ClientAddress
from taskward.rate_limits.limits import RateLimits
from taskward.settings import InvalidSettingsError, Settings

if TYPE_CHECKING:
    from taskward.oidc.service import ProviderLogIns


class AccountParts:
    """The parts of one application that are about people and their credentials."""

    def __init__(self, settings: Settings, database: Database, counted: Metrics, rate_limits: RateLimits) -> None:
        """Make them; raise InvalidSettingsError where a library is missing for what the settings want."""
        self._settings = settings
        self._database = database
        self._secret = settings.signing_secret if settings.has_secret else token_bytes()  # then nobody logs in
        self._passwords = Passwords(allowed=not settings.oidc_only)
        self._mails = self._make_mails(counted, rate_limits) if settings.mail_enabled else None
        self._provider = self._make_provider() if settings.oidc_issuer else None
        self._log_in_service = LogInService(database)
        self.log_ins = LogIns(self._log_in_service.ended_since, self._log_in_service.goes_on)
        self.personal_tokens = PersonalTokenService(database)

    @property
    def services(self) -> tuple[object, ...]:
        """What routes ask for by its type; None for what is not there."""
        return (
            self._account_service(),
            self._token_service(),
            self._refresh_cookies(),
            self._log_in_service,
            self.personal_tokens,
            self._mails,
            self._provider,
        )

    @property
    def routers(self) -> Iterator[APIRouter]:
        """The routes that there are with these settings."""
        if self._settings.accounts_enabled:
            yield accounts.router
            yield token_routes.router
            yield session_routes.router
        if self._mails is not None:
            yield mail_routes.router
        if self._provider is not None:
            from taskward.oidc.routes import router

            yield router
        yield accounts.me
        yield export_routes.router
        yield personal_token_routes.router

    @property
    def personal_data(self) -> Mapping[str, Pages]:
        """What reads the parts of the document that says everything about a person."""
        return {
            "identities": self._log_in_service.identities,
            "log_ins": self._log_in_service.all_log_ins,
            "personal_tokens": self.personal_tokens.all_tokens,
        }

    async def close(self) -> None:
        """End what is under way, while the database is still there."""
        await self.log_ins.close()
        if self._mails is not None:
            await self._mails.close()
        if self._provider is not None:
            await self._provider.close()
        self._passwords.close()

    def _make_mails(self, counted: Metrics, rate_limits: RateLimits) -> AccountMails:
        from taskward.mail.sender import MailSender  # and smtplib, of which no other service needs the memory
        from taskward.mail.smtp import SmtpServer

        settings = self._settings
        assert settings.smtp_url is not None
        assert settings.mail_from is not None
        public_url = settings.address_for_links
        server = SmtpServer.from_url(settings.smtp_url.get_secret_value(), public_url)
        sender = MailSender(server, settings.mail_from, counted.mailed)
        return AccountMails(self._database, self._secret, public_url, sender, rate_limits.may_mail)

    def _make_provider(self) -> "ProviderLogIns":
        try:  # only here: most services have none, and the library takes 12 MB of a worker
            from taskward.oidc.provider import Provider
            from taskward.oidc.service import CALLBACK_PATH, ProviderLogIns
        except ImportError:
            raise InvalidSettingsError("OIDC_ISSUER needs the package authlib; install taskward[oidc]") from None
        settings = self._settings
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        assert settings.oidc_client_secret is not None
        assert settings.public_url is not None
        client_secret = settings.oidc_client_secret.get_secret_value()
        redirect_uri = settings.public_url + CALLBACK_PATH
        return ProviderLogIns(
            Provider(settings.oidc_issuer, settings.oidc_client_id, client_secret, redirect_uri),
            IdentityService(self._database, settings.registration),
            settings.signing_secret,
            settings.public_url,
        )

    def _account_service(self) -> AccountService:
        links = LinkTokens(self._secret)
        return AccountService(self._database, self._passwords, links, self._settings.registration, self._mails)

    def _token_service(self) -> TokenService:
        settings, secret = self._settings, self._secret
        lifetime = settings.access_token_expire_minutes * 60
        expected = Expected.from_settings(settings)

        def issue(user_id: str, log_in: bytes) -> str:
            return issue_token(user_id, secret, settings.algorithm, lifetime, expected, log_in)

        proof_by = self._mails if settings.email_verification else None
        return TokenService(
            self._database, self._passwords, secret, issue, lifetime, settings.session_max_days, proof_by=proof_by
        )

    def _refresh_cookies(self) -> RefreshCookies:
        settings = self._settings
        is_from_proxy = ClientAddress(settings.trusted_proxies).is_from_proxy
        return RefreshCookies(self._secret, settings.session_max_days, settings.public_url, is_from_proxy)
