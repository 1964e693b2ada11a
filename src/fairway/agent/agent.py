"""The agent: drain, fold, rank, report; obey. One process per node, in the node's network namespace."""

import shutil
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairway.agent import privileges
from fairway.agent.attach import Attachments, Hook
from fairway.agent.clock import Clock
from fairway.agent.conversations import (
    conversation_hashes,
    fold,
    group_addresses,
    rows_of_denials,
    rows_of_events,
    rows_of_flows,
    settle_initiators,
)
from fairway.agent.drain import DenialDrain, FlowDrain
from fairway.agent.kernel import Kernel
from fairway.agent.libbpf import BPFError
from fairway.agent.netlink import Netlink
from fairway.agent.obey import Enforcement
from fairway.agent.outbox import Outbox, open_folder
from fairway.agent.pods import Pods
from fairway.agent.ring import Ring
from fairway.agent.rulenames import RuleNames
from fairway.agent.told import Told
from fairway.kit.stop import Stoppable
from fairway.wire.address import family, packed
from fairway.wire.batch import RECORD, REST, Batch, Header
from fairway.wire.rules import NodeFeed

TICK: Final = 0.2
_EDGES_KEPT: Final = 1 << 20
_EARLY_KEPT: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Config:
    """`interval` in seconds. `top`: conversations told one by one, by bytes; the others go as one row per pod.
    `pins` None: nothing outlives the process. `detach`: enforcement ends with the process."""

    node: str
    control: Path
    spool: Path
    pins: Path | None = None
    interval: float = 10.0
    top: int = 500
    hook: Hook = Hook.AUTO
    detach: bool = False


