"""verdicts: whole cases in, one digit per probe out. For batches and for checking engines against each other.

A case is a small cluster of ordinary Kubernetes objects, policies of any kind that is judged, and probes. It is
compiled once; a pair of ends and a protocol is looked up once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from fairway.kit.errors import UsageError
from fairway.policy.cases import PROTOCOLS, Case, Object, Probe
from fairway.policy.compile import Compiled, compile_rules
from fairway.policy.directory import Directory
from fairway.policy.fields import parse_address
from fairway.policy.hasty import hasty_digits
from fairway.policy.intervals import Span, Spans, subtract
from fairway.policy.model import Cluster
from fairway.policy.read import read_cluster, read_policy_set
from fairway.policy.read_plain import Doubt
from fairway.policy.settle import plain_names
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import PROTOCOL_NUMBERS, Posture, Slot, Verdict

_CASE = msgspec.json.Decoder(Case)


def judge_line(line: bytes, where: str, posture: Posture = Posture.ALLOW) -> str:
    """`judge` for a case in JSON. UsageError says what is wrong with it, too."""
    try:
        return hasty_digits(line, posture)
    except Doubt:
        pass
    try:
        case = _CASE.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: {error}; see `fairway policy verdicts --help`") from error
    return judge(case, where, posture)


def judge(case: Case, where: str, posture: Posture = Posture.ALLOW) -> str:
    """`1` for each probe that is allowed on both sides, else `0`. UsageError names what is wrong in `where`."""
    documents = [*_given(case, where), *_implied_nodes(case, where)]
    cluster = read_cluster(documents).cluster
    given = read_policy_set(_listed(case.policies, f"{where}: policies"), posture=posture)
    try:
        names = plain_names(case.names)
    except ValueError as error:
        raise UsageError(f"{where}: `names`: {error}; write addresses such as `192.0.2.7`") from None
    try:
        return _Judge(cluster, compile_rules(cluster, given, None, names)).digits(case.probes)
    except _ProbeError as error:
        raise UsageError(f"{where}: {error}") from None


class _ProbeError(Exception):
    """What a probe asks for is not there."""


def _listed(objects: Iterable[Object], name: str, kind: str = "") -> Iterator[tuple[str, Object]]:
    for index, value in enumerate(objects):
        yield f"{name}[{index}]", {"kind": kind, **value} if kind else value


def _given(case: Case, where: str) -> Iterator[tuple[str, Object]]:
    yield from _listed(case.namespaces, f"{where}: namespaces", "Namespace")
    yield from _listed(case.nodes, f"{where}: nodes", "Node")
    yield from _listed(case.pods, f"{where}: pods", "Pod")
    yield from _listed(case.services, f"{where}: services", "Service")


def _implied_nodes(case: Case, where: str) -> Iterator[tuple[str, Object]]:
    """The nodes that pods say they are on, where the case has no such Node."""
    known = [_at(node, "metadata", "name") for node in case.nodes]
    hosts: dict[str, list[Object]] = {}
    for pod in case.pods:
        name, address = _at(pod, "spec", "nodeName"), _at(pod, "status", "hostIP")
        if isinstance(name, str) and isinstance(address, str) and name and name not in known:
            hosts.setdefault(name, []).append({"type": "InternalIP", "address": address})
    for name, addresses in hosts.items():
        metadata, status = {"name": name}, {"addresses": addresses[:1]}
        yield f"{where}: pods", {"kind": "Node", "metadata": metadata, "status": status}


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


class _Judge:
    """Answers probes, each pair of ends and protocol from one look-up."""

    def __init__(self, cluster: Cluster, compiled: Compiled) -> None:
        self._directory = Directory(cluster)
        self._compiled = compiled
        self._services = {service.title: service for service in cluster.services}
        self._ends: dict[str, Sequence[Endpoint]] = {}
        self._open: dict[tuple[str, str, str], Spans] = {}

    def digits(self, probes: Iterable[Probe]) -> str:
        """A digit for each probe; the loop is the time that a batch takes."""
        found, opened = [], self._open
        for probe in probes:
            key, port = (probe.src, probe.dst, probe.proto), probe.port
            spans = opened.get(key)
            if spans is None:
                spans = opened[key] = self._look_up(probe)
            if not 0 <= port <= 65535:
                raise _ProbeError(f"probe to port {port}: is no port; write a number from 0 to 65535")
            for low, high, _ in spans:
                if low <= port <= high:
                    found.append("1")
                    break
            else:
                found.append("0")
        return "".join(found)

    def _look_up(self, probe: Probe) -> Spans:
        """The ports that are open; none, if the ends have no address family in common."""
        protocol = PROTOCOLS.get(probe.proto.upper())
        if protocol is None:
            known = ", ".join(PROTOCOL_NUMBERS)
            raise _ProbeError(f"probe with proto `{probe.proto}`: is no protocol; one of {known}")
        for client in self._find(probe.src):
            for server in self._find(probe.dst):
                if (":" in client.address) == (":" in server.address):
                    opened = self._compiled.opened(Slot.ACTIVE, client, server, protocol)
                    return self._accepted(opened, client, server, protocol)
        return ()

    def _accepted(self, opened: Spans, client: Endpoint, server: Endpoint, protocol: str) -> Spans:
        """Of a Service's ports that the client may dial those where no backend refuses it."""
        service = self._directory.service_at(server.address) if server.kind is Kind.SERVICE else None
        numbers = {port.port for port in (service.ports if service else ()) if port.protocol == protocol}
        return subtract(opened, [Span(n, n, 0) for n in numbers if self._refused(client, server, n, protocol)])

    def _refused(self, client: Endpoint, service: Endpoint, port: int, protocol: str) -> bool:
        judged = (
            self._compiled.verdict(Slot.ACTIVE, client, backend, own, protocol)
            for backend, own in self._directory.backends(service.address, port, protocol)
        )
        return any(ingress is Verdict.DENY for _, ingress in judged)

    def _find(self, text: str) -> Sequence[Endpoint]:
        if text not in self._ends:
            addresses = self._addresses(text)
            self._ends[text] = [self._directory.at(a) or Endpoint(kind=Kind.EXTERNAL, address=a) for a in addresses]
        return self._ends[text]

    def _addresses(self, text: str) -> Sequence[str]:
        namespace, slash, name = text.partition("/")
        if not slash:
            try:
                return (str(parse_address(text)),)
            except ValueError:
                raise _ProbeError(
                    f"probe end `{text}`: write namespace/pod, namespace/service or an address"
                ) from None
        held = self._directory.pod(namespace, name) or self._services.get(text)
        if held is None:
            raise _ProbeError(f"probe end `{text}`: is no pod or Service of the case; add it or mend the name")
        if not held.addresses:
            raise _ProbeError(f"probe end `{text}`: has no address; write its `status.podIP` or `spec.clusterIP`")
        return held.addresses
