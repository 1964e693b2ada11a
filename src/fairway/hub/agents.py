"""Agents: what each node's agent last reported, and what became of the batches. For people and for gates."""

from collections.abc import Mapping
from typing import Final

import msgspec

from fairway.wire.batch import Header

MEASURED_US: Final = 5_000_000
"""Microseconds over which an agent's CPU time is reckoned, at least."""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One node's agent, by its latest batch. `revision` is the rule table it obeys; `last_seen_us` microseconds
    since 1970. `lag_us` is from then until the batch was loaded, below zero if the node's clock is ahead; None
    if that was before the hub's last start. `missing` counts sequence numbers that never came: batches dropped by
    the agent's full spool. `program` is what the agent called itself in its last request, empty until it makes one.

    `services` is how the node translates Services: a mode of kube-proxy that its own tables show, or `none`.
    `kernel` is the node's; `resident_bytes` the agent's memory, `cores` its CPU time in a second, of late. Empty, 0
    and None where the agent, or a hub that was just started, does not know. `cpu_seconds` at `measured_us` are what
    `cores` will be reckoned from.
    """

    node: str
    boot: str
    sequence: int
    revision: int
    last_seen_us: int
    packets: int
    losses: dict[str, int] = {}
    batches: int = 0
    rows: int = 0
    missing: int = 0
    lag_us: int | None = None
    program: str = ""
    kernel: str = ""
    services: str = ""
    resident_bytes: int = 0
    cores: float | None = None
    cpu_seconds: float = 0
    measured_us: int = 0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the database of all of them."""

    batches: int = 0
    rows: int = 0


class Agents(msgspec.Struct, frozen=True, kw_only=True):
    """By node name, and all together."""

    agents: dict[str, Agent] = {}
    totals: Totals = Totals()

    @property
    def lost(self) -> dict[str, int]:
        """Events and batches lost, by node."""
        return {node: agent.missing + sum(agent.losses.values()) for node, agent in self.agents.items()}

    def running(self, programs: Mapping[str, str]) -> "Agents":
        """The same with each node's program."""
        named = ((node, agent, programs.get(node, "")) for node, agent in self.agents.items())
        agents = {node: msgspec.structs.replace(agent, program=program) for node, agent, program in named}
        return msgspec.structs.replace(self, agents=agents)

    def received(self, header: Header, rows: int, at_us: int | None = None) -> "Agents":
        """The same after one more batch, loaded at a time."""
        fresh = _agent(header, at_us)
        last = self.agents.get(header.node, fresh)
        # A gap is missing until the late batch comes, if ever.
        gap = header.sequence - last.sequence - 1 if last.boot == header.boot and last is not fresh else 0
        agent = msgspec.structs.replace(
            _measured(last, fresh) if gap >= 0 else last,
            batches=last.batches + 1,
            rows=last.rows + rows,
            missing=max(0, last.missing + (gap if gap >= 0 else -1)),
        )
        totals = msgspec.structs.replace(self.totals, batches=self.totals.batches + 1, rows=self.totals.rows + rows)
        return Agents(agents={**self.agents, header.node: agent}, totals=totals)


def _agent(header: Header, at_us: int | None) -> Agent:
    return Agent(
        node=header.node,
        boot=header.boot,
        sequence=header.sequence,
        revision=header.revision,
        last_seen_us=header.end_us,
        packets=header.packets,
        losses=header.losses,
        lag_us=None if at_us is None else at_us - header.end_us,
        kernel=header.kernel,
        services=header.services,
        resident_bytes=header.resident_bytes,
        cpu_seconds=header.cpu_seconds,
        measured_us=header.end_us,
    )


def _measured(last: Agent, fresh: Agent) -> Agent:
    """With the cores it takes. First sights leave at once: reckoned is over a while, or as the last time."""
    spent, passed = fresh.cpu_seconds - last.cpu_seconds, fresh.last_seen_us - last.measured_us
    if last.boot != fresh.boot or spent < 0 or not last.cpu_seconds:
        return fresh
    if passed >= MEASURED_US:
        return msgspec.structs.replace(fresh, cores=spent / passed * 1e6)
    return msgspec.structs.replace(
        fresh, cores=last.cores, cpu_seconds=last.cpu_seconds, measured_us=last.measured_us
    )
