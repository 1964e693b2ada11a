"""Runner: carries rollouts out. A thread looks, asks the plan, keeps its state, and makes it so, in this order.

A state is on disk before anything of it is done, and doing it is writing the hub's intent, which says all of it: a
hub that dies in between and comes again reads the state and writes the same intent.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.auth import Principal, Role
from fairway.hub.intent import Intent, PolicyChoice
from fairway.hub.rollouts.book import Book
from fairway.hub.rollouts.looking import Looking, mistakes, units
from fairway.hub.rollouts.scoring import Scoring
from fairway.hub.wishes import Choice, Wish, kept_as
from fairway.kit.errors import FairwayError, UsageError
from fairway.rollout.order import Order
from fairway.rollout.plan import Plan, plan, wanted
from fairway.rollout.seen import Seen
from fairway.rollout.state import Phase, State

if TYPE_CHECKING:
    from fairway.hub.service import Hub

_TICK: Final = 0.5
_IDLE: Final = (Phase.DRAFTED, Phase.DONE, Phase.ABORTED, Phase.FAILED)
_SELF: Final = Principal(name="rollout", role=Role.OPERATOR)
_TOLD: Final = (
    *(f"{end}_{name}" for end in ("client", "server") for name in ("kind", "namespace", "workload", "name")),
    *("client_address", "server_address", "client_node", "server_node"),
    *("service", "port", "protocol", "reporter", "reason", "denied", "time_end"),
)


class Rollouts:
    """`start` it with the hub; ask through `book`, `plan_of` and `seen_of`, change through `draft` and `act`."""

    def __init__(self, hub: "Hub", log: Callable[[str], None]) -> None:
        self._hub = hub
        self._log = log
        self.book = Book(hub.config.state.rollouts)
        self._looks: dict[str, Looking] = {}
        self._plans: dict[str, Plan] = {}
        self._troubles: dict[str, str] = {}
        self._lock = RLock()
        self._wake = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="rollouts", daemon=True)

    def start(self) -> None:
        """Go on with what was kept; UsageError if a file of it is damaged."""
        self.book.open()
        self._thread.start()

    def close(self) -> None:
        """Stop looking; what is in force stays."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def holder(self) -> str:
        """The rollout that says what is in force now; empty if none does."""
        return next((s.order.name for s in self.book.all() if s.phase not in _IDLE), "")

    def plan_of(self, name: str) -> Plan:
        """What the rollout waits for, as of its last look. UsageError if there is none of that name."""
        state = self.book.find(name)
        latest = self._plans.get(name, Plan(state=state))
        trouble = self._troubles.get(name, "")
        return msgspec.structs.replace(latest, state=state, waits=trouble or latest.waits)

    def seen_of(self, state: State) -> Seen:
        """What was last seen of a rollout; of one that is not under way only its units, as they are now."""
        look = self._looks.get(state.order.name)
        return look.seen if look is not None and state.phase not in _IDLE else self.look_at(state.order)

    def look_at(self, order: Order) -> Seen:
        """What is seen for a rollout that is not under way: its units, and what lint says."""
        cluster = self._hub.require_ready()
        nodes = units(cluster, self._hub.agents, self._hub.obeying(), datetime.now(UTC))
        return Seen(units=nodes, lint=mistakes(order, cluster))

    def draft(self, state: State, who: Principal, why: str = "") -> None:
        """Keep a new rollout, which does nothing until it is started."""
        name = state.order.name
        with self._lock:
            before = self.book.find(name) if self.book.has(name) else None
            if before is not None and (before.phase not in (*_IDLE, Phase.STEPPED_BACK) or before.enforced):
                raise UsageError(f"rollout `{name}` is {before.phase}; abort it before it is ordered anew")
            self._keep(state, who, "drafted", why)
            self._looks.pop(name, None)

    def act(self, name: str, change: Callable[[State], State], who: Principal, done: str, why: str = "") -> State:
        """Change a rollout as a person wants it; UsageError as of the change, or when another holds what is in
        force."""
        with self._lock:
            after = change(self.book.find(name))
            holder = self.holder()
            if after.phase not in _IDLE and holder not in ("", name):
                raise UsageError(f"rollout `{holder}` says what is in force; abort it or let it finish first")
            self._keep(after, who, done, why)
            if after.phase is Phase.OBSERVING:
                self._looks.pop(name, None)
            self._make_so(after)
        self._wake.set()
        return after

    def tell(self, flows: pa.Table) -> None:
        """From the hub's thread: what came in. Denials need not wait until the database is asked."""
        looks = [self._looks[s.order.name] for s in self.book.all() if s.steps and s.order.name in self._looks]
        if not looks:
            return
        denied = flows.filter(pc.equal(flows["verdict"].cast(pa.string()), "deny"))
        rows = [_grouped(row) for row in denied.select(_TOLD).to_pylist()] if len(denied) else []
        if rows and sum(look.tell(rows) for look in looks):
            self._wake.set()

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(_TICK)
            self._wake.clear()
            for state in self.book.all():
                if state.phase in _IDLE:
                    continue
                name = state.order.name
                try:
                    self._move(state)
                    self._troubles.pop(name, None)
                except Exception as error:  # a rollout that stops looking must say so, whatever it was
                    self._trouble(name, error)

    def _trouble(self, name: str, error: Exception) -> None:
        from fairway.hub.service import NotReadyError  # which wires this

        first = next(iter(str(error).splitlines()), "")
        told = first if isinstance(error, FairwayError | OSError | NotReadyError) else f"{error!r}"
        if self._troubles.get(name) != told:
            self._log(f"rollout {name}: {told}; it waits")
        self._troubles[name] = told

    def _move(self, state: State) -> None:
        """Move until it waits. What a state wants is made so before the next is asked for."""
        while not self._ending:
            self._make_so(state)
            now = datetime.now(UTC)
            found = plan(state, self._looking(state).look(state, now), now)
            with self._lock:
                if self.book.find(state.order.name) != state:
                    return  # a person changed it while it was looked at
                self._plans[state.order.name] = found
                if found.state == state:
                    return
                self._keep(found.state, _SELF, _done(state, found.state))
            state = found.state

    def _looking(self, state: State) -> Looking:
        name, order = state.order.name, state.order
        if name not in self._looks:
            self._looks[name] = Looking(self._hub, Scoring(self._hub, order, self._log), order)
        return self._looks[name]

    def _keep(self, after: State, who: Principal, done: str, why: str = "") -> None:
        """In the audit log, then on disk: nothing is done that the log does not tell. Under the lock."""
        name = after.order.name
        detail: dict[str, Any] = {"rollout": name, "phase": after.phase, "enforcing": after.enforced}
        if after.phase is Phase.STEPPING_BACK:
            detail["breakage"] = after.breakage
        self._hub.audit.record(who.name, "rollout", f"{name}: {done}", role=who.role, why=why, detail=detail)
        self.book.keep(after)
        self._log(f"rollout {name}: {done}")

    def _make_so(self, state: State) -> None:
        """Write what the state wants as the hub's intent, unless it says so already."""
        if state.phase is Phase.DRAFTED:
            return
        asked, order, cluster = wanted(state), state.order, self._hub.require_ready()
        # A node that is gone has nothing to enforce, and must not keep others from being switched.
        there = {node.name for node in cluster.nodes}
        nodes = tuple(node for node in asked.enforcing if node in there)
        chosen = Choice(policies=order.policies, posture=order.posture)
        active = msgspec.structs.replace(chosen, nodes=nodes) if nodes else None
        staged = chosen if asked.on_trial else None
        told = Intent(active=self._kept(active), staged=self._kept(staged))
        if self._hub.wanted.read() == told:
            return
        wish = Wish(active=active, staged=staged, why=f"rollout {order.name} is {state.phase}")
        self._hub.wanted.change(wish, cluster, _SELF, lambda _: True)
        self._hub.wake()

    def _kept(self, choice: Choice | None) -> PolicyChoice | None:
        return kept_as(choice, self._hub.config.state) if choice is not None else None


