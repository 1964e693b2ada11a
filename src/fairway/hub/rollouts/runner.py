"""Runner: carries rollouts out. A thread looks, asks the plan, keeps its state, and makes it so, in this order.

A state is on disk before anything of it is done, and a driver is told all of it, not what changed: a hub that dies
in between and comes again reads the state and has the same done.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from fairway.hub.auth import Principal
from fairway.hub.questions import Coverage
from fairway.hub.rollouts.book import Book
from fairway.hub.rollouts.drivers import SELF, Beside, Driver, Modes, Scene, undisturbed
from fairway.hub.rollouts.looking import Looking, mistakes
from fairway.hub.rollouts.scoring import Scoring, question_of
from fairway.kit.errors import FairwayError, UsageError
from fairway.rollout.order import Order
from fairway.rollout.plan import Plan, Wanted, plan, wanted
from fairway.rollout.seen import Seen
from fairway.rollout.state import Phase, State

if TYPE_CHECKING:
    from fairway.hub.service import Hub

_TICK: Final = 0.5
_REST: Final = 5.0
"""Seconds between two looks for units that joined a rollout that is done."""
_SCORINGS: Final = 16
"""Coverage is remembered for so many thresholds and decisions."""
_IDLE: Final = (Phase.DRAFTED, Phase.DONE, Phase.ABORTED, Phase.FAILED)


class Rollouts:
    """`start` it with the hub; ask through `book`, `plan_of` and `seen_of`, change through `draft` and `act`."""

    def __init__(self, hub: "Hub", log: Callable[[str], None]) -> None:
        self._hub = hub
        self._log = log
        self.book = Book(hub.config.state.rollouts)
        outside = {name: Beside(hub, driver) for name, driver in hub.config.drivers.items()}
        self._drivers: Mapping[str, Driver] = {"modes": Modes(hub), **outside}
        self._looks: dict[str, Looking] = {}
        self._scorings: dict[Coverage, Scoring] = {}
        self._plans: dict[str, Plan] = {}
        self._troubles: dict[str, str] = {}
        self._rests: dict[str, float] = {}
        self._owed: set[str] = set()
        """Rollouts that ended, and whose driver has not taken everything back yet."""
        self._lock = RLock()
        self._wake = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="rollouts", daemon=True)

    def start(self) -> None:
        """Go on with what was kept; UsageError if a file of it is damaged."""
        self.book.open()
        self._owed = {
            s.order.name for s in self.book.all() if s.phase is Phase.ABORTED and s.order.driver != "modes"
        }
        self._thread.start()

    def close(self) -> None:
        """Stop looking; what is in force stays."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for driver in self._drivers.values():
            driver.close()

    def holder(self) -> str:
        """The rollout that says what is in force now; empty if none does."""
        return next((s.order.name for s in self.book.all() if self._holds(s)), "")

    def plan_of(self, name: str) -> Plan:
        """What the rollout waits for, as of its last look. UsageError if there is none of that name."""
        state = self.book.find(name)
        latest = self._plans.get(name, Plan(state=state))
        trouble = self._troubles.get(name, "")
        return msgspec.structs.replace(latest, state=state, waits=trouble or latest.waits)

    def seen_of(self, state: State) -> Seen:
        """What was last seen of a rollout; of one that is not under way only its units, as they are now."""
        look = self._looks.get(state.order.name)
        return (
            look.seen
            if look is not None and state.phase not in _IDLE
            else self.look_at(state.order, score=state.phase is Phase.DRAFTED)
        )

    def look_at(self, order: Order, *, score: bool) -> Seen:
        """What is seen for a rollout that is not under way: its units, what lint says and, where it is to `score`,
        coverage, which takes its time: ask again."""
        scene, driver = self.scene(), self.driver(order)
        idle = Wanted(enforcing=(), on_trial=False)
        state = self.book.find(order.name) if self.book.has(order.name) else None
        asked = wanted(state) if state is not None else idle
        unscored, low = self._scoring(order).look(order, None, scene.now, wanted=score)
        return Seen(
            units=driver.units(order, asked, scene),
            unscored=unscored,
            scores=low,
            lint=mistakes(order, scene.cluster),
            unenforced=driver.unenforced(order, scene),
        )

    def driver(self, order: Order) -> Driver:
        """Who carries an order out; UsageError if this hub cannot."""
        if order.driver not in self._drivers:
            raise UsageError(f"driver `{order.driver}` needs a hub that is connected to a Kubernetes API")
        return self._drivers[order.driver]

    def scene(self) -> Scene:
        """What drivers look at. NotReadyError without a cluster."""
        cluster = self._hub.require_ready()
        return Scene(cluster, self._hub.obeying(), self._hub.orders, datetime.now(UTC))

    def draft(self, state: State, who: Principal, why: str = "") -> None:
        """Keep a new rollout, which does nothing until it is started."""
        name = state.order.name
        with self._lock:
            before = self.book.find(name) if self.book.has(name) else None
            ended = before is None or before.phase is Phase.STEPPED_BACK or not self._holds(before)
            if before is not None and (not ended or before.enforced):
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
            try:
                self._make_so(after)
            except (FairwayError, OSError) as error:  # it is kept, and tried again
                self._trouble(name, error)
        self._wake.set()
        return after

    def tell(self, flows: pa.Table) -> None:
        """From the hub's thread: what came in. Denials need not wait until the database is asked."""
        looks = [self._looks[s.order.name] for s in self.book.all() if s.steps and s.order.name in self._looks]
        if sum(look.tell(flows) for look in looks):
            self._wake.set()

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(_TICK)
            self._wake.clear()
            for state in self.book.all():
                name = state.order.name
                try:
                    if self._under_way(state):
                        self._move(state)
                    self._troubles.pop(name, None)
                except Exception as error:  # a rollout that stops looking must say so, whatever it was
                    self._trouble(name, error)

    def _under_way(self, state: State) -> bool:
        """Is there something to look at or to do? One that is done goes on with units that join, which is looked
        for now and then, as long as nobody else says what is in force."""
        if state.phase is not Phase.DONE:
            return self._holds(state)
        name, now = state.order.name, time.monotonic()
        if now < self._rests.get(name, 0.0):
            return False
        self._rests[name] = now + _REST
        return undisturbed(self._hub, state.order, wanted(state), self._hub.require_ready())

    def _holds(self, state: State) -> bool:
        return state.phase not in _IDLE or (state.phase is Phase.ABORTED and state.order.name in self._owed)

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
            if state.phase in _IDLE and state.phase is not Phase.DONE:
                return
            found = plan(state, self._seen(state, now), now)
            with self._lock:
                if self.book.find(state.order.name) != state:
                    return  # a person changed it while it was looked at
                self._plans[state.order.name] = found
                if found.state == state:
                    return
                self._keep(found.state, SELF, _done(state, found.state))
            state = found.state

    def _seen(self, state: State, now: datetime) -> Seen:
        """All that a rollout is decided by; once it is done only its units, which is cheap enough for ever."""
        if state.phase is not Phase.DONE:
            return self._looking(state).look(state, now)
        self._looks.pop(state.order.name, None)
        return Seen(units=self.driver(state.order).units(state.order, wanted(state), self.scene()))

    def _looking(self, state: State) -> Looking:
        name, order = state.order.name, state.order
        if name not in self._looks:
            self._looks[name] = Looking(self._hub, self._scoring(order), order, self.driver(order))
        return self._looks[name]

    def _scoring(self, order: Order) -> Scoring:
        """What orders that ask the same share."""
        asked = question_of(order)
        with self._lock:
            scoring = self._scorings.pop(asked, None) or Scoring(self._hub, asked, self._log)
            self._scorings[asked] = scoring
            while len(self._scorings) > _SCORINGS:
                del self._scorings[next(iter(self._scorings))]
        return scoring

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
        """Have the driver do what the state wants; after an end it may take more than one call."""
        name = state.order.name
        if state.phase is Phase.DRAFTED:
            return
        self._owed.add(name)
        if self.driver(state.order).make_so(state.order, wanted(state), self.scene()):
            self._owed.discard(name)


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
