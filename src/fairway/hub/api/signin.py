"""Signing in with the browser, for who has no token yet: these three ask for none."""

import time
from typing import Any, Final

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotAuthorizedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.params import JSONBody

from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.hub.limits import Limit, Meter
from fairway.hub.signin import Begun, Ending, SignIn, Text
from fairway.kit.errors import UsageError

PATH: Final = "/api/v1/sign-in"
MOST_BYTES: Final = 1 << 15
"""Of a body: these are of people who are not known."""
LIMIT: Final = Limit(2, 20)
"""Of each address: every one of these makes the hub ask the provider."""


class Entrance(msgspec.Struct, frozen=True):
    """How somebody may come in. `sign_in` null: only with a token."""

    sign_in: SignIn | None
    meter: Meter


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """`provider` is where people sign in, null where the hub has none."""

    provider: str | None


class Beginning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`redirect` is the console's own address that the provider is to send the browser back to."""

    redirect: Text


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The token to show from now on."""

    token: str


@get(PATH, exclude_from_auth=True, tags=["sign-in"], summary="How people may sign in")
async def ways(entrance: NamedDependency[Entrance]) -> Ways:
    """With a token always."""
    return Ways(provider=entrance.sign_in.provider if entrance.sign_in else None)


@post(
    f"{PATH}/begin",
    exclude_from_auth=True,
    status_code=200,
    tags=["sign-in"],
    summary="Go to the provider",
    request_max_body_size=MOST_BYTES,
)
async def begin(
    request: Request[Any, Any, Any], entrance: NamedDependency[Entrance], data: JSONBody[Beginning]
) -> Begun:
    """Where to send the browser, and what it must keep until it is back."""
    try:
        return await _open(request, entrance).begin(data.redirect)
    except ProviderDownError as error:
        raise ServiceUnavailableException(str(error), headers={"Retry-After": "10"}) from None


@post(
    PATH,
    exclude_from_auth=True,
    status_code=200,
    tags=["sign-in"],
    summary="Come back from the provider",
    request_max_body_size=MOST_BYTES,
)
async def finish(
    request: Request[Any, Any, Any], entrance: NamedDependency[Entrance], data: JSONBody[Ending]
) -> SignedIn:
    """Exchanges the code for a token that this hub takes."""
    try:
        return SignedIn(token=await _open(request, entrance).finish(data))
    except RefusedTokenError as error:
        raise NotAuthorizedException(str(error)) from None
    except ProviderDownError as error:
        raise ServiceUnavailableException(str(error), headers={"Retry-After": "10"}) from None


def _open(request: Request[Any, Any, Any], entrance: Entrance) -> SignIn:
    if entrance.sign_in is None:
        raise UsageError("this hub has no OpenID provider; show a token instead")
    host = request.client.host if request.client else ""
    if wait := entrance.meter.take(host, 1, time.monotonic()):
        raise TooManyRequestsException("too many sign-ins from there", headers={"Retry-After": str(int(wait) + 1)})
    return entrance.sign_in
