"""Trial: what policies on trial would have denied, for whoever keeps account of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.seen import denials
from fairway.hub.denials import why
from fairway.hub.rows import endpoint_of, rows_of
from fairway.hub.surroundings import WouldDeny
from fairway.policy.model import PolicySet
from fairway.views.filter import EVERYTHING, Filter
from fairway.wire.words import Direction

_MOST: Final = 10_000
_UNTOLD: Final = {
    f"{end}_{name}": value
    for end in ("client", "server")
    for name, value in {"ports": "[]", "node": "", "zone": ""}.items()
}


def would_deny(base: FlowBase, since: datetime, policies: PolicySet | None) -> Iterator[WouldDeny]:
    """What the staged slot denied since a minute began, named by `policies`; the latest 10,000 kinds of it."""
    asked = denials(Filter(EVERYTHING, since, None), datetime.now(UTC), _MOST)
    for row in rows_of(base.ask(asked)):
        if row["slot"] != "staged":
            continue
        row = {**row, **_UNTOLD}
        client, server = endpoint_of(row, "client"), endpoint_of(row, "server")
        direction = Direction.EGRESS if row["reporter"] == "client" else Direction.INGRESS
        yield WouldDeny(
            subject=client if direction is Direction.EGRESS else server,
            direction=direction,
            connections=max(row["connections"], row["open_before"]),
            last_seen=row["last_seen"].astimezone(UTC),
            reason=why(row["reason"], direction, client, server, row["port"], row["protocol"], policies),
        )
