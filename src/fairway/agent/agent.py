"""The agent: drain, fold, rank, report; obey. One process per node, in the node's network namespace."""

import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from fairway.agent import privileges
from fairway.agent.answers import Answers
from fairway.agent.attach import Attachments
from fairway.agent.attribution import of_known_pods
from fairway.agent.backlog import Backlog
from fairway.agent.clock import Clock
from fairway.agent.config import FIXED, Config
from fairway.agent.conversations import (
    fold,
    rows_of_denials,
    rows_of_events,
    rows_of_flows,
    settle_initiators,
)
from fairway.agent.drain import DenialDrain, FlowDrain
from fairway.agent.early import Early
from fairway.agent.edges import KnownEdges, edges_of, ranked
from fairway.agent.feed import FeedError
from fairway.agent.kernel import Kernel, Records
from fairway.agent.libbpf import BPFError
from fairway.agent.memory import give_back
from fairway.agent.netlink import Netlink
from fairway.agent.obey import Enforcement
from fairway.agent.outside import Outside
from fairway.agent.pods import Pods
from fairway.agent.readings import Opened, own_use
from fairway.agent.ring import Ring
from fairway.agent.rulenames import RuleNames
from fairway.agent.sockets import SocketEvents
from fairway.agent.told import Told
from fairway.agent.translation import Translation
from fairway.agent.uplinks import Uplinks
from fairway.kit.stop import Stoppable
from fairway.wire.batch import RECORD, REST, Batch, Header
from fairway.wire.rules import NodeFeed, NodePod

TICK, AT_REST = 0.2, 0.5
"""Seconds between two looks while something is new, and while nothing is: each look wakes the CPU."""


