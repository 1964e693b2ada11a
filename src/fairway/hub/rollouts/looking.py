"""Looking: what a rollout is decided by, out of the cluster, the agents, and the database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.database.trials import denials_since, rarest_use, tallies
from fairway.hub.denials import in_words
from fairway.hub.rollouts.drivers import Driver
from fairway.hub.rollouts.hearing import Kind, heard
from fairway.hub.rollouts.known import Known, called, group_of, is_known, known_edges
from fairway.hub.rollouts.readiness import Readiness
from fairway.hub.rollouts.scoring import Scoring
from fairway.kit.documents import documents_in
from fairway.policy.findings import Severity
from fairway.policy.lint import lint
from fairway.policy.model import Cluster
from fairway.policy.read import read_policy_set
from fairway.policy.rulings import Rulings, read_rulings
from fairway.rollout.drift import spans_in
from fairway.rollout.order import Order
from fairway.rollout.plan import wanted
from fairway.rollout.seen import Broken, Seen, Signal, Tally, Unit
from fairway.rollout.state import Phase, State

if TYPE_CHECKING:
    from fairway.hub.service import Hub

BASELINE: Final = timedelta(days=1)
SPAN: Final = timedelta(minutes=1)
_QUERY: Final = timedelta(seconds=2)
"""Between two looks into the database."""
_AGAIN: Final = timedelta(seconds=10)
_TOLD: Final = 1000
"""Denials that are remembered until the database is asked."""
_ENOUGH: Final = 100
"""Connections of which a 99th percentile is told."""
_RARE: Final = timedelta(days=31)
_SIGNALS: Final = (
    ("failed-connects", "failed", "connections"),
    ("syn-retransmissions", "syn_retransmissions", "connections"),
    ("resets", "resets", "connections"),
    ("dns-unanswered", "dns_unanswered", "dns_asked"),
)


def mistakes(order: Order, cluster: Cluster) -> tuple[str, ...]:
    """What lint calls errors in the order's policies. UsageError if they cannot be read."""
    found = lint(read_policy_set(documents_in("policies", order.policies), cluster), cluster)
    return tuple(f"{one.where}: {one.what}" for one in found if one.severity is Severity.ERROR)