def _done(before: State, after: State) -> str:
    """What happened, in a line."""
    more = [unit for unit in after.enforced if unit not in before.enforced]
    fewer = [unit for unit in before.enforced if unit not in after.enforced]
    words = str(after.phase) if after.phase is not before.phase else ""
    if more:
        words += f", enforcing on {', '.join(more)}"
    if fewer and after.breakage is not None:
        broke = "; ".join(f"{gate.name}: {gate.why}" for gate in after.breakage.gates)
        words += f", taking back {', '.join(fewer)}: {broke}"
    if not more and not fewer and after.steps and after.steps != before.steps:
        step = after.steps[-1]
        words += f"{', '.join(step.units)} {'soaked' if step.soaked else 'enforce'}"
    return words.lstrip(", ")


def _grouped(row: dict[str, Any]) -> dict[str, Any]:
    """A flow as a row of `trials.denials_since`."""
    for end in ("client", "server"):
        row[f"{end}_group"] = (
            row[f"{end}_workload"] if row[f"{end}_kind"] == "pod" else row[f"{end}_name"] or row[f"{end}_address"]
        )
    row["node"] = row[f"{row['reporter']}_node"]
    row["count"] = max(1, row["denied"])
    row["last_us"] = row["time_end"].timestamp() * 1e6
    return row
