"""What people do by mail, over HTTP. Only where mail is sent."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from taskward.accounts.mails import AccountMails
from taskward.accounts.requests import NO_STORE, begin, limits_of, service_of
from taskward.accounts.schemas import EmailProof, ForgottenPassword
from taskward.accounts.service import LINK_IS_OVER, AccountService
from taskward.api.bodies import JsonBody
from taskward.api.fast import fast
from taskward.api.openapi import responses, responses_of
from taskward.errors import CredentialsInvalidError, DatabaseUnavailableError, PasswordsOffError, ServerBusyError

router = APIRouter(tags=["accounts"])


@router.post(
    "/auth/password/forgot",
    summary="Ask for a new password",
    status_code=202,
    response_class=Response,
    responses={202: {"description": "A link is mailed to this address, if there is an account with it."}}
    | responses(400, 413, 415, 429)
    | responses_of(PasswordsOffError(), ServerBusyError()),
)
@fast
async def forgot_password(
    request: Request, forgotten: Annotated[ForgottenPassword, Depends(JsonBody(ForgottenPassword))]
) -> Response:
    """Have a link for a new password mailed to you. The response is the same whether there is such an account.

    There is one mail in 15 minutes at most: the link of the newest is good, for 30 minutes. Where no mail is sent,
    there is no such path.
    """
    begin(request)
    service_of(request, AccountService).passwords.check_allowed()
    await limits_of(request).before_log_in(forgotten.email, request)
    service_of(request, AccountMails).forgotten(forgotten.email)
    return Response(status_code=202, headers=NO_STORE)


@router.post(
    "/auth/email/verify",
    summary="Prove an e-mail address",
    status_code=204,
    responses=responses(400, 413, 415, 429)
    | responses_of(CredentialsInvalidError(LINK_IS_OVER), DatabaseUnavailableError()),
)
@fast
async def verify_email(request: Request, proof: Annotated[EmailProof, Depends(JsonBody(EmailProof))]) -> Response:
    """Show by a link that was mailed to you that the address of your account is yours. It is good once, for a day.

    Where no mail is sent, there is no such path.
    """
    begin(request)
    try:
        await service_of(request, AccountService).verify_email(proof.token.get_secret_value())
    except CredentialsInvalidError:
        await limits_of(request).after_failure(request)
        raise
    return Response(status_code=204, headers=NO_STORE)
