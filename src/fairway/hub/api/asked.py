"""What a question is about: the filter, the view, the time, and what the asker may see at all."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from litestar import Request
from litestar.params import QueryParameter

from fairway.hub.auth import Principal
from fairway.views.filter import (
    EVERYTHING,
    All,
    AnyOf,
    Expression,
    Filter,
    Not,
    Term,
    Word,
    parse_filter,
    parse_moment,
)

USUAL: Final = timedelta(hours=1)
"""The time asked about where nobody says."""
View = Literal["all", "cluster", "cloud", "external"]
_CLOUD, _EXTERNAL = Word("cloud"), Word("external")
_VIEWS: Final[dict[str, Expression]] = {
    "all": EVERYTHING,
    "cluster": Not(Term("kind", "=", (_CLOUD, _EXTERNAL))),
    "cloud": Term("kind", "=", (_CLOUD,)),
    "external": Term("kind", "=", (_EXTERNAL,)),
}


class Asked:
    """`wanted` is what is asked for within what may be seen, of a bounded time; `expression` the filter alone,
    `scope` what the asker may see whatever they ask. `text` tells one question from another. `bounded` is False
    where nobody said since when."""

    # No dataclass: of one the framework would want to validate every field.
    def __init__(self, given: Filter, expression: Expression, scope: Expression, text: str, now: datetime) -> None:
        self.bounded = given.since is not None
        self.wanted = Filter(both(expression, scope), given.since or (given.until or now) - USUAL, given.until)
        self.expression = expression
        self.scope = scope
        self.text = text
        self.now = now

    @property
    def since(self) -> datetime:
        """The beginning of the time."""
        return self.wanted.since or self.now - USUAL

    @property
    def until(self) -> datetime:
        """The end of the time."""
        return self.wanted.until or self.now


def scope_of(principal: Principal) -> Expression:
    """Flows that touch one of somebody's namespaces, with both ends; everything for who is not bound to any."""
    if principal.namespaces is None:
        return EVERYTHING
    if not principal.namespaces:
        return AnyOf(())
    return Term("namespace", "=", tuple(map(Word, principal.namespaces)))


Text = Annotated[str, QueryParameter(description="filter, such as `src.namespace=shop dst.port=5432 since=2h`")]
Since = Annotated[str, QueryParameter(description="beginning: 90s, 5m, 2h, 7d before now, or a time; default 1h")]
Until = Annotated[str, QueryParameter(description="end, in the same words; default now")]
OfView = Annotated[View, QueryParameter(description="within the cluster, with cloud services, with the outside")]


def asked(
    request: Request[Any, Any, Any], q: Text = "", view: OfView = "all", since: Since = "", until: Until = ""
) -> Asked:
    """The dependency of routes that take a filter. `since` and `until` beside the filter yield to those in it."""
    now = datetime.now(UTC)
    given = parse_filter(q, now)
    begin = given.since or (parse_moment("since", since, now) if since else None)
    end = given.until or (parse_moment("until", until, now) if until else None)
    scope = scope_of(request.user)
    text = repr((q, view, since, until, scope))
    return Asked(Filter(EVERYTHING, begin, end), both(given.expression, _VIEWS[view]), scope, text, now)


def both(*expressions: Expression) -> Expression:
    """What all of them are true of."""
    parts = tuple(part for part in expressions if part != EVERYTHING)
    return All(parts) if parts else EVERYTHING
