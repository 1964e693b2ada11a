"""From an alarm to its cause, over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.anomalies import may_see
from fairway.hub.api.asked import scope_of
from fairway.hub.api.denials import policies_of
from fairway.hub.api.desk import Desk
from fairway.hub.auth import Principal, Role
from fairway.hub.investigate.looking import BEFORE, Window
from fairway.hub.investigate.subject import subject_of
from fairway.hub.investigate.told import Investigation, investigate
from fairway.hub.service import Hub
from fairway.views.filter import parse_moment

USUAL: Final = 300
Text = Annotated[
    str,
    QueryParameter(description="`namespace/workload`, `CLIENT -> SERVER [PORT/PROTOCOL]`, `node NAME`, an "
                   "anomaly's id, or an alert with its labels", max_length=1024),
]  # fmt: skip
At = Annotated[str, QueryParameter(description="when: 90s, 5m, 2h before now, or a time; default now")]
Length = Annotated[int, QueryParameter(ge=1, le=86400, description="seconds before and after that moment")]


@get("/api/v1/investigate", guards=[only(Role.VIEWER)], tags=["anomalies"], summary="From an alarm to its cause")
async def investigated(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    desk: NamedDependency[Desk],
    subject: Text,
    at: At = "",
    window: Length = USUAL,
) -> Investigation:
    """Causes ranked, and what they are ranked by, within what the asker may see. An anomaly brings its own time
    where none is given."""
    who: Principal = request.user
    now = datetime.now(UTC)
    meant = subject_of(subject, [one for one in hub.anomalies.book.all() if may_see(who, one)])
    if meant.span is not None and not at:
        since, until = meant.span
        chosen = Window(since - BEFORE * (until - since), since, min(until, now))
    else:
        moment = parse_moment("at", at, now) if at else now
        chosen = Window.around(moment, timedelta(seconds=window), now)
    names = who.role.includes(Role.OPERATOR) and who.namespaces is None
    return await desk(lambda: investigate(hub, meant, chosen, scope_of(who), policies_of(hub), who=names))