class Agent:
    """Runs in the network namespace of its thread. `with Agent(config) as agent: agent.run(stop)`."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __enter__(self) -> Self:
        config = self.config
        privileges.require()
        self.kernel = Kernel(config.pins)
        self.clock = Clock(self.kernel)
        self.enforcement = Enforcement(self.kernel)
        adopted = self.enforcement.adopt()
        programs = {way: self.kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
        self.attachments = Attachments(programs, config.pins, config.hook)
        privileges.drop()
        self.pods = Pods(Netlink(), self.attachments, self.enforcement)
        self.ring = Ring(self.kernel.fds["events"], self.kernel.ring_bytes, self.kernel.event)
        self.flows, self.denials = FlowDrain(self.kernel), DenialDrain(self.kernel.tables["denials"])
        if adopted:
            # What moved before this agent was told by the one before, or is part of its pods' next `rest`.
            self.flows.read()
            self.denials.read()
        self.rule_names = RuleNames()
        self.outbox = Outbox(open_folder(config.spool), config.node, uuid.uuid4().hex[:12])
        self.told = Told(self.kernel.tables["told"])
        self.outbox.settle(self.told.has if adopted else lambda *_: True)
        self._feed = NodeFeed(config.node)
        self._feed_stamp = (0, 0)
        self._edges: set[int] = set()
        self._early = np.zeros(0, self.kernel.event)  # first sights of pods whose name is yet to come
        self._start_us = time.time_ns() // 1000
        self._malformed_feeds = self._refused_tables = 0
        return self

    def __exit__(self, *_: object) -> None:
        if self.config.detach or self.config.pins is None:  # a clsact filter would outlive us
            self.pods.detach()
            if self.config.pins is not None:
                shutil.rmtree(self.config.pins, ignore_errors=True)
        self.pods.close()
        self.attachments.close()
        self.ring.close()
        self.kernel.close()

    def run(self, stop: Stoppable) -> None:
        """Until `stop` is set; then the interval so far is told."""
        due = time.monotonic()
        self.obey()
        while not stop.is_set():
            self.obey()
            self.tell_edges()
            if time.monotonic() >= due:
                due = max(due + self.config.interval, time.monotonic())
                self.tell_flows()
            stop.wait(min(TICK, self.config.interval))
        self.tell_edges()
        self.tell_flows()

    def obey(self) -> None:
        """Take over the feed if it changed: rules first, so that a new pod starts with its own."""
        self.pods.settle()
        try:
            status = self.config.control.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._feed_stamp:
                self._feed_stamp = stamp
                self._take(msgspec.json.decode(self.config.control.read_bytes(), type=NodeFeed))
            elif self.pods.missing:
                self.pods.update(self._feed.pods)
        except FileNotFoundError:
            return  # the collector has nothing for us yet, or is away: the last rules stay
        except msgspec.MsgspecError as error:
            self._malformed_feeds += 1
            self._say(f"{self.config.control}: {error}; the last rules stay in force")
        except BPFError as error:
            self._refused_tables += 1
            self._say(f"{error}; the last rules stay in force")

    def _take(self, feed: NodeFeed) -> None:
        if feed.node != self.config.node:
            raise msgspec.ValidationError(f"is for node `{feed.node}`, this is `{self.config.node}`")
        if feed.table.revision != self._feed.table.revision or self.enforcement.program is None:
            self.rule_names.remember(self.enforcement.obey(feed.table), feed.table.rules)
        self._feed = feed
        self.pods.update(feed.pods)
        for build in self.kernel.remove_other_builds():
            self._say(f"removed the tables of another layout, {build}: flows are counted anew")

    def tell_edges(self) -> None:
        """Send every conversation that was never seen before, however small, at once."""
        events = np.concatenate((self._early, self.ring.read()))
        early = np.isin(events["key"]["ifindex"], self.enforcement.unnamed())
        self._early, events = events[early][-_EARLY_KEPT:], events[~early]
        if not len(events):
            return
        keys = np.ascontiguousarray(events["key"])
        initiators = settle_initiators(keys, events["initiator"], self.pods.listening)
        rows = self._of_known_pods(rows_of_events(events, initiators, self.clock.to_us), keys)
        rows = fold(rows)
        hashes = conversation_hashes(rows).tolist()
        fresh = [index for index, number in enumerate(hashes) if number not in self._edges]
        if len(self._edges) + len(fresh) > _EDGES_KEPT:
            self._edges.clear()  # they are told once more, and nothing is missed
        self._edges.update(hashes)
        if fresh:
            self._send(rows[fresh])

    def tell_flows(self) -> None:
        """Send the interval: the top conversations, every denial, and one row per pod for the rest."""
        now = self.clock.now()
        _, totals = self.kernel.tables["totals"].read()
        keys, values, deltas = self.flows.read()
        initiators = settle_initiators(keys, values["initiator"], self.pods.listening)
        self.rule_names.start_batch()
        rows = rows_of_flows(keys, values, deltas, initiators, self.clock.to_us, self.rule_names)
        rows = fold(self._of_known_pods(rows, keys))
        ranked = np.argsort(-(rows["tx_bytes"] + rows["rx_bytes"]).astype("i8"), kind="stable")
        top = rows[ranked[: self.config.top]]
        denied_keys, denied, packets = self.denials.read()
        denials = rows_of_denials(denied_keys, denied, packets, self.clock.to_us)
        denials = fold(self._of_known_pods(denials, denied_keys))
        rest, indices, sums = self._rest(top, totals)
        number = self.outbox.next_sequence
        self._send(
            np.concatenate((top, denials, rest)),
            lambda: self.told.note(indices, sums, self.outbox.boot, number),
        )
        self.flows.forget_idle(now, self.clock.hz)

    def _rest(
        self, told: NDArray[np.void], totals: NDArray[np.void]
    ) -> tuple[NDArray[np.void], NDArray[np.uint32], NDArray[np.void]]:
        """What each pod's exact totals have beyond the conversations told: sums over rows stay exact. And how much
        is told with it, by index into the totals.

        `totals` were read before the flows: a packet that came in between is told as its flow's, and the next total
        catches up with it; it is never told twice.
        """
        indices = np.array([self.enforcement.pods[i][1] for i in self.pods.by_interface], "u4")
        total, before = totals.take(indices), self.told.read(indices)
        rows = np.zeros(len(indices), RECORD)
        for name in ("tx_packets", "rx_packets", "tx_bytes", "rx_bytes"):
            sums = [told[name][told["pod"] == index].sum() for index in range(len(indices))]
            before[name] += np.array(sums, "u8")
            rows[name] = np.where(total[name] > before[name], total[name] - before[name], 0)
            before[name] += rows[name]
        rows["kind"], rows["pod"] = REST, np.arange(len(indices))
        rows["first_us"], rows["last_us"] = self._start_us, time.time_ns() // 1000
        return rows[(rows["tx_packets"] > 0) | (rows["rx_packets"] > 0)], indices, before

    def _of_known_pods(self, rows: NDArray[np.void], keys: NDArray[np.void]) -> NDArray[np.void]:
        """Rows with their pod filled in. Left out, and so in the rest: those of an interface that just went away,
        and those to nobody in particular."""
        known, remote = np.zeros(len(rows), bool), ~group_addresses(rows["remote_address"])
        for index, (interface, pod) in enumerate(self.pods.by_interface.items()):
            mine = (keys["ifindex"] == interface) & remote
            known |= mine
            rows["pod"][mine] = index
            for address in map(packed, pod.addresses):
                rows["pod_address"][mine & (rows["family"] == family(address))] = np.frombuffer(address, "V16")[0]
        return rows[known]

    def _send(self, rows: NDArray[np.void], commit: Callable[[], None] = lambda: None) -> None:
        now_us = time.time_ns() // 1000
        _, totals = self.kernel.tables["totals"].read()
        header = Header(
            node=self.config.node,
            boot=self.outbox.boot,
            sequence=self.outbox.next_sequence,
            start_us=self._start_us,
            end_us=now_us,
            pods=tuple(self.pods.by_interface.values()),
            revision=self._feed.table.revision,
            rules=self.rule_names.words,
            losses=self.losses(),
            packets=int(totals["tx_packets"].sum() + totals["rx_packets"].sum()),
        )
        self.outbox.put(Batch(header, rows), commit)
        self._start_us = now_us

    def losses(self) -> dict[str, int]:
        """Everything that was not counted, not told or not judged as it should be, by name."""
        kernel = self.kernel.counters()
        return {
            **{
                name: kernel[name]
                for name in ("events_lost", "flows_full", "fragments_unmatched", "packets_unparsed")
            },
            "spool_dropped": self.outbox.dropped,
            "pods_without_interface": self.pods.missing,
            "malformed_feeds": self._malformed_feeds,
            "refused_tables": self._refused_tables,
        }

    @staticmethod
    def _say(line: str) -> None:
        sys.stderr.write(f"fairway agent: {line}\n")
