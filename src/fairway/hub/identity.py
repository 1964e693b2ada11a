"""Identity: how a hub finds out who asks and what they may, whoever keeps that knowledge.

Tokens of files and OpenID Connect are built in. In a cluster the API server knows: TokenReview is an `Identifies`,
SubjectAccessReview a `Permits`.
"""

from typing import Protocol

from fairway.hub.auth import Principal, Role


class RefusedTokenError(Exception):
    """The token is of somebody known here, and does not count; the text says why."""


class ProviderDownError(Exception):
    """Whether the token counts cannot be found out now; the text says why."""


class Identifies(Protocol):
    """Knows whose a token is."""

    async def principal(self, token: str) -> Principal | None:
        """Whose token it is, None if it is none of theirs; RefusedTokenError, ProviderDownError."""
        ...


class Permits(Protocol):
    """Knows what somebody may."""

    async def may(self, principal: Principal, role: Role, namespace: str | None) -> bool:
        """Whether they have the role in a namespace; None asks for all namespaces."""
        ...


class ByGrants:
    """Permits what the principal's own grants say: those of a token's file or of a claim."""

    async def may(self, principal: Principal, role: Role, namespace: str | None) -> bool:
        return principal.may(role, namespace)
