"""The door: a bearer token becomes a principal, and a route says which role it is for."""

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import (
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Guard

from fairway.hub.auth import Principal, Role
from fairway.hub.gate import Gate, TooOftenError
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.wire.protocol import NODE

Connection = ASGIConnection[Any, Any, Any, Any]
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class Door(AbstractAuthenticationMiddleware):
    """Looks at the Authorization header of everything but health; the gate is the application's state."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        header = connection.headers.get("Authorization", "")
        scheme, _, token = header.partition(" ")
        gate: Gate = connection.app.state.gate
        node = connection.headers.get(NODE, "") or connection.url.path
        try:
            principal = await gate.admit(token.strip(), node) if scheme.lower() == "bearer" else None
        except RefusedTokenError as error:
            raise NotAuthorizedException(str(error), headers=_CHALLENGE) from None
        except TooOftenError as error:
            raise TooManyRequestsException(str(error), headers={"Retry-After": str(error.retry_after)}) from None
        except ProviderDownError as error:
            raise ServiceUnavailableException(str(error), headers={"Retry-After": "10"}) from None
        if principal is None:
            detail = (
                "the token is not known to this hub" if header else "no token; send `Authorization: Bearer TOKEN`"
            )
            raise NotAuthorizedException(detail, headers=_CHALLENGE)
        return AuthenticationResult(user=principal, auth=None)


def only(role: Role) -> Guard:
    """A guard that lets in whoever has at least `role`."""

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        principal: Principal = connection.user
        if not principal.role.includes(role):
            raise PermissionDeniedException(f"this is for the role {role}; the token is of {principal.role}")

    return guard


def own_node(principal: Principal, node: str) -> None:
    """PermissionDeniedException if an agent speaks for another node than its own."""
    if principal.node is not None and principal.node != node:
        raise PermissionDeniedException(f"the token is of node `{principal.node}`, not of `{node}`")
