"""Holds the kernel to a rule table: written beside the old one, switched to at one stroke per pod, then the old
one is removed. No packet meets half a table."""

import errno
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from fairway.agent.kernel import Kernel, Records, record, records
from fairway.agent.libbpf import BPFError
from fairway.agent.names import NameNumbers
from fairway.agent.positions import among
from fairway.agent.program import Program, pod_record, translate
from fairway.wire.address import family, packed
from fairway.wire.rules import RuleTable

_RULED = ("addresses", "networks", "rules", "named")
UNNAMED: Final = "-"
"""In place of the uid of a pod that the feed does not have yet: it is held to the posture."""


class OldRulesError(BPFError):
    """A table that is older than the one in force: a hub that lost its memory, or a feed that came late."""

    def __init__(self, given: int, current: int) -> None:
        super().__init__("old rules", errno.ESTALE)
        self.args = (f"the rules' revision {given} is older than {current}, which is in force",)


@dataclass(slots=True)
class Enforcement:
    """The rules in force and the pods held to them, by interface. Interfaces may come and go on another thread.

    `keep_open`: what passed before a change of rules goes on until its next connection. `behind`: packets are
    looked at where they leave the node, so Services' backends can be judged one by one.
    """

    kernel: Kernel
    keep_open: bool = False
    behind: bool = False
    program: Program | None = None
    pods: dict[int, tuple[str, int]] = field(default_factory=dict)  # interface: (uid, index of its totals)
    _revision: int = 0
    _void: set[int] = field(default_factory=set)  # interfaces that went, to be removed
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _written: list[tuple[str, Records]] = field(default_factory=list)
    _stale: list[tuple[str, Records]] = field(default_factory=list)
    _names: NameNumbers | None = None

    def adopt(self) -> bool:
        """Take over what an earlier agent left, if any: its pods' totals go on, its rules go with the next table.

        Its pods have no uid until they are added again; until then they are held to the rules they had.
        """
        pods = self.kernel.tables["pods"]
        keys, values = pods.read()
        self.pods = {int(key): ("", int(value["totals"])) for key, value in zip(keys, values, strict=True)}
        self._written = [(name, self.kernel.tables[name].keys()) for name in _RULED]
        return bool(self.pods)

    def obey(self, table: RuleTable) -> int:
        """Hold all pods to `table`; the generation that its rules are counted in.

        BPFError if the kernel's tables do not hold it, or if it is older than what is in force, which stays then.
        """
        if table.revision < self._revision:
            raise OldRulesError(table.revision, self._revision)
        self._forget_stale()
        self._names = self._names or NameNumbers(self.kernel)
        numbers = self._names.numbers(name for name, _ in table.names)
        program = translate(table, self._next_generation(), self.kernel, numbers, behind=self.behind)
        written = [(name, *getattr(program, name)) for name in _RULED]
        try:
            for name, keys, values in written:
                self.kernel.tables[name].write(keys, values)
        except BPFError:
            for name, keys, _ in written:
                self.kernel.tables[name].remove(keys)
            raise
        with self._lock:
            self.program, self._revision = program, table.revision
            for interface, (uid, _) in self.pods.items():
                if uid:
                    self._write_pod(interface)
        self.judge_anew()
        # A packet may be judged by the old rows this very moment: they go with the next call.
        self._stale, self._written = self._written, [(name, keys) for name, keys, _ in written]
        self._names.forget(set(numbers.values()))
        return program.generation

    def add(self, interface: int, uid: str, addresses: Iterable[str] = ()) -> None:
        """Know a pod, before its interface has programs if that can be: its first packet is judged by its rules.

        What was judged before is judged anew only after `judge_anew`.
        """
        with self._lock:
            known = self.pods.get(interface)
            totals = known[1] if known else self._fresh_totals()
            self.pods[interface] = (uid, totals)
            self._write_pod(interface)
        holders = self.kernel.tables["holders"]
        for address in map(packed, addresses):
            holders.set(record(holders.key, family(address), address), record(holders.value, interface))

    def expect(self, interface: int) -> None:
        """Hold an interface to the posture and count for it until its pod is known."""
        with self._lock:
            if interface not in self.pods:
                self.add(interface, UNNAMED)

    def unnamed(self) -> list[int]:
        """Interfaces that the feed has not named yet."""
        with self._lock:
            return [interface for interface, (uid, _) in self.pods.items() if uid == UNNAMED]

    def void(self, interface: int) -> None:
        """An interface went: from now on its number is nobody's, until `remove` has cleared what is left of it."""
        with self._lock:
            if interface in self.pods:
                self._void.add(interface)
            pods = self.kernel.tables["pods"]
            pods.delete(record(pods.key, interface))
        self.judge_anew()

    def remove(self, *interfaces: int) -> None:
        """Forget pods and all their flows: whoever gets an interface's number next inherits nothing."""
        with self._lock:
            pods = self.kernel.tables["pods"]
            for interface in interfaces:
                self.pods.pop(interface, None)
                self._void.discard(interface)
                pods.delete(record(pods.key, interface))
        holders = self.kernel.tables["holders"]
        addresses, held = holders.read()
        holders.remove(addresses[among(held, interfaces)].copy())
        for name in ("flows", "denials", "fragments"):
            keys, _ = self.kernel.tables[name].read()
            self.kernel.tables[name].remove(keys[among(keys["ifindex"], interfaces)].copy())

    def judge_anew(self) -> None:
        """Void every verdict that the kernel keeps: each flow's next packet is judged by the rules as they are."""
        with self._lock:
            settings = self.kernel.tables["settings"]
            current = settings.get(record(settings.key, 0))
            epoch = (int(current["epoch"][0]) if current is not None else 0) % 0xFFFFFFFF + 1
            program = self.program
            if program:
                deny, behind, names = program.deny_unknown, program.behind, program.names
            else:
                deny, behind, names = current is not None and bool(current["deny_unknown"][0]), False, 0
            value = records(settings.value, [(epoch, deny, self.keep_open, behind, names)])
            settings.set(record(settings.key, 0), value)

    def _fresh_totals(self) -> int:
        """A free index into the totals, set to zero. 0 is for interfaces that nobody knows."""
        taken = {totals for _, totals in self.pods.values()}
        index = next(i for i in range(1, len(taken) + 2) if i not in taken)
        for name in ("totals", "told"):
            totals = self.kernel.tables[name]
            totals.set(record(totals.key, index), np.zeros(1, totals.value))
        return index

    def _write_pod(self, interface: int) -> None:
        if interface in self._void:
            return
        uid, totals = self.pods[interface]
        program = self.program
        rules = program.pods.get(uid) if program else None
        value = pod_record(
            self.kernel,
            rules,
            program.generation if program else 0,
            totals,
            deny=program.deny_unknown if program else False,
        )
        pods = self.kernel.tables["pods"]
        pods.set(record(pods.key, interface), value)

    def _next_generation(self) -> int:
        _, values = self.kernel.tables["pods"].read()
        known = [int(generation) for generation in values["generation"]]
        return max([*known, self.program.generation if self.program else 0]) + 1

    def _forget_stale(self) -> None:
        current = {name: {key.tobytes() for key in keys} for name, keys in self._written}
        for name, keys in self._stale:
            kept = current.get(name, set())
            stale = [index for index, key in enumerate(keys) if key.tobytes() not in kept]
            self.kernel.tables[name].remove(keys[stale].copy())
        self._stale = []
