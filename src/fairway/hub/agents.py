"""Agents: what each node's agent last reported, and what became of the batches. For people and for gates."""

import msgspec

from fairway.wire.batch import Header


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One node's agent, by its latest batch. `revision` is the rule table it obeys; `last_seen_us` microseconds
    since 1970. `missing` counts sequence numbers that never came: batches dropped by the agent's full spool."""

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


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the database of all of them."""

    batches: int = 0
    rows: int = 0


class Agents(msgspec.Struct, frozen=True, kw_only=True):
    """By node name, and all together."""

    agents: dict[str, Agent] = {}
    totals: Totals = Totals()

    def received(self, header: Header, rows: int) -> "Agents":
        """The same after one more batch."""
        fresh = _agent(header)
        last = self.agents.get(header.node, fresh)
        # A gap is missing until the late batch comes, if ever.
        gap = header.sequence - last.sequence - 1 if last.boot == header.boot and last is not fresh else 0
        agent = msgspec.structs.replace(
            fresh if gap >= 0 else last,
            batches=last.batches + 1,
            rows=last.rows + rows,
            missing=max(0, last.missing + (gap if gap >= 0 else -1)),
        )
        totals = msgspec.structs.replace(self.totals, batches=self.totals.batches + 1, rows=self.totals.rows + rows)
        return Agents(agents={**self.agents, header.node: agent}, totals=totals)


def _agent(header: Header) -> Agent:
    return Agent(
        node=header.node,
        boot=header.boot,
        sequence=header.sequence,
        revision=header.revision,
        last_seen_us=header.end_us,
        packets=header.packets,
        losses=header.losses,
    )
