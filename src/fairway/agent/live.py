"""A live look at one node: who talks to whom right now, from a running agent's tables or from its own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fairway.agent.attach import Attachments
from fairway.agent.attribution import of_known_pods
from fairway.agent.conversations import fold, rows_of_denials, rows_of_flows, settle_initiators
from fairway.agent.discover import discover
from fairway.agent.drain import DenialDrain, FlowDrain, Tables
from fairway.agent.kernel import Kernel
from fairway.agent.netlink import Netlink
from fairway.agent.obey import Enforcement
from fairway.agent.pods import Pods
from fairway.agent.rulenames import RuleNames
from fairway.wire.address import packed, text
from fairway.wire.rules import NodePod, RuleTable
from fairway.wire.words import Initiator, Verdict, protocol_name


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation over the time between two looks. Bytes and packets are per second, the others counts."""

    pod: str
    remote: str
    port: int
    protocol: str
    initiator: str
    in_bytes: float
    out_bytes: float
    packets: float
    connections: int
    retransmissions: int
    denied: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Look:
    """What moved in the last `seconds`; `pods` are how many there are."""

    seconds: float
    pods: int
    talks: tuple[Talk, ...]


@dataclass(slots=True)
class Watcher:
    """Reads tables of flows; `names` gives pods by interface. The first `look` has what moved since it was made."""

    source: Tables
    names: Callable[[], Mapping[int, NodePod]]
    listening: Callable[[int], frozenset[int] | None] = lambda _: None
    _flows: FlowDrain = field(init=False)
    _denials: DenialDrain = field(init=False)
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._flows, self._denials = FlowDrain(self.source), DenialDrain(self.source.tables["denials"])
        self._flows.read()
        self._denials.read()
        self._since = time.monotonic()

    def look(self) -> Look:
        """What moved since the last look."""
        keys, values, deltas = self._flows.read()
        denied_keys, denied, packets = self._denials.read()
        now = time.monotonic()
        seconds, self._since = max(now - self._since, 1e-3), now
        pods = self.names()
        initiators = settle_initiators(keys, values["initiator"], self.listening)
        flows = rows_of_flows(keys, values, deltas, initiators, _any_time, RuleNames())
        denials = rows_of_denials(denied_keys, denied, packets, _any_time)
        rows = np.concatenate((of_known_pods(flows, keys, pods), of_known_pods(denials, denied_keys, pods)))
        titles = [f"{pod.namespace}/{pod.name}" if pod.namespace else pod.name for pod in pods.values()]
        return Look(seconds, len(pods), tuple(_talk(row, titles, seconds) for row in fold(rows)))


class Alone:
    """Where no agent runs: programs of our own, which judge nothing and go with us."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self._netlink = Netlink()
        programs = {way: self.kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
        self._attachments = Attachments(programs, None)
        enforcement = Enforcement(self.kernel)
        enforcement.obey(RuleTable(0))
        self._pods = Pods(self._netlink, self._attachments, enforcement)
        self.listening = self._pods.listening
        self.names()

    def names(self) -> Mapping[int, NodePod]:
        """The pods that are here now, attached."""
        self._pods.update(tuple(discover(self._netlink).values()))
        return self._pods.by_interface

    def close(self) -> None:
        """Take the programs off again."""
        self._pods.detach()
        self._pods.close()
        self._attachments.close()
        self.kernel.close()


def named(found: Mapping[int, NodePod], known: tuple[NodePod, ...]) -> dict[int, NodePod]:
    """Pods as found, under the names that a feed has for their addresses."""
    by_address = {packed(address): pod for pod in known for address in pod.addresses}
    return {
        interface: next((by_address[a] for a in map(packed, pod.addresses) if a in by_address), pod)
        for interface, pod in found.items()
    }


def _talk(row: np.void, titles: list[str], seconds: float) -> Talk:
    staged = " (staged)" if row["verdict"] != Verdict.DENY and row["staged"] == Verdict.DENY else ""
    verdict = Verdict.DENY if staged else Verdict(int(row["verdict"]))
    return Talk(
        pod=titles[int(row["pod"])],
        remote=text(row["remote_address"].tobytes()),
        port=int(row["port"]),
        protocol=protocol_name(int(row["protocol"])),
        initiator=Initiator(int(row["initiator"])).name.lower(),
        in_bytes=round(int(row["rx_bytes"]) / seconds, 1),
        out_bytes=round(int(row["tx_bytes"]) / seconds, 1),
        packets=round(int(row["rx_packets"] + row["tx_packets"]) / seconds, 1),
        connections=int(row["connections"]),
        retransmissions=int(row["retransmissions"]),
        denied=int(row["denied"]),
        verdict="" if verdict is Verdict.UNJUDGED else verdict.name.lower() + staged,
    )


def _any_time(jiffies: NDArray[np.uint64]) -> NDArray[np.int64]:
    return jiffies.astype("i8")
