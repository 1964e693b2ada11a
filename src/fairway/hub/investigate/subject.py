"""Subject: what is investigated, out of what a person or an alarm calls it."""

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec

from fairway.hub.anomalies.book import Anomaly
from fairway.kit.errors import UsageError
from fairway.signals.pointing import filter_of
from fairway.signals.traffic import moment
from fairway.views.filter import EVERYTHING, All, AnyOf, Expression, Term, Word, parse_filter

LONGEST: Final = 1024
_EDGE: Final = re.compile(
    r"\s*(?P<client>.+?)\s*->\s*(?P<server>(?:service )?\S+)(?:\s+(?P<port>\d+)/(?P<proto>\w+))?\s*"
)
_SERVER: Final = re.compile(r"(?P<server>\S+)\s+(?P<port>\d+)/(?P<proto>\w+)")
_ALERT: Final = re.compile(r"\s*(?P<name>\w+)\s*\{(?P<labels>.*)\}\s*")
_LABEL: Final = re.compile(r'\s*(\w+)\s*=\s*"([^"]*)"\s*,?')
_HOW: Final = (
    "write `namespace/workload`, `CLIENT -> SERVER [PORT/PROTOCOL]`, an anomaly's id, or an alert with its labels"
)
_KIND: Final = re.compile(r"(?:deployment|statefulset|daemonset|job|cronjob|replicaset|pod)/", re.IGNORECASE)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A client group, a server group, or both, as `signals.traffic.Pair` names them; or a node. `hour` is an
    anomaly's, which says when as well."""

    client: str = ""
    server: str = ""
    port: int = 0
    protocol: str = ""
    node: str = ""
    hour: int | None = None

    @property
    def title(self) -> str:
        port = f" {self.port}/{self.protocol}" if self.port else ""
        if self.client and self.server:
            return f"{self.client} -> {self.server}{port}"
        return (f"node {self.node}" if self.node else self.client or self.server) + port

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The anomaly's hour."""
        return None if self.hour is None else (moment(self.hour), moment(self.hour) + timedelta(hours=1))


def subject_of(text: str, anomalies: list[Anomaly]) -> Subject:
    """What a text means; UsageError if it means nothing."""
    if len(text) > LONGEST:
        raise UsageError(f"subject: longer than {LONGEST} characters; {_HOW}")
    for one in anomalies:
        if one.id == text.strip():
            found = one.finding
            server = "" if found.server == found.client else found.server
            return Subject(
                client=found.client, server=server, port=found.port, protocol=found.protocol, hour=found.hour
            )
    if alert := _ALERT.fullmatch(text):
        return _of_labels(dict(_LABEL.findall(alert["labels"])), text)
    if "->" in text:
        edge = _EDGE.fullmatch(text)
        if edge is None:
            raise UsageError(f"subject: `{text}` is no edge; {_HOW}")
        return Subject(
            client=edge["client"], server=edge["server"], port=int(edge["port"] or 0), protocol=edge["proto"] or ""
        )
    if named := _SERVER.fullmatch(text.strip()):
        return Subject(server=named["server"], port=int(named["port"]), protocol=named["proto"])
    if text.strip().startswith("node "):
        return Subject(node=text.strip().removeprefix("node ").strip())
    if not re.fullmatch(r"[^\s/]+/[^\s/]+", text.strip()):
        raise UsageError(f"subject: `{text}` is none; {_HOW}")
    return Subject(client=text.strip())


def about(subject: Subject, services: dict[str, tuple[str, int]]) -> Expression:
    """The flows that it means. A client's agent knows of a Service only: `services` tells what is behind each."""
    if subject.node:
        return Term("node", "=", (Word(subject.node),))
    if subject.client and not subject.server:
        sides = (filter_of(subject.client), filter_of(server=subject.client))
        dialled = _dialled(services, subject.client)
        return AnyOf((*(_parsed(side) for side in sides), *dialled))
    whole = _parsed(filter_of(subject.client, subject.server, subject.port, subject.protocol))
    dialled = _dialled(services, subject.server)
    if not dialled:
        return whole
    client = _parsed(filter_of(subject.client)) if subject.client else EVERYTHING
    return AnyOf((whole, *(All((client, one)) for one in dialled)))


def resolving(subject: Subject) -> Expression:
    """Its questions to DNS: of the client, else of the server."""
    return (
        _parsed(filter_of(subject.client or subject.server))
        if not subject.node
        else Term("node", "=", (Word(subject.node),))
    )


def _dialled(services: dict[str, tuple[str, int]], group: str) -> tuple[Expression, ...]:
    names = tuple(Word(name) for name, (workload, _) in sorted(services.items()) if workload == group)
    return (Term("service", "=", names),) if names else ()


def _parsed(text: str) -> Expression:
    return parse_filter(text, datetime.min).expression


def _of_labels(labels: dict[str, str], text: str) -> Subject:
    """The names that Fairway's own rules give their labels, and the usual ones of Kubernetes."""
    client, server = (
        _named(labels.get(f"{end}_namespace", ""), labels.get(end, "")) for end in ("client", "server")
    )
    if client or server:
        return Subject(client=client, server=server)
    namespace = labels.get("namespace") or labels.get("exported_namespace", "")
    workload = labels.get("workload") or labels.get("deployment") or labels.get("statefulset", "")
    if namespace and workload:
        return Subject(client=_named(namespace, workload))
    pod = labels.get("pod", "")
    if namespace and pod:
        # A Deployment's pods are called after it, its template's hash and five letters.
        return Subject(client=f"{namespace}/{re.sub(r'(-[a-z0-9]{5,10})?-[a-z0-9]{5}$|-[0-9]+$', '', pod)}")
    node = labels.get("node") or labels.get("instance", "").partition(":")[0]
    if node:
        return Subject(node=node)
    raise UsageError(f"subject: `{text}` names neither workload, pod, node, client nor server; {_HOW}")


def _named(namespace: str, workload: str) -> str:
    """As a group is called, whether or not the workload's kind stands before its name."""
    return f"{namespace}/{_KIND.sub('', workload)}" if namespace and workload else workload
