"""Questions of a rollout: who was or would be denied since a moment, and how often something bad happened."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from fairway.hub.database.conditions import Conditions
from fairway.hub.database.question import Question
from fairway.hub.database.schema import OF_CLIENT

MOST: Final = 1000
"""Edges of a kind that are told; a rollout stops at the first."""
_DNS: Final = 53
_CONNECTS: Final = (
    "[toFloat64(connect_max_us), (connect_sum_us - connect_max_us) / greatest(connect_count - 1, 1)], "
    "[toUInt64(1), toUInt64(greatest(connect_count, 1) - 1)]"
)
"""The times that the connections of a flow took, as far as they are told: the longest, and the others' mean."""


def denials_since(kind: Literal["denied", "would_deny"], since: datetime) -> Question:
    """A row for each pair of groups, port and Service dialled: `count`, the last time, the node whose agent told,
    and the reason."""
    where = Conditions({})
    reason = "reason" if kind == "denied" else "staged_reason"
    keys = [f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "group")]
    ends = ", ".join(f"{end}_kind, {end}_namespace, {_group(end)} AS {end}_group" for end in ("client", "server"))
    keys += ["service", "port", "protocol", "reporter", "node"]
    return Question(
        f"SELECT {ends}, service, port, protocol, reporter, "
        "if(reporter = 'client', client_node, server_node) AS node, "
        f"sum({kind}) AS count, toUnixTimestamp64Micro(max(time_end)) AS last_us, any({reason}) AS reason "
        f"FROM flows WHERE kind = 'flow' AND time_end > {where.moment(since)} AND {kind} > 0 "
        f"GROUP BY {', '.join(keys)} ORDER BY count DESC, {', '.join(keys)} LIMIT {MOST}",
        where.parameters,
    )


def tallies(since: datetime, until: datetime, step: timedelta, namespaces: Sequence[str] | None) -> Question:
    """What went wrong for clients in some namespaces (None: all), per `step`, and of how many: TCP connections, and
    packets asked and answered of DNS. Connections count where the client's agent tells."""
    where = Conditions({})
    seconds = where.bind(max(1, int(step.total_seconds())), "UInt32")
    bounds = [f"time_end > {where.moment(since)}", f"time_end <= {where.moment(until)}"]
    bounds += ["kind = 'flow'", "client_kind = 'pod'", f"({OF_CLIENT})"]
    if namespaces is not None:
        bounds.append(f"client_namespace IN {where.bind(list(namespaces), 'Array(String)')}")
    tcp, dns = "protocol = 'TCP'", f"port = {_DNS} AND protocol = 'UDP'"
    return Question(
        f"SELECT toUnixTimestamp(toStartOfInterval(time_end, INTERVAL {seconds} SECOND)) AS moment, "
        f"sumIf(connections, {tcp}) AS connections, sumIf(failed, {tcp}) AS failed, "
        f"sumIf(resets, {tcp}) AS resets, sumIf(handshake_retransmissions, {tcp}) AS syn_retransmissions, "
        f"sumIf(sent_packets, {dns}) AS dns_asked, "
        f"sumIf(greatest(toInt64(sent_packets) - toInt64(received_packets), 0), {dns}) AS dns_unanswered, "
        f"quantileTDigestWeightedArrayIf(0.99)({_CONNECTS}, connect_count > 0) AS connect_p99_us, "
        "sum(connect_count) AS connects "
        f"FROM flows WHERE {' AND '.join(bounds)} GROUP BY moment ORDER BY moment LIMIT 100000",
        where.parameters,
    )


def rarest_use(since: datetime) -> Question:
    """The longest time, in seconds, between two hours in which one edge was used; none between neighbours."""
    where = Conditions({})
    ends = (f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "group"))
    keys = ", ".join((*ends, "port", "protocol"))
    return Question(
        "SELECT max(if(gap > 3600, gap, 0)) AS seconds "
        "FROM (SELECT dateDiff('second', lagInFrame(time, 1, time) OVER "
        f"(PARTITION BY {keys} ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), time) AS gap "
        f"FROM (SELECT DISTINCT {keys}, time FROM edges_1h WHERE time >= {where.moment(since)}))",
        where.parameters,
    )


def _group(end: str) -> str:
    """As `wire.endpoint.Endpoint.group`, but for a pod's namespace."""
    return f"multiIf({end}_kind = 'pod', {end}_workload, {end}_name != '', {end}_name, {end}_address)"