class Agent:
    """Runs in the network namespace of its thread. `with Agent(config) as agent: agent.run(stop)`."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __enter__(self) -> Self:
        config = self.config
        privileges.require()
        self.kernel = Kernel(config.pins)
        self.clock = Clock(self.kernel)
        self.enforcement = Enforcement(self.kernel, keep_open=config.keep_open)
        adopted = self.enforcement.adopt()
        programs = {way: self.kernel.program(f"fairway_{way}") for way in ("from_pod", "to_pod")}
        self.attachments = Attachments(programs, config.pins, config.hook)
        self.uplinks = Uplinks(self.kernel.program("fairway_to_node"), config.pins)
        self.sockets = SocketEvents(self.kernel, config.pins)
        if self.sockets.missing:
            say(f"connections that time out are not told: {self.sockets.missing}")
        privileges.drop()
        self.pods = Pods(Netlink(), self.attachments, self.enforcement)
        self.ring = Backlog(Ring(self.kernel.fds["events"], self.kernel.ring_bytes, self.kernel.event))
        self.spills = Ring(self.kernel.fds["spills"], self.kernel.ring_bytes, self.kernel.spill)
        self.answers = Answers(Ring(self.kernel.fds["answers"], self.kernel.answer_bytes, self.kernel.answer))
        self.flows, self.denials = FlowDrain(self.kernel, self.spills), DenialDrain(self.kernel.tables["denials"])
        if adopted:
            # What moved before this agent was told by the one before, or is part of its pods' next `rest`.
            self.flows.read()
            self.denials.read()
        self.translation = Translation()
        self.rule_names = RuleNames()
        self.opened = Opened()
        self.told = Told(self.kernel.tables["told"])
        self.outside = Outside(config, uuid.uuid4().hex[:12], self.kernel, self.pods, self.opened, say)
        self.outside.settle(self.told.has if adopted else lambda *_: True)
        self._feed = NodeFeed(config.node)
        self._edges = KnownEdges()
        self.early = Early(np.zeros(0, self.kernel.event), self.pods.netlink)
        self._start_us = time.time_ns() // 1000
        self._malformed_feeds = self._refused_tables = 0
        return self

    def __exit__(self, *_: object) -> None:
        self.outside.close()
        if self.config.detach or self.config.pins is None:  # a clsact filter would outlive us
            self.pods.detach()
            self.uplinks.leave()
            if self.config.pins is not None:
                shutil.rmtree(self.config.pins, ignore_errors=True)
        self.pods.close()
        self.attachments.close()
        self.uplinks.close()
        self.sockets.close(detach=self.config.detach)
        self.ring.close()
        self.spills.close()
        self.answers.close()
        self.kernel.close()

    def run(self, stop: Stoppable, changed: Callable[[], Config | None] = lambda: None) -> None:
        """Until `stop` is set; then the interval so far is told. `changed` gives new settings if there are any."""
        due = time.monotonic()
        self.obey()
        while not stop.is_set():
            if (config := changed()) is not None:
                self.reconfigure(config)
            pause = TICK if self.obey() | self.tell_edges() | self.flows.listen() else AT_REST
            if time.monotonic() >= due:
                due = max(due + self.config.interval, time.monotonic())
                self.tell_flows()
            self.outside.roll()
            stop.wait(min(pause, self.config.interval))
        self.tell_edges()
        self.tell_flows()

    def reconfigure(self, config: Config) -> None:
        """Go on with other settings; those that need a restart stay as they are, and it says so."""
        kept = {
            name: getattr(self.config, name)
            for name in FIXED
            if getattr(config, name) != getattr(self.config, name)
        }
        for name in kept:
            say(f"`{name}` changes with the next start only")
        anew = config.believed() != self.config.believed()
        self.config = msgspec.structs.replace(config, **kept)
        self.outside.reopen(self.config)
        if anew and self.enforcement.program is not None:
            self._obey_table(self._feed)
        say("settings read anew")

    def obey(self) -> bool:
        """Take over the feed if it changed: rules first, so that a new pod starts with its own. Whether there was
        anything new."""
        self.pods.settle()
        feed = None
        try:
            feed = self.outside.feed.poll()
            if feed is not None:
                self._take(feed)
            elif self.pods.missing:
                self._update_pods(self._feed)
        except FeedError as error:
            self._malformed_feeds += 1
            say(f"{error}; the last rules stay in force")
        except BPFError as error:
            self._refused_tables += 1
            say(f"{error}; the last rules stay in force")
        return feed is not None or self.pods.missing > 0

    def _take(self, feed: NodeFeed) -> None:
        if feed.node != self.config.node:
            raise FeedError(f"the feed is for node `{feed.node}`, this is `{self.config.node}`")
        if feed.table.revision != self._feed.table.revision or self.enforcement.program is None:
            self._obey_table(feed)
        self._feed = feed
        self._update_pods(feed)
        self._watch_uplinks()
        self.outside.obeyed(feed)
        for build in self.kernel.remove_other_builds():
            say(f"removed the tables of another layout, {build}: flows are counted anew")

    def _update_pods(self, feed: NodeFeed) -> None:
        """Know the pods; other addresses that the node turns out to speak to them from are the kubelet's, too."""
        before = self.pods.node_addresses
        self.pods.update(feed.pods)
        if not self.pods.node_addresses <= before | set(feed.table.local):
            self._obey_table(feed)

    def _obey_table(self, feed: NodeFeed) -> None:
        # Before the rows that count on it: what they let pass is judged there.
        self.enforcement.behind = bool(feed.table.behind) and self.uplinks.watch(self.pods.by_interface)
        local = (*feed.table.local, *sorted(self.pods.node_addresses - set(feed.table.local)))
        resolvers = (*feed.table.resolvers, *self.config.believed())
        table = msgspec.structs.replace(feed.table, local=local, resolvers=resolvers)
        self.rule_names.remember(self.enforcement.obey(table), table.rules)

    def _watch_uplinks(self) -> None:
        """Interfaces come and go; where one cannot be watched, Services with different backends are closed."""
        if not self._feed.table.behind:
            self.uplinks.leave()
        elif self.uplinks.watch(self.pods.by_interface) != self.enforcement.behind:
            self._obey_table(self._feed)

    def tell_edges(self) -> bool:
        """Send every conversation that was never seen before, however small, at once. Whether any was seen."""
        events = self.early.sort(self.ring.read(), self.enforcement.unnamed(), self.pods.by_interface)
        for pod, interface, seen in self.early.claimed(self._feed.pods, self.pods.by_interface.values()):
            self._tell_of_gone(pod, interface, seen)
        if not len(events):
            return len(self.early) > 0
        keys = np.ascontiguousarray(events["key"])
        initiators = settle_initiators(keys, events["initiator"], self.pods.listening)
        rows = of_known_pods(rows_of_events(events, initiators, self.clock.to_us), keys, self.pods.by_interface)
        rows = fold(rows)
        fresh = self._edges.fresh(rows, self._pod_list())
        if len(fresh):
            self._send(rows[fresh])
        return True

    def _tell_of_gone(self, pod: NodePod, interface: int, events: Records) -> None:
        keys = np.ascontiguousarray(events["key"])
        initiators = settle_initiators(keys, events["initiator"], lambda _: None)
        rows = of_known_pods(rows_of_events(events, initiators, self.clock.to_us), keys, {interface: pod})
        rows["pod"] = len(self._pod_list())
        self._send(fold(rows), gone=(pod,))

    def tell_flows(self) -> None:
        """Send the interval: the top conversations, every denial, and one row per pod for the rest."""
        began, now = time.monotonic(), self.clock.now()
        _, totals = self.kernel.tables["totals"].read()
        keys, values, deltas = self.flows.read()
        initiators = settle_initiators(keys, values["initiator"], self.pods.listening)
        self.rule_names.start_batch()
        rows = rows_of_flows(keys, values, deltas, initiators, self.clock.to_us, self.rule_names)
        rows = fold(of_known_pods(rows, keys, self.pods.by_interface))
        first = ranked(rows, self.config.rank, self.config.top)
        top = rows[first]
        denied_keys, denied, packets = self.denials.read()
        denials = rows_of_denials(denied_keys, denied, packets, self.clock.to_us)
        denials = fold(of_known_pods(denials, denied_keys, self.pods.by_interface))
        rest, indices, sums = self._rest(top, totals)
        told = np.concatenate((top, self._untold(rows, first), denials, rest))
        number = self.outside.outbox.next_sequence
        self._send(told, lambda: self.told.note(indices, sums, self.outside.boot, number))
        self.opened.count(rows, self._pod_list())
        self.opened.count_told(told)
        self.flows.forget_idle(now, self.clock.hz)
        self._watch_uplinks()
        self._note_health(time.monotonic() - began)

    def _untold(self, rows: NDArray[np.void], first: NDArray[np.intp]) -> NDArray[np.void]:
        """Edges of conversations that nothing told so far: not the top, and no event, which the ring may lose."""
        fresh = self._edges.fresh(rows, self._pod_list())
        untold = np.zeros(len(rows), bool)
        untold[fresh] = True
        untold[first] = False
        return edges_of(rows[untold])

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

    def _send(
        self, rows: NDArray[np.void], commit: Callable[[], None] = lambda: None, gone: tuple[NodePod, ...] = ()
    ) -> None:
        now_us = time.time_ns() // 1000
        _, totals = self.kernel.tables["totals"].read()
        cpu, memory = own_use()
        header = Header(
            node=self.config.node,
            boot=self.outside.boot,
            sequence=self.outside.outbox.next_sequence,
            start_us=self._start_us,
            end_us=now_us,
            pods=(*self._pod_list(), *gone),
            revision=self._feed.table.revision,
            rules=self.rule_names.words,
            losses=self.losses(),
            packets=int(totals["tx_packets"].sum() + totals["rx_packets"].sum()),
            answers=self.answers.take(),
            kernel=os.uname().release,
            services=self.translation.mode(),
            cpu_seconds=cpu,
            resident_bytes=memory,
        )
        self.outside.put(Batch(header, rows), commit)
        self._start_us = now_us

    def losses(self) -> dict[str, int]:
        """Everything that was not counted, not told or not judged as it should be, by name."""
        kernel = self.kernel.counters()
        return {
            **{
                name: kernel[name]
                for name in (
                    *("events_lost", "spills_lost", "flows_full", "fragments_unmatched", "packets_unparsed"),
                    *("answers_unread", "answers_lost"),
                )
            },
            **self.outside.losses(),
            "pods_without_interface": self.pods.missing,
            "malformed_feeds": self._malformed_feeds,
            "refused_tables": self._refused_tables,
            "sockets_unheard": int(bool(self.sockets.missing)),
        }

    def _note_health(self, seconds: float) -> None:
        health = self.outside.health
        health.flows, health.edges, health.revision = self.flows.size, len(self._edges), self._feed.table.revision
        health.report_seconds, health.reports = seconds, health.reports + 1
        health.losses, health.waiting = self.losses(), self.outside.outbox.size()
        give_back()

    def _pod_list(self) -> list[NodePod]:
        """What rows' `pod` counts."""
        return list(self.pods.by_interface.values())


def say(line: str) -> None:
    """One line for whoever reads the agent's log."""
    sys.stderr.write(f"fairway agent: {line}\n")
    sys.stderr.flush()
