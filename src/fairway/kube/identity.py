"""Who asks, by the cluster's own word: TokenReview says whose a token is, SubjectAccessReview what they may.

Agents show a projected service-account token made for this hub alone (its audience), bound to their pod: the node
they speak for is the one in the token's claims, or on servers before 1.30 that of the pod. People show any token
that the API server takes. Whatever cannot be found out is refused: no answer is no, and none is remembered beyond
its time.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from fairway.hub.auth import Grant, Principal, Role, digest
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.kit.errors import FairwayError, one_line
from fairway.kube.access import Access
from fairway.kube.api import ApiError, ask, asynchronous
from fairway.kube.resources import GROUP

AUDIENCE: Final = "fairway-hub"
RESOURCE: Final = "flows"
VERBS: Final = ((Role.OPERATOR, "enforce"), (Role.EDITOR, "update"), (Role.VIEWER, "get"))
"""What one must be allowed to do with `flows.fairway.dev` for a role, the highest first."""
_NODE_NAME: Final = "authentication.kubernetes.io/node-name"
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"
_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_MOST_TOKENS: Final = 4096
_MOST_NAMESPACES: Final = 1000
_AT_ONCE: Final = 16
_MOST_AT_ONCE: Final = 64
"""Tokens being reviewed: strangers must not make this hub a flood for the API server."""

NodeOf = Callable[[str, str, str], str | None]
"""Namespace, name and uid of a pod to its node, None if there is no such pod."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where agents are, how long an answer holds, in seconds, and what the cluster has now."""

    agents: frozenset[str]
    """Their service accounts: `system:serviceaccount:NAMESPACE:NAME`."""
    node_of: NodeOf
    namespaces: Callable[[], Sequence[str]]
    holds: float = 60.0


class ByCluster:
    """`hub.identity.Identifies`. Used in one loop."""

    def __init__(self, access: Access, known: Known, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._known = known
        self._clock = clock
        self._checked: dict[str, tuple[Principal | RefusedTokenError | None, float]] = {}
        self._under_way: dict[str, asyncio.Task[Principal | None]] = {}
        self._connection: httpx.AsyncClient | None = None

    async def principal(self, token: str) -> Principal | None:
        """Whose token it is, None if the cluster does not know it; RefusedTokenError for one of whom it knows and
        who may do nothing here, ProviderDownError."""
        key = digest(token)
        found = self._checked.get(key)
        if found is not None and self._clock() < found[1]:
            if isinstance(found[0], RefusedTokenError):
                raise found[0]
            return found[0]
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= _MOST_AT_ONCE:
                raise ProviderDownError("too many unknown tokens at once; come again")
            task = self._under_way[key] = asyncio.create_task(self._find(token))
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def _done(self, key: str, task: "asyncio.Task[Principal | None]") -> None:
        self._under_way.pop(key, None)
        self._checked.pop(key, None)
        refused = None if task.cancelled() else task.exception()
        if task.cancelled() or (refused is not None and not isinstance(refused, RefusedTokenError)):
            return
        if len(self._checked) >= _MOST_TOKENS:
            self._checked.clear()
        self._checked[key] = refused or task.result(), self._clock() + self._known.holds

    async def _find(self, token: str) -> Principal | None:
        try:
            user = await self._review(token)
            if user is None:
                return None
            if user.username in self._known.agents:
                return self._agent(user)
            return await self._person(user)
        except (ApiError, httpx.HTTPError, msgspec.MsgspecError, FairwayError, OSError) as error:
            reason = one_line(str(error)) or type(error).__name__
            raise ProviderDownError(f"the API server does not say whose the token is: {reason}") from None

    async def _review(self, token: str) -> "_User | None":
        ours = AUDIENCE in _audiences(token)
        spec: dict[str, Any] = {"token": token}
        if ours:
            spec["audiences"] = [AUDIENCE]
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        answer = msgspec.convert(await self._ask(_REVIEWS, asked), _Review).status
        if not answer.authenticated or not answer.user.username:
            return None
        if ours and AUDIENCE not in answer.audiences:
            return None  # an authenticator that knows no audiences, and would take a token made for others
        if answer.user.username in self._known.agents and not ours:
            raise RefusedTokenError(f"the token was not made for this hub; ask for the audience `{AUDIENCE}`")
        return answer.user

    def _agent(self, user: "_User") -> Principal:
        node = next(iter(user.extra.get(_NODE_NAME, ())), None)
        if node is None:
            names = [next(iter(user.extra.get(key, ())), "") for key in (_POD_NAME, _POD_UID)]
            namespace = user.username.split(":")[2]
            node = self._known.node_of(namespace, *names) if all(names) else None
        if not node:
            raise RefusedTokenError("the token is bound to no pod of a node; mount it into the agent's pod")
        return Principal(name=f"agent of {node}", role=Role.AGENT, node=node)

    async def _person(self, user: "_User") -> Principal:
        held = [role for role, verb in VERBS if await self._may(user, verb, None)]
        role = held[0] if held else None
        grants = [Grant(role)] if role is not None else []
        if role in (None, Role.VIEWER):
            grants += await self._by_namespace(user, seen=role is not None)
        if not grants:
            raise RefusedTokenError(
                f"`{user.username}` may not get {RESOURCE}.{GROUP} in any namespace; ask for it"
            )
        return Principal.granted(user.username, grants)

    async def _by_namespace(self, user: "_User", *, seen: bool) -> list[Grant]:
        """Grants in some namespaces alone. What drops packets is for who may do so everywhere."""
        namespaces = list(self._known.namespaces())[:_MOST_NAMESPACES]
        turn = asyncio.Semaphore(_AT_ONCE)

        async def may(verb: str, namespace: str) -> bool:
            async with turn:
                return await self._may(user, verb, namespace)

        found = []
        for role, verb in VERBS[1:]:
            if role is Role.VIEWER and seen:
                break
            allowed = await asyncio.gather(*(may(verb, name) for name in namespaces))
            names = tuple(name for name, yes in zip(namespaces, allowed, strict=True) if yes)
            found += [Grant(role, names)] if names else []
        return found

    async def _may(self, user: "_User", verb: str, namespace: str | None) -> bool:
        attributes = {"group": GROUP, "resource": RESOURCE, "verb": verb}
        if namespace is not None:
            attributes["namespace"] = namespace
        spec = {
            "user": user.username,
            "groups": user.groups,
            "uid": user.uid,
            "extra": user.extra,
            "resourceAttributes": attributes,
        }
        asked = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = msgspec.convert(await self._ask(_ACCESS, asked), _AccessReview)
        return answer.status.allowed and not answer.status.denied

    async def _ask(self, path: str, body: Any) -> Any:
        if self._connection is None:
            self._connection = asynchronous(self._access)
        return await ask(self._connection, self._access, "POST", path, body)


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class _ReviewStatus(msgspec.Struct, frozen=True):
    authenticated: bool = False
    user: _User = _User()
    audiences: list[str] = []


class _Review(msgspec.Struct, frozen=True):
    status: _ReviewStatus


class _AccessStatus(msgspec.Struct, frozen=True):
    allowed: bool = False
    denied: bool = False


class _AccessReview(msgspec.Struct, frozen=True):
    status: _AccessStatus


def _audiences(token: str) -> Sequence[str]:
    """Whom a token says it is for, unverified: it only decides how the API server is asked."""
    parts = token.split(".")
    if len(parts) != 3:
        return ()
    try:
        content = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)), type=_Claims)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        return ()
    return [content.aud] if isinstance(content.aud, str) else content.aud


class _Claims(msgspec.Struct, frozen=True):
    aud: str | list[str] = []
