"""Whose a token is and what they may, by a server that replays TokenReview and SubjectAccessReview."""

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fairway.hub.auth import Principal, Role
from fairway.hub.identity import ProviderDownError, RefusedTokenError
from fairway.kube.identity import AUDIENCE, ByCluster, Known
from support.apiserver import ApiServerReplay, api_server

ACCOUNT = "system:serviceaccount:fairway:fairway-agent"
NODE = "authentication.kubernetes.io/node-name"
POD = {"authentication.kubernetes.io/pod-name": ["agent-1"], "authentication.kubernetes.io/pod-uid": ["u1"]}
Asked = Sequence[str | Principal | None]


def token(audience: str, name: str = "t") -> str:
    """A token that says whom it is for; its signature is the server's affair."""
    parts = ({"alg": "RS256"}, {"aud": [audience], "sub": name})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "s"])


def user(name: str, audience: str = "api", **extra: list[str]) -> dict[str, Any]:
    told = {"username": name, "uid": "1", "groups": ["g"], "extra": extra}
    return {"authenticated": True, "user": told, "audiences": [audience]}


@pytest.fixture
def server() -> Iterator[ApiServerReplay]:
    with api_server(for_hub=True) as running:
        yield running


class Asking:
    """One identity in one loop, with a clock that a test moves."""

    def __init__(self, server: ApiServerReplay, *namespaces: str) -> None:
        self.now = 0.0
        self.pods: dict[tuple[str, str, str], str] = {}
        known = Known(frozenset([ACCOUNT]), lambda *pod: self.pods.get(pod), lambda: namespaces)
        self.identity = ByCluster(server.access, known, lambda: self.now)

    def __call__(self, *tokens: str) -> list[Principal | str | None]:
        """What is found out of each token, one after the other; errors by their text."""

        async def all_of_them() -> list[Principal | str | None]:
            found: list[Principal | str | None] = []
            for one in tokens:
                try:
                    found.append(await self.identity.principal(one))
                except (RefusedTokenError, ProviderDownError) as error:
                    found.append(f"{type(error).__name__}: {error}")
            if self.identity._connection is not None:
                await self.identity._connection.aclose()
                self.identity._connection = None
            return found

        return asyncio.run(all_of_them())


def test_an_agent_speaks_for_the_node_in_its_token(server: ApiServerReplay) -> None:
    mine = token(AUDIENCE)
    server.users[mine] = user(ACCOUNT, AUDIENCE, **{NODE: ["node-a"], **POD})
    [found] = Asking(server)(mine)
    assert found == Principal(name="agent of node-a", role=Role.AGENT, node="node-a")


def test_before_1_30_the_pod_tells_the_node(server: ApiServerReplay) -> None:
    mine = token(AUDIENCE)
    server.users[mine] = user(ACCOUNT, AUDIENCE, **POD)
    asking = Asking(server)
    asking.pods["fairway", "agent-1", "u1"] = "node-b"
    [found] = asking(mine)
    assert isinstance(found, Principal)
    assert found.node == "node-b"


def test_a_pod_that_is_not_there_speaks_for_no_node(server: ApiServerReplay) -> None:
    mine = token(AUDIENCE)
    server.users[mine] = user(ACCOUNT, AUDIENCE, **POD)
    [found] = Asking(server)(mine)
    assert found == "RefusedTokenError: the token is bound to no pod of a node; mount it into the agent's pod"


def test_a_token_of_the_agents_account_for_somebody_else_is_refused(server: ApiServerReplay) -> None:
    other = token("api")
    server.users[other] = user(ACCOUNT, "api", **{NODE: ["node-a"]})
    [found] = Asking(server)(other)
    assert isinstance(found, str)
    assert "was not made for this hub" in found


def test_a_token_that_only_says_it_is_for_this_hub_is_nobodys(server: ApiServerReplay) -> None:
    lying = token(AUDIENCE)
    server.users[lying] = user(ACCOUNT, "api", **{NODE: ["node-a"]})
    assert Asking(server)(lying, "no-such-token") == [None, None]


@pytest.mark.parametrize(
    ("allowed", "role", "namespaces"),
    [
        ([("ann", "enforce", "")], Role.OPERATOR, None),
        ([("ann", "update", ""), ("ann", "get", "")], Role.EDITOR, None),
        ([("ann", "get", "")], Role.VIEWER, None),
        ([("ann", "get", "shop")], Role.VIEWER, ("shop",)),
        ([("ann", "get", "shop"), ("ann", "update", "carts")], Role.EDITOR, ("carts", "shop")),
        ([("ann", "get", ""), ("ann", "update", "carts")], Role.EDITOR, None),
        ([("ann", "enforce", "shop")], None, None),
        ([], None, None),
    ],
)
def test_people_may_what_access_reviews_say(
    server: ApiServerReplay,
    allowed: list[tuple[str, str, str]],
    role: Role | None,
    namespaces: tuple[str, ...] | None,
) -> None:
    mine = token("api", "ann")
    server.users[mine] = user("ann")
    server.allowed = set(allowed)
    [found] = Asking(server, "carts", "kube-system", "shop")(mine)
    if role is None:
        assert found == "RefusedTokenError: `ann` may not get flows.fairway.dev in any namespace; ask for it"
        return
    assert isinstance(found, Principal)
    assert (found.name, found.role, found.namespaces) == ("ann", role, namespaces)
    for verb, of in (("update", Role.EDITOR), ("get", Role.VIEWER)):
        granted = {namespace for _, given, namespace in allowed if given == verb}
        for namespace in granted - {""}:
            assert found.may(of, namespace)
        if "" not in granted and of is Role.EDITOR and role is Role.EDITOR:
            assert not found.may(of, "shop")


def test_an_answer_holds_for_a_minute(server: ApiServerReplay) -> None:
    mine = token("api", "ann")
    server.users[mine] = user("ann")
    server.allowed = {("ann", "get", "")}
    asking = Asking(server)
    asking(mine, mine, mine)
    assert server.asked["POST tokenreviews"] == 1
    server.allowed = set()
    asking.now = 59.0
    assert isinstance(asking(mine)[0], Principal)
    asking.now = 61.0
    assert str(asking(mine)[0]).startswith("RefusedTokenError")


def test_no_answer_is_no(server: ApiServerReplay) -> None:
    mine = token("api", "ann")
    server.users[mine] = user("ann")
    server.allowed = {("ann", "get", "")}
    asking = Asking(server)
    server.failing = 1
    assert str(asking(mine)[0]).startswith("ProviderDownError: the API server does not say whose the token is")
    assert isinstance(asking(mine)[0], Principal)
    server.forbidden = {"subjectaccessreviews"}
    asking.now = 100.0
    assert str(asking(mine)[0]).startswith("ProviderDownError")
    server.forbidden = set()
    server.stop()
    assert str(asking(mine)[0]).startswith("ProviderDownError")
