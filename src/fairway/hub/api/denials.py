"""Who was kept from whom, or would be, and why, over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.asked import Asked
from fairway.hub.api.desk import Desk
from fairway.hub.api.shapes import End
from fairway.hub.auth import Role
from fairway.hub.control import policy_set
from fairway.hub.database.seen import denials
from fairway.hub.denials import PolicySets, why
from fairway.hub.intent import PolicyChoice, read_intent
from fairway.hub.rows import endpoint_of, rows_of
from fairway.hub.service import Hub
from fairway.kit.errors import UsageError
from fairway.policy.model import PolicySet
from fairway.wire.words import Direction

Limit = Annotated[int, QueryParameter(ge=1, le=10_000, description="at most so many")]
_UNTOLD: Final = {"ports": "[]", "node": "", "zone": ""}
_MISSING: Final = {f"{end}_{name}": value for end in ("client", "server") for name, value in _UNTOLD.items()}


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """Connections of one client to one server that one side's policies dropped (`enforced`, in `packets`), or
    would have (`connections`). `slot`: by the policies in force (`active`) or on trial (`staged`)."""

    client: End
    server: End
    port: int
    protocol: str
    service: str
    direction: str
    slot: str
    enforced: bool
    packets: int
    connections: int
    first_seen: datetime
    last_seen: datetime
    reason: str
    why: str


class Denials(msgspec.Struct, frozen=True, kw_only=True):
    """What was dropped first, then the latest first."""

    since: datetime
    until: datetime
    denials: list[Denied]


@get("/api/v1/denials", guards=[only(Role.VIEWER)], tags=["denials"], summary="What was denied, or would be")
async def denials_of(
    hub: NamedDependency[Hub], desk: NamedDependency[Desk], asked: NamedDependency[Asked], limit: Limit = 1000
) -> Denials:
    """Policies are named as they are set now."""
    return await desk(lambda: _denials(hub, asked, limit))


def _denials(hub: Hub, asked: Asked, limit: int) -> Denials:
    policies = policies_of(hub)
    rows = rows_of(hub.base.ask(denials(asked.wanted, asked.now, limit)))
    told = [_denied({**row, **_MISSING}, policies) for row in rows]
    return Denials(since=asked.since, until=asked.until, denials=told)


def policies_of(hub: Hub) -> PolicySets:
    """The policies in force and on trial, to name them; one whose folder was moved away is not known."""
    intent, orders = read_intent(hub.config.state), hub.orders
    active, staged = _known(intent.active), _known(intent.staged)
    if orders is not None:
        active, staged = active or orders.active, staged or orders.staged
    return {"active": active, "staged": staged}


def _known(choice: PolicyChoice | None) -> PolicySet | None:
    try:
        return policy_set(choice)
    except UsageError:
        return None


def _denied(row: dict[str, Any], policies: PolicySets) -> Denied:
    client, server = endpoint_of(row, "client"), endpoint_of(row, "server")
    direction = Direction.EGRESS if row["reporter"] == "client" else Direction.INGRESS
    port, protocol = row["port"], row["protocol"]
    packets = row["packets"] if row["slot"] == "active" else 0
    return Denied(
        client=End.of(client),
        server=End.of(server),
        port=port,
        protocol=protocol,
        service=row["service"],
        direction=direction.name.lower(),
        slot=row["slot"],
        enforced=packets > 0,
        packets=packets,
        # A connection opened before the policies came is judged too, though none was opened since.
        connections=max(row["connections"], row["open_before"]),
        first_seen=row["first_seen"].astimezone(UTC),
        last_seen=row["last_seen"].astimezone(UTC),
        reason=row["reason"],
        why=why(row["reason"], direction, client, server, port, protocol, policies.get(row["slot"])),
    )
