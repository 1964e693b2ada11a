"""What a hub counts, as metrics. docs/hub.md lists them."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import fairway
from fairway.hub.agents import Agent
from fairway.hub.service import Hub
from fairway.kit.openmetrics import Family, Sample, counter, gauge


def families(hub: Hub, turned_away: Mapping[str, int], now_us: int) -> Iterator[Family]:
    """All of them, as of `now_us` (microseconds since 1970)."""
    received = hub.receiver.received
    yield gauge("fairway_hub_info", "The hub's version.", ({"version": fairway.__version__}, 1))
    yield gauge("fairway_hub_resident_bytes", "Memory of the process, its database included.", ({}, _resident()))
    yield counter("fairway_hub_batches", "Batches kept since the start.", ({}, received.batches))
    yield counter("fairway_hub_rows", "Rows in them.", ({}, received.rows))
    yield counter("fairway_hub_bytes", "Bytes of them, as they came.", ({}, received.bytes))
    yield counter("fairway_hub_duplicates", "Batches that had been kept before.", ({}, received.duplicates))
    yield counter("fairway_hub_refused_batches", "Batches that can never be read.", ({}, received.refused))
    yield counter(
        "fairway_hub_named_rows",
        "Rows put into the database, by the category that their ends make.",
        *(({"category": word}, count) for word, count in sorted(hub.loader.categories.items())),
    )
    yield from hub.traffic.families()
    yield from _losses(hub)
    yield from _disk(hub)
    yield from _rollouts(hub)
    yield gauge(
        "fairway_hub_ranges_networks",
        "Published networks that cloud services are known by, by list.",
        *(
            ({"provider": one.provider, "date": one.date}, one.networks)
            for one in (hub.ranges.sources if hub.ranges else ())
        ),
    )
    waiting = hub.segments.waiting()
    yield gauge("fairway_hub_waiting_segments", "Segments not in the database yet.", ({}, len(waiting)))
    yield counter(
        "fairway_hub_turned_away",
        "Requests that were not let in, by reason.",
        *(({"reason": reason}, count) for reason, count in sorted(turned_away.items())),
    )
    yield counter("fairway_hub_audited", "Changes put into the audit log.", ({}, hub.audit.entries))
    yield gauge(
        "fairway_hub_trouble",
        "1 for each part of the hub that cannot do its work now.",
        *(({"part": part}, 1) for part in sorted(hub.troubles)),
    )
    yield counter(
        "fairway_hub_cluster",
        "What was done to learn of the cluster: a folder's reads, or what watches of an API server did.",
        *(({"what": what}, count) for what, count in sorted(hub.config.cluster.counters().items())),
    )
    yield gauge("fairway_hub_cluster_warnings", "Lines that /readyz has beside `ok`.", ({}, len(hub.warnings())))
    exports = hub.push.exports.copy() if hub.push else {}
    yield counter(
        "fairway_hub_otlp_exports",
        "Pushes to the collector of --otlp, by what became of them.",
        *(({"result": result}, count) for result, count in sorted(exports.items())),
    )
    yield gauge("fairway_hub_revision", "The latest revision of rules.", ({}, hub.revision))
    yield from _of_agents(hub.agents.agents, now_us)


def _losses(hub: Hub) -> Iterator[Family]:
    """What went wrong, and what was not told."""
    yield counter("fairway_hub_disk_refused_batches", "Not kept: the disk refused.", ({}, hub.segments.refused))
    yield counter("fairway_hub_damaged_records", "Kept once and not readable any more.", ({}, hub.loader.damaged))
    yield counter("fairway_hub_live_dropped", "Listeners of the live stream too slow.", ({}, hub.live.dropped))
    yield gauge("fairway_hub_clocks_off", "Nodes whose times are off.", ({}, len(hub.receiver.clocks.warnings())))
    yield counter(
        "fairway_hub_failures",
        "Mistakes in fairway itself, by the part of the hub where they showed.",
        *(({"part": part}, count) for part, count in sorted(hub.failures.items())),
    )


def _disk(hub: Hub) -> Iterator[Family]:
    """Of the state folder: segments, and the database unless servers have it."""
    disk = shutil.disk_usage(hub.config.state.folder)
    yield gauge("fairway_hub_disk_size_bytes", "The file system that the state folder is on.", ({}, disk.total))
    yield gauge("fairway_hub_disk_free_bytes", "What is free there.", ({}, disk.free))


def _rollouts(hub: Hub) -> Iterator[Family]:
    states = hub.rollouts.book.all()
    yield gauge(
        "fairway_hub_rollout_phase",
        "1 for the phase that each rollout is in.",
        *(({"rollout": state.order.name, "phase": str(state.phase)}, 1) for state in states),
    )
    yield gauge(
        "fairway_hub_rollout_enforcing_nodes",
        "Nodes that a rollout holds to its policies.",
        *(({"rollout": state.order.name}, len(state.enforced)) for state in states),
    )


def _of_agents(agents: Mapping[str, Agent], now_us: int) -> Iterator[Family]:
    def each(field: str) -> list[Sample]:
        return [({"node": node}, getattr(agent, field)) for node, agent in sorted(agents.items())]

    def since(agent: Agent) -> float:
        return (now_us - agent.last_seen_us) / 1e6

    yield gauge(
        "fairway_hub_agent_silence_seconds",
        "Since the end of the last interval that a node's agent reported.",
        *(({"node": node}, since(agent)) for node, agent in sorted(agents.items())),
    )
    yield gauge(
        "fairway_hub_agent_lag_seconds",
        "From the end of that interval to the database; below zero: the node's clock is ahead.",
        *(
            ({"node": node}, agent.lag_us / 1e6)
            for node, agent in sorted(agents.items())
            if agent.lag_us is not None
        ),
    )
    yield gauge("fairway_hub_agent_revision", "The revision of rules that a node's agent obeys.", *each("revision"))
    yield counter("fairway_hub_agent_missing_batches", "Batches that never came.", *each("missing"))
    yield counter(
        "fairway_hub_agent_losses",
        "What a node's agent lost, by what it was.",
        *(
            ({"node": node, "kind": kind}, lost)
            for node, agent in sorted(agents.items())
            for kind, lost in sorted(agent.losses.items())
        ),
    )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
