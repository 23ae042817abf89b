"""auths/: login, refresh, API tokens, the user's profile."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request, Response

from ghanti.accounts import service as accounts
from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import InactiveUserError
from ghanti.accounts.tokens import Claims, Face, InvalidTokenError, MalformedTokenError, TokenType, face_of
from ghanti.api.context import (
    InParts,
    KeyHolder,
    Reader,
    Sent,
    Transaction,
    check_origin,
    client_address,
    is_https,
    parts_of,
)
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import LOGGED_IN, NEW_TOKEN, PROFILE, REFRESHED, TOKEN, accepts, answers
from ghanti.database.session import after_commit

router = APIRouter(prefix="/auths", tags=["Authentication"], route_class=KeyedRoute)


@router.post(
    "/login/",
    summary="Log in",
    responses=answers(LOGGED_IN),
    openapi_extra=accepts({"email": "ram@example.com", "password": "secret"}, ["email", "password"]),
)
async def login(request: Request, parts: InParts, sent: Sent) -> Response:
    """Sets the HttpOnly cookies `access` (one day) and `refresh` (seven days).

    They are good for `auths/login/refresh/` and `auths/generate-api-keys/` only; all else takes a
    bearer token. After five failures within five minutes the answer is 429 with `Retry-After`.
    """
    check_origin(request)
    email, password = sent.values.get("email"), sent.values.get("password")
    missing = [name for name, value in (("email", email), ("password", password)) if not value]
    if missing:
        raise InvalidError.missing(missing)
    claims = await accounts.login(
        parts.sessions, parts.throttle, str(email), str(password), client_address(request)
    )
    response = answer({"has_logged_in": True, "message": "Login Successful"})
    _set_cookie(request, response, TokenType.ACCESS, claims)
    _set_cookie(request, response, TokenType.REFRESH, claims)
    return response


@router.post(
    "/login/refresh/",
    summary="Refresh the session",
    responses=answers(REFRESHED),
    openapi_extra=accepts(
        {"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo"}
    ),
)
async def refresh(request: Request, session: Transaction, parts: InParts, sent: Sent) -> Response:
    """A new `access` cookie for the `refresh` cookie, or for `{"refresh": "…"}` in the body."""
    check_origin(request)
    token = request.cookies.get(TokenType.REFRESH) or sent.values.get("refresh")
    if not token:
        return answer({"message": "No refresh token provided"}, 400)
    try:
        claims = await accounts.refresh(session, parts.tokens, str(token))
    except MalformedTokenError:
        return answer({"detail": "Invalid token payload."}, 400)
    except InactiveUserError:
        return answer({"detail": "Account is not activated."}, 401)
    except InvalidTokenError:
        return answer({"message": "Failed To Refresh The Session"}, 401)
    response = answer({"message": "Session Refreshed Successfully"})
    _set_cookie(request, response, TokenType.ACCESS, claims)
    return response


@router.post(
    "/generate-api-keys/",
    summary="Generate an API token",
    responses=answers(NEW_TOKEN),
    openapi_extra=accepts({"face": "tingting"}),
)
async def generate_api_keys(
    principal: KeyHolder, session: Transaction, parts: InParts, sent: Sent
) -> Response:
    """A new token, shown this once; the user's former token stops working.

    With `face` as `toingg` the token is for the Toingg API, and those of this API stay as they are.
    """
    face = face_of(sent.values.get("face"), Face.TINGTING)
    token = await accounts.generate_api_token(session, principal, face)
    after_commit(session, partial(parts.authenticator.forget, principal.user_id))
    return answer({"token": token, "message": "New API token generated successfully"})


@router.get("/get-api-keys/", summary="The API token, masked", responses=answers(TOKEN))
async def get_api_keys(principal: Reader, session: Transaction) -> Response:
    """Only the token's ends: the server keeps a hash of it and could not show more."""
    token = await accounts.api_token(session, principal, Face.TINGTING)
    if token is None:
        return answer({"message": "No API token found. Please generate one first."}, 404)
    return answer(shapes.api_token(token))


@router.get("/user-profile/", summary="The user's profile", responses=answers(PROFILE))
async def user_profile(principal: Reader, session: Transaction) -> Response:
    return answer(shapes.profile(await accounts.profile(session, principal)))


def _set_cookie(request: Request, response: Response, token_type: TokenType, claims: Claims) -> None:
    response.set_cookie(
        token_type,
        parts_of(request).tokens.issue(token_type, claims),
        max_age=int(token_type.lifetime.total_seconds()),
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )
