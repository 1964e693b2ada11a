"""ask: a question in a person's words (`shop/ui-1`, `10.0.0.7`, `8080/TCP`), decided and explained."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fairway.kit.errors import InputErrors, UsageError
from fairway.policy.decide import Decision, Judgement, ServiceDecision, decide, decide_service
from fairway.policy.directory import Directory
from fairway.policy.explain import explain
from fairway.policy.fields import parse_address, shown
from fairway.policy.model import PolicySet
from fairway.policy.settle import Names, settle
from fairway.policy.sides import Side, sides
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Verdict

_QUOTED: Final = 60
_NUMBER: Final = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Backend:
    """Who may answer at a Service, and both sides' verdicts on that: allow, deny or unjudged."""

    server: str
    port: int
    egress: str
    ingress: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision on one connection, in words. Of a Service: allowed if every backend can be reached and lets
    the client in; `sides` has the client's alone."""

    allowed: bool
    client: str
    server: str
    port: int
    protocol: str
    why: str
    sides: tuple[Side, ...] = ()
    backends: tuple[Backend, ...] = ()


def ask(
    policies: PolicySet, directory: Directory, client: str, server: str, port: str, names: Names | None = None
) -> Answer:
    """Decide one connection; `names` are what domain names resolve to.

    InputErrors with everything that cannot be understood.
    """
    number, protocol, source, destination = _understood(directory, client, server, port)
    policies = settle(policies, directory.cluster.nodes, names)
    if destination.kind is Kind.SERVICE:
        judged = decide_service(policies, directory, source, destination.address, number, protocol)
        return _of_service(judged, source, destination, number, protocol)
    decision = decide(policies, directory.cluster.namespaces, source, destination, number, protocol)
    why = explain(decision, source, destination, number, protocol)
    both = sides(decision, source, destination, number, protocol)
    return Answer(decision.allowed, source.title, destination.title, number, protocol, why, both)


def _of_service(judged: ServiceDecision, client: Endpoint, service: Endpoint, port: int, protocol: str) -> Answer:
    """The client's side first; where it is open, the first backend that refuses."""
    decision, refusing = Decision(judged.egress, Judgement(Verdict.UNJUDGED)), judged.refusing
    if judged.allowed and refusing:
        why = explain(refusing[0].decision, client, refusing[0].server, refusing[0].port, protocol)
    else:
        why = explain(decision, client, service, port, protocol)
    why += _named("out of reach", judged.denied, len(judged.backends))
    why += _named("that refuse", [(found.server, found.port) for found in refusing], len(judged.backends))
    allowed = judged.allowed and not refusing
    words = sides(decision, client, service, port, protocol)
    return Answer(allowed, client.title, service.title, port, protocol, why, words, tuple(_backends(judged)))


def _named(what: str, found: Sequence[tuple[Endpoint, int]], total: int) -> str:
    """`. Backends out of reach: orders/db-0:5432 (1 of 2)`; nothing, if there are none."""
    listed = ", ".join(f"{end.title}:{own}" for end, own in found)
    share = f" ({len(found)} of {total})" if len(found) < total else ""
    return f". Backends {what}: {listed}{share}" if found else ""


def _backends(judged: ServiceDecision) -> Iterator[Backend]:
    for found in judged.backends:
        verdicts = (side.verdict.name.lower() for side in (found.decision.egress, found.decision.ingress))
        yield Backend(found.server.title, found.port, *verdicts)


def _understood(directory: Directory, client: str, server: str, port: str) -> tuple[int, str, Endpoint, Endpoint]:
    """Port, protocol and both ends."""
    problems = []
    known: list[Sequence[Endpoint]] = []
    number, protocol = 0, ""
    try:
        number, protocol = _port(port)
    except UsageError as error:
        problems.append(str(error))
    for text in (client, server):
        try:
            known.append(_ends(directory, text))
        except UsageError as error:
            problems.append(str(error))
    if problems:
        raise InputErrors(problems)
    return number, protocol, *_pair(known[0], known[1], client, server)


def _port(text: str) -> tuple[int, str]:
    number, _, protocol = text.partition("/")
    names = {name.upper(): name for name in PROTOCOL_NUMBERS}
    known = names.get((protocol or "TCP").upper())
    if known is None or not _NUMBER.fullmatch(number) or int(number) > 65535:
        raise UsageError(f"{shown(text)} is no port; write one such as 8080, 53/UDP or 0/ICMP")
    return int(number), known


def _ends(directory: Directory, text: str) -> Sequence[Endpoint]:
    """Everything the text may mean: one address, or all addresses of a pod or Service."""
    namespace, slash, name = text.partition("/")
    if not slash:
        try:
            address = str(parse_address(text))
        except ValueError:
            what = "is no end; write namespace/pod, namespace/service or an address"
            raise UsageError(f"{shown(text)} {what}") from None
        return (directory.at(address) or Endpoint(kind=Kind.EXTERNAL, address=address),)
    found = tuple(_at(directory, _addresses(directory, namespace, name)))
    if not found:
        where = f"see `kubectl get pods -n {namespace[:_QUOTED]}`"
        raise UsageError(f"{shown(text)} is no pod or Service with an address; {where}")
    return found


def _addresses(directory: Directory, namespace: str, name: str) -> tuple[str, ...]:
    pod = directory.pod(namespace, name)
    if pod is not None:
        return () if pod.finished else pod.addresses
    return next((s.addresses for s in directory.cluster.services if (s.namespace, s.name) == (namespace, name)), ())


def _at(directory: Directory, addresses: Sequence[str]) -> Iterator[Endpoint]:
    for address in addresses:
        end = directory.at(address)
        if end is not None:
            yield end


def _pair(clients: Sequence[Endpoint], servers: Sequence[Endpoint], *names: str) -> tuple[Endpoint, Endpoint]:
    """The first two ends of one address family."""
    for client in clients:
        for server in servers:
            if (":" in client.address) == (":" in server.address):
                return client, server
    raise UsageError(f"{shown(names[0])} and {shown(names[1])} have no address family in common; name other ends")
