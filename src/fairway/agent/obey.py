"""Holds the kernel to a rule table: written beside the old one, switched to at one stroke per pod, then the old
one is removed. No packet meets half a table."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fairway.agent.kernel import Kernel, Records, record, records
from fairway.agent.libbpf import BPFError
from fairway.agent.names import NameNumbers
from fairway.agent.program import Program, pod_record, translate
from fairway.wire.address import family, packed
from fairway.wire.rules import RuleTable

_RULED = ("addresses", "networks", "rules", "named")


@dataclass(slots=True)
class Enforcement:
    """The rules in force and the pods held to them, by interface.

    `keep_open`: what passed before a change of rules goes on until its next connection. `behind`: packets are
    looked at where they leave the node, so Services' backends can be judged one by one.
    """

    kernel: Kernel
    keep_open: bool = False
    behind: bool = False
    program: Program | None = None
    pods: dict[int, tuple[str, int]] = field(default_factory=dict)  # interface: (uid, index of its totals)
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

        BPFError if the kernel's tables do not hold it; the rules before stay in force then.
        """
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
        self.program = program
        for interface, (uid, _) in self.pods.items():
            if uid:
                self._write_pod(interface)
        self._bump_epoch()
        # A packet may be judged by the old rows this very moment: they go with the next call.
        self._stale, self._written = self._written, [(name, keys) for name, keys, _ in written]
        self._names.forget(set(numbers.values()))
        return program.generation

    def add(self, interface: int, uid: str, addresses: Iterable[str] = ()) -> None:
        """Know a pod before its interface has programs: its first packet is already judged by its rules."""
        taken = {totals for _, totals in self.pods.values()}
        known = self.pods.get(interface)
        totals = known[1] if known else next(i for i in range(1, len(taken) + 2) if i not in taken)
        if known is None:
            self._clear_totals(totals)
        self.pods[interface] = (uid, totals)
        self._write_pod(interface)
        holders = self.kernel.tables["holders"]
        for address in map(packed, addresses):
            holders.set(record(holders.key, family(address), address), record(holders.value, interface))

    def remove(self, interface: int) -> None:
        """Forget a pod and all its flows: whoever gets the interface's number next inherits nothing."""
        self.pods.pop(interface, None)
        pods = self.kernel.tables["pods"]
        pods.delete(record(pods.key, interface))
        holders = self.kernel.tables["holders"]
        addresses, interfaces = holders.read()
        holders.remove(addresses[interfaces == interface].copy())
        for name in ("flows", "denials"):
            keys, _ = self.kernel.tables[name].read()
            self.kernel.tables[name].remove(keys[keys["ifindex"] == interface].copy())

    def _write_pod(self, interface: int) -> None:
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

    def _bump_epoch(self) -> None:
        settings = self.kernel.tables["settings"]
        current = settings.get(record(settings.key, 0))
        epoch = (int(current["epoch"][0]) if current is not None else 0) % 0xFFFFFFFF + 1
        program = self.program
        deny, behind, names = (
            (program.deny_unknown, program.behind, bool(len(program.named[0]))) if program else (False,) * 3
        )
        value = records(settings.value, [(epoch, deny, self.keep_open, behind, names)])
        settings.set(record(settings.key, 0), value)

    def _clear_totals(self, index: int) -> None:
        for name in ("totals", "told"):
            totals = self.kernel.tables[name]
            totals.set(record(totals.key, index), records(totals.value, [(0,) * 6]))

    def _forget_stale(self) -> None:
        current = {name: {key.tobytes() for key in keys} for name, keys in self._written}
        for name, keys in self._stale:
            kept = current.get(name, set())
            stale = [index for index, key in enumerate(keys) if key.tobytes() not in kept]
            self.kernel.tables[name].remove(keys[stale].copy())
        self._stale = []