class Looking:
    """Everything that one rollout is decided by. What only the database knows is asked every few seconds; denials
    are also heard of as they come, by `tell`."""

    def __init__(self, hub: "Hub", scoring: Scoring, order: Order, driver: Driver) -> None:
        self._hub = hub
        self._scoring = scoring
        self._order = order
        self._driver = driver
        # What others drop no kernel of ours tells; what policies on trial would drop, all of them tell.
        self._kinds: tuple[Kind, ...] = ("denied",) if order.driver == "modes" else ("denied", "would_deny")
        self._readiness = Readiness()
        self._known: frozenset[Known] = frozenset()
        self._before: list[dict[str, Any]] | None = None
        self._asked: datetime | None = None
        self._knew: datetime | None = None
        self._begun: datetime | None = None
        self._unsure = False
        self._told: list[Broken] = []
        self._seen = Seen()
        self.seen = Seen()

    def tell(self, flows: pa.Table) -> bool:
        """Flows as they come in, from the thread that loads them; whether any denial among them matters."""
        rows = heard(flows, self._kinds)
        told = self._broken(rows)
        self._told += told
        self._unsure |= len(told) < len(rows)
        return bool(told)

    def look(self, state: State, now: datetime) -> Seen:
        """What is seen now. DatabaseError when the database does not answer, NotReadyError without a cluster."""
        cluster = self._hub.require_ready()
        if self._knew is None:
            self._begin(cluster, now)
            self._begun = now
        if self._knew is None or (self._unsure and now - self._knew > _AGAIN):
            self._learn(state, cluster, now)
        scene, asked = self._hub.rollouts.scene(), wanted(state)
        units = self._driver.units(self._order, asked, scene)
        if self._asked is None or now - self._asked >= _QUERY:
            self._ask(state, now)
            self._asked = now
        step = state.steps[-1].begun if state.steps else None
        pods = self._readiness.signals(cluster, self._order.namespaces, step, now)
        due = state.phase in (Phase.STAGED, Phase.ENFORCING) and state.in_flight is None
        unscored, low = self._scoring.look(self._order, self._begun or now, now, wanted=due)
        self.seen = msgspec.structs.replace(
            self._seen,
            units=units,
            blind=_blind(state, units),
            unscored=unscored,
            scores=low,
            unenforced=self._driver.unenforced(self._order, scene),
            denied=self._denied(step, asked.enforcing),
            signals=(*self._seen.signals, *pods) if step is not None else (),
        )
        return self.seen

    def _learn(self, state: State, cluster: Cluster, now: datetime) -> None:
        """What is relied on was seen before the policies were on trial. It is asked for anew when something else
        was denied: what was seen before may have come in late."""
        self._knew, self._unsure = now, False
        rulings = Rulings(tuple(read_rulings(documents_in("decisions", self._order.decisions))), now.date())
        edges, _ = rulings.obeyed(self._hub.base.edges())
        trial = state.staged or now
        self._known = known_edges((edge for edge in edges if edge.first_seen < trial), cluster)

    def _begin(self, cluster: Cluster, now: datetime) -> None:
        """What is asked for once: the rarest use of an edge, and what lint says."""
        rows = self._hub.base.ask(rarest_use(now - _RARE)).to_pylist()
        rarest = timedelta(seconds=int(rows[0]["seconds"] or 0) if rows else 0)
        self._seen = msgspec.structs.replace(self._seen, rarest=rarest, lint=mistakes(self._order, cluster))

    def _ask(self, state: State, now: datetime) -> None:
        """What only the database knows."""
        if state.staged is None:
            return
        would = self._denials("would_deny", state.staged)
        quiet = max((one.last for one in would), default=state.staged)
        self._seen = msgspec.structs.replace(self._seen, would_deny=would, quiet_since=quiet)
        if state.steps:
            # What joins once it is done is held against the day before, not against one of long ago.
            first = state.steps[0 if state.done is None else -1].begun
            signals, times = self._signals(first, state.steps[-1].begun, now)
            denied = tuple(one for kind in self._kinds for one in self._denials(kind, state.steps[-1].begun))
            self._seen = msgspec.structs.replace(self._seen, denied=denied, signals=signals, connect_p99=times)
        else:
            self._seen = msgspec.structs.replace(self._seen, denied=(), signals=(), connect_p99=None)

    def _denials(self, kind: Kind, since: datetime) -> tuple[Broken, ...]:
        return self._broken(self._hub.base.ask(denials_since(kind, since)).to_pylist())

    def _broken(self, rows: Iterable[Mapping[str, Any]]) -> tuple[Broken, ...]:
        """Rows of `denials_since` that are about known edges."""
        return tuple(_broken(row, self._driver.unit_of(row)) for row in rows if is_known(row, self._known))

    def _denied(self, step: datetime | None, enforcing: tuple[str, ...]) -> tuple[Broken, ...]:
        """Those of the database, and those that were told and that it was not asked about yet. What policies would
        deny counts where they are in force by now."""
        if step is None:
            self._told = []
            return ()
        self._told = [one for one in self._told if one.last > step][-_TOLD:]
        found = {(one.client, one.server, one.port): one for one in (*self._told, *self._seen.denied)}
        anywhere = self._order.driver == "modes"
        return tuple(one for one in found.values() if one.last > step and (anywhere or one.unit in enforcing))

    def _signals(
        self, first: datetime, step: datetime, now: datetime
    ) -> tuple[tuple[Signal, ...], tuple[float, float] | None]:
        """Health before the rollout's first step and since the latest; and the 99th percentiles of the time to
        connect in microseconds, where both are known."""
        ask, scope = self._hub.base.ask, self._order.namespaces
        if self._before is None:
            self._before = ask(tallies(first - BASELINE, first, SPAN, scope)).to_pylist()
        after = ask(tallies(step, now, timedelta(days=366), scope)).to_pylist()
        made = []
        for name, bad, of in _SIGNALS:
            since = next(iter(_tallies(after, bad, of)), Tally())
            made.append(
                Signal(
                    name=name, before=_tallies(self._before, bad, of), after=since, spans=spans_in(now - step, SPAN)
                )
            )
        return tuple(made), _connect_times(self._before, after)


def _blind(state: State, units: Iterable[Unit]) -> str:
    silent = [f"{unit.name}: {unit.trouble}" for unit in units if unit.trouble and unit.name in state.enforced]
    return "; ".join(silent[:3])


def _broken(row: Mapping[str, Any], unit: str) -> Broken:
    side = "egress of" if row["reporter"] == "client" else "ingress to"
    return Broken(
        client=group_of(row, "client"),
        server=row["service"] or group_of(row, "server"),
        port=called("", row["port"], row["protocol"]).strip(),
        count=int(row["count"]),
        unit=unit,
        last=datetime.fromtimestamp(row["last_us"] / 1e6, UTC),
        why=f"{side} {group_of(row, row['reporter'])}: {in_words(row['reason'])}",
    )


def _tallies(rows: Sequence[Mapping[str, Any]], bad: str, of: str) -> tuple[Tally, ...]:
    return tuple(Tally(bad=float(row[bad]), of=float(row[of])) for row in rows)


def _connect_times(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> tuple[float, float] | None:
    """With too few connections a percentile means nothing."""
    was, became = (
        [row["connect_p99_us"] for row in rows if row["connects"] >= _ENOUGH] for rows in (before, after)
    )
    # A day has better and worse spans: a step is held against the worst of them.
    return (max(was), max(became)) if was and became else None
