"""What the agent shows of its node and of itself. docs/agent.md has the same table; a test compares the two."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import fairway
from fairway.agent.compat import AwsWindow
from fairway.agent.ethtool import ALLOWANCES, AVAILABLE, Cards
from fairway.agent.feed import HubFeed
from fairway.agent.kernel import Kernel
from fairway.agent.limits import interfaces, untracked
from fairway.agent.pods import Pods
from fairway.agent.readings import Opened, PodReading, conntrack, own_use, pod_readings
from fairway.agent.sender import Sender
from fairway.kit.openmetrics import Family, Sample, counter, gauge
from fairway.kit.otlp import Push

_STATES: Final = ("pods_without_interface",)
_WAYS: Final = ("ingress", "egress")
_CODES: Final = ("noerror", "servfail", "nxdomain", "refused", "other")


@dataclass(slots=True)
class Health:
    """What the agent notes of itself after each interval."""

    flows: int = 0
    flows_limit: int = 0
    edges: int = 0
    revision: int = 0
    report_seconds: float = 0.0
    reports: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[int, int] = (0, 0)
    waiting_limit: int = 0
    push: Push | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that is shown. `most_pods` bounds the series: beyond it pods are counted, not shown."""

    node: str
    most_pods: int
    kernel: Kernel
    pods: Pods
    opened: Opened
    health: Health
    sender: Sender | None = None
    feed: HubFeed | None = None
    compat: AwsWindow | None = None
    cards: Cards = field(default_factory=Cards)

    def families(self) -> list[Family]:
        """A reading of now."""
        readings = pod_readings(self.kernel, self.pods)
        shown = readings[: self.most_pods]
        return [
            *self._of_pods(shown),
            gauge("fairway_pods", "Pods with an interface on this node.", ({"node": self.node}, len(readings))),
            gauge(
                "fairway_pods_not_shown",
                "Pods beyond the bound on series; they are in the node's sums.",
                ({"node": self.node}, len(readings) - len(shown)),
            ),
            *self._of_node(),
            *self._of_interfaces(),
            *self._of_dns(),
            *self._of_cards(),
            *self._of_policy(),
            *self._of_sending(),
            *self._of_agent(),
            *(self.compat.families() if self.compat else ()),
        ]

    def _of_pods(self, shown: list[PodReading]) -> Iterator[Family]:
        for name, what, about in (
            ("fairway_pod_bytes", "bytes", "IP bytes, headers included, to (ingress) and from (egress) the pod."),
            ("fairway_pod_packets", "packets", "Packets to and from the pod, as on the wire."),
            ("fairway_pod_dropped_packets", "dropped", "Packets that rules dropped."),
        ):
            yield counter(
                name, about, *((self._pod(r, way), getattr(r, f"{way}_{what}")) for r in shown for way in _WAYS)
            )
        sums = [(reading, self.opened.of(reading.pod)) for reading in shown]
        for name, prefix, about in (
            ("fairway_pod_connections", "", "Connections opened to and by the pod."),
            ("fairway_pod_failed_connections", "failed_", "Of TCP: refused, or given up before any answer."),
        ):
            ways = [(self._pod(r, way), getattr(added, prefix + way)) for r, added in sums for way in _WAYS]
            yield counter(name, about, *ways)
        for name, what, about in (
            ("fairway_pod_retransmissions", "retransmissions", "TCP segments that the pod sent again."),
            ("fairway_pod_retransmission_timeouts", "timeouts", "Expiries of the pod's retransmission timers."),
            ("fairway_pod_dns_questions", "dns_questions", "DNS questions that the pod asked by UDP."),
            ("fairway_pod_dns_answers", "dns_answers", "Answers that came to them, whatever they say."),
        ):
            yield counter(name, about, *((self._pod(r), getattr(added, what)) for r, added in sums))

    def _pod(self, reading: PodReading, way: str = "") -> dict[str, str]:
        labels = {"node": self.node, "namespace": reading.pod.namespace, "pod": reading.pod.name}
        return {**labels, "direction": way} if way else labels

    def _of_node(self) -> Iterator[Family]:
        node = self.opened.node
        for name, what, about in (
            ("fairway_node_bytes", "bytes", "IP bytes of all pods, those that went away included."),
            ("fairway_node_packets", "packets", "Packets of all pods, those that went away included."),
            ("fairway_node_connections", "connections", "Connections opened to and by all pods."),
        ):
            samples = [({"node": self.node, "direction": way}, node.get(f"{way}_{what}", 0)) for way in _WAYS]
            yield counter(name, about, *samples)
        again: Sample = ({"node": self.node}, node.get("retransmissions", 0))
        yield counter("fairway_node_retransmissions", "TCP segments that all pods sent again.", again)
        tracked = conntrack()
        if tracked:
            yield gauge(
                "fairway_node_conntrack_entries",
                "Connections the kernel tracks, in the node's network namespace.",
                ({"node": self.node}, tracked["count"]),
            )
            yield gauge(
                "fairway_node_conntrack_limit",
                "Connections the kernel can track; beyond it new ones are dropped.",
                ({"node": self.node}, tracked["max"]),
            )

        yield counter(
            "fairway_node_conntrack_failures",
            "Connections that the kernel could not track, or forgot for others, by why.",
            *(({"node": self.node, "reason": reason}, count) for reason, count in untracked().items()),
        )

    def _of_interfaces(self) -> Iterator[Family]:
        mine = {name for index, name in socket.if_nameindex() if index in self.pods.by_interface}
        found = interfaces(mine)
        for column, (name, about) in enumerate(
            (
                ("fairway_node_interface_bytes", "Bytes of the node's own interfaces, link headers included."),
                ("fairway_node_interface_packets", "Their packets."),
                ("fairway_node_interface_dropped_packets", "Packets that interface or driver dropped."),
                ("fairway_node_interface_overruns", "Packets lost because a queue of the card was full."),
            )
        ):
            yield counter(
                name,
                about,
                *(
                    ({"node": self.node, "interface": interface, "direction": way}, values[way][column])
                    for interface, values in found.items()
                    for way in _WAYS
                ),
            )

    def _of_dns(self) -> Iterator[Family]:
        counted = self.kernel.counters()
        yield counter(
            "fairway_node_dns_answers",
            "Answers of the resolvers that are believed, by response code.",
            *(({"node": self.node, "code": code}, counted[f"dns_{code}"]) for code in _CODES),
        )

    def _of_cards(self) -> Iterator[Family]:
        cards = self.cards.read()
        exceeded = [
            ({"node": self.node, "interface": card, "allowance": short}, values[name])
            for card, values in cards.items()
            for name, short in ALLOWANCES.items()
            if name in values
        ]
        yield counter(
            "fairway_node_allowance_exceeded_packets",
            "Packets queued or dropped beyond what the machine is allowed, by the network card's count.",
            *exceeded,
        )
        left = [({"node": self.node, "interface": c}, v[AVAILABLE]) for c, v in cards.items() if AVAILABLE in v]
        yield gauge("fairway_node_conntrack_allowance_available", "Connections the card may still track.", *left)

    def _of_policy(self) -> Iterator[Family]:
        counted = self.kernel.counters()
        for name, metric, about in (
            ("judged", "fairway_policy_judgements", "Connections judged, once per connection and change of rules."),
            ("denied", "fairway_policy_denied_packets", "Packets dropped."),
            ("would_deny", "fairway_policy_would_deny_connections", "Connections that rules on trial would drop."),
        ):
            yield counter(metric, about, ({"node": self.node}, counted[name]))
        yield gauge(
            "fairway_policy_revision",
            "Revision of the rules in force.",
            ({"node": self.node}, self.health.revision),
        )

    def _of_sending(self) -> Iterator[Family]:
        batches, size = self.health.waiting
        yield gauge("fairway_agent_waiting_batches", "Batches that nobody took yet.", ({}, batches))
        yield gauge("fairway_agent_waiting_bytes", "Their bytes.", ({}, size))
        yield gauge("fairway_agent_waiting_limit_bytes", "How many may wait.", ({}, self.health.waiting_limit))
        if self.sender is not None:
            sent = self.sender.sent
            results = ("batches", "duplicates", "refused", "split")
            yield counter(
                "fairway_agent_batches",
                "Batches by what the hub made of them; batches: kept, duplicates of these: known before.",
                *(({"result": name}, getattr(sent, name)) for name in results),
            )
            yield counter("fairway_agent_sent_bytes", "Bytes of batches that the hub kept.", ({}, sent.bytes))
        troubles = {"batches": self.sender, "feed": self.feed}
        failures = [({"of": name}, one.complaint.count) for name, one in troubles.items() if one is not None]
        yield counter("fairway_agent_hub_failures", "Questions to the hub without a good answer.", *failures)
        exports = self.health.push.exports.copy() if self.health.push else {}
        yield counter(
            "fairway_agent_otlp_exports",
            "Pushes to the collector, by what became of them.",
            *(({"result": result}, count) for result, count in exports.items()),
        )
        last = {
            "batches": self.sender.sent.last if self.sender else 0.0,
            "feed": self.feed.last if self.feed else 0.0,
        }
        yield gauge(
            "fairway_agent_hub_last_success_timestamp_seconds",
            "When the hub last answered well.",
            *(({"of": name}, when) for name, when in last.items() if when),
        )

    def _of_agent(self) -> Iterator[Family]:
        health, (cpu, memory) = self.health, own_use()
        version = ({"version": fairway.__version__, "node": self.node}, 1)
        yield gauge("fairway_agent_build_info", "The agent's version.", version)
        lost: list[Sample] = [({"what": n}, v) for n, v in health.losses.items() if n not in _STATES]
        yield counter(
            "fairway_agent_losses", "What was not counted, told or judged as it should be, by name.", *lost
        )
        state: list[Sample] = [({}, v) for n, v in health.losses.items() if n in _STATES]
        yield gauge("fairway_agent_pods_without_interface", "Pods in the feed without an interface here.", *state)
        yield gauge("fairway_agent_flows", "Entries of the kernel's table of flows.", ({}, health.flows))
        yield gauge("fairway_agent_flows_limit", "Entries it can have.", ({}, health.flows_limit))
        yield gauge("fairway_agent_edges", "Conversations remembered as told.", ({}, health.edges))
        yield counter("fairway_agent_reports", "Intervals reported.", ({}, health.reports))
        yield gauge("fairway_agent_report_seconds", "What the last report took.", ({}, health.report_seconds))
        yield counter("process_cpu_seconds", "CPU time of the agent.", ({}, cpu))
        yield gauge("process_resident_memory_bytes", "Memory of the agent.", ({}, memory))
