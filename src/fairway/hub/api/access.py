"""The door: a bearer token becomes a principal, and a route says which role it is for."""

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Guard

from fairway.hub.auth import Principal, Role, Tokens

Connection = ASGIConnection[Any, Any, Any, Any]

LONGEST: Final = 8192
"""Characters of a token: the longest that OpenID providers make fit."""


class Door(AbstractAuthenticationMiddleware):
    """Looks at the Authorization header of everything but health; the tokens are the application's state."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        header = connection.headers.get("Authorization", "")
        scheme, _, token = header.partition(" ")
        tokens: Tokens = connection.app.state.tokens
        known = scheme.lower() == "bearer" and 0 < len(token) <= LONGEST
        principal = tokens.principal(token.strip()) if known else None
        if principal is None:
            detail = (
                "the token is not known to this hub" if header else "no token; send `Authorization: Bearer TOKEN`"
            )
            raise NotAuthorizedException(detail, headers={"WWW-Authenticate": "Bearer"})
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
