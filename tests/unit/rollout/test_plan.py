"""Rollouts as transcripts, and what holds of every rollout."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.kit.errors import UsageError
from fairway.rollout import state as acts
from fairway.rollout.budgets import Budget
from fairway.rollout.order import Gates, Limits, Order, room
from fairway.rollout.plan import plan, wanted
from fairway.rollout.seen import COMPUTING, Broken, Low, Seen, Signal, Tally, Unit
from fairway.rollout.state import Phase, State

T0 = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ORDER = Order(
    name="shop",
    policies="",
    soak=timedelta(seconds=30),
    gates=Gates(quiet=timedelta(seconds=60)),
    limits=Limits(budgets=(Budget(nodes="34%"),)),
)
UNITS = tuple(Unit(name=f"node-{n}", zone=f"zone-{n % 3}", replicas={"shop/ui": 1}) for n in range(3))
QUIET = Seen(units=UNITS, unscored="", quiet_since=T0 - timedelta(hours=1))
LOST = Broken(client="ui", server="orders", port="8080/TCP", count=3, unit="node-0", last=T0, why="no rule")


class Story:
    """A rollout that is asked again and again, and tells what it did."""

    def __init__(self, order: Order = ORDER, seen: Seen = QUIET) -> None:
        self.seen, self.now = seen, T0
        self.state = State(order=order, since=T0)
        self.waits = ""

    def start(self) -> "Story":
        self.state = acts.start(self.state, self.now)
        return self

    def go(self, seconds: float = 0) -> "Story":
        """Until it waits, after so many seconds."""
        self.now += seconds * SECOND
        while (move := plan(self.state, self.seen, self.now)).state != self.state:
            assert move.state.revision == self.state.revision + 1
            self.state = move.state
        self.waits = move.waits
        self.until = move.until
        return self

    def see(self, **more: object) -> "Story":
        self.seen = msgspec.structs.replace(self.seen, **more)
        return self

    @property
    def told(self) -> tuple[str, str]:
        return str(self.state.phase), " ".join(self.state.enforced)


def test_a_good_set_rolls_over_all_nodes() -> None:
    story = Story().start().go()
    assert (*story.told, story.waits) == ("enforcing", "node-0 node-1", "the soak of 30 s")
    assert story.until == T0 + 30 * SECOND
    assert story.go(29).told == ("enforcing", "node-0 node-1")
    assert story.go(1).told == ("enforcing", "node-0 node-1 node-2")
    assert story.go(30).told == ("done", "node-0 node-1 node-2")
    assert wanted(story.state).on_trial


def test_the_soak_begins_when_all_obey() -> None:
    slow = (UNITS[0], msgspec.structs.replace(UNITS[1], obeys=False), UNITS[2])
    story = Story().start().go()
    story = Story().start()
    story.state = plan(story.state, story.seen, T0).state  # staged
    story.state = plan(story.state, story.seen, T0).state  # node-0 and node-1 begin
    story.see(units=slow).go(100)
    assert (*story.told, story.waits) == ("enforcing", "node-0 node-1", "node-1 to enforce")
    story.see(units=UNITS).go(1)
    assert story.until == story.now + 30 * SECOND


@pytest.mark.parametrize(("how", "left"), [("step", "node-0 node-1"), ("all", "")])
def test_a_denied_known_edge_steps_back(how: str, left: str) -> None:
    story = Story(msgspec.structs.replace(ORDER, back=how)).start().go().go(30)
    assert story.told == ("enforcing", "node-0 node-1 node-2")
    dropping = tuple(msgspec.structs.replace(unit, obeys=False) for unit in UNITS)
    story.see(denied=(LOST,), units=dropping).go(1)
    assert (*story.told, story.waits.split()[-3:]) == ("stepping-back", left, ["to", "stop", "dropping"])
    story.see(units=UNITS).go(2)
    assert story.told == ("stepped-back", left)
    broken = story.state.breakage
    assert broken is not None
    assert ([gate.name for gate in broken.gates], broken.denied, broken.seconds) == (["denied"], (LOST,), 2.0)
    # On trial still: traffic flows, and what would be denied is told.
    assert wanted(story.state) == wanted(msgspec.structs.replace(story.state)).__class__(
        enforcing=tuple(left.split()), on_trial=True
    )


def test_a_signal_steps_back_too() -> None:
    worse = Signal(name="syn-retransmissions", before=(Tally(bad=1, of=500),) * 12, after=Tally(bad=50, of=100))
    story = Story().start().go().see(signals=(worse,)).go(1)
    assert story.told == ("stepped-back", "")
    assert story.state.breakage is not None
    assert [gate.name for gate in story.state.breakage.gates] == ["syn-retransmissions"]


@pytest.mark.parametrize(
    ("seen", "waits"),
    [
        ({"unscored": COMPUTING}, "gate coverage: coverage is being computed"),
        (
            {"scores": (Low(workload="shop/ui", score=71, why="monday was not seen"),)},
            "gate coverage: shop/ui: monday",
        ),
        ({"quiet_since": None}, "gate would-deny: the policies are not on trial yet"),
        ({"quiet_since": T0}, "gate would-deny: it was not watched for so long yet"),
        ({"quiet_since": T0, "would_deny": (LOST,)}, "gate would-deny: ui -> orders 8080/TCP"),
        ({"rarest": timedelta(hours=1)}, "gate would-deny: it was not watched for so long yet"),
        ({"lint": ("shop/ui: DNS forgotten",)}, "gate lint: shop/ui: DNS forgotten"),
        ({"unenforced": ("shop/ui",)}, "gate enforced: shop/ui"),
    ],
)
def test_a_closed_gate_holds_it_and_says_why(seen: dict[str, object], waits: str) -> None:
    story = Story().see(**seen).start().go()
    assert story.told == ("staged", "")
    assert story.waits.startswith(waits)


def test_time_alone_opens_the_quiet_gate_and_it_says_when() -> None:
    story = Story().see(quiet_since=T0).start().go()
    assert story.until == T0 + 60 * SECOND
    assert story.go(60).told == ("enforcing", "node-0 node-1")


def test_an_override_lasts_one_step_and_needs_a_reason() -> None:
    story = Story().see(lint=("odd",)).start().go()
    with pytest.raises(UsageError, match="only with a reason"):
        acts.override(story.state, "lint", "ann", " ", T0)
    story.state = acts.override(story.state, "lint", "ann", "known and harmless", T0)
    assert story.go().told == ("enforcing", "node-0 node-1")
    assert story.go(30).waits == "gate lint: odd"


def test_what_is_told_late_cannot_be_overridden() -> None:
    story = Story().see(units=(msgspec.structs.replace(UNITS[0], obeys=False), *UNITS[1:])).start()
    story.state = acts.override(story.state, "programmed", "ann", "hurry", T0)
    assert story.go().waits == "gate programmed: waiting for node-0 to do what they were told"


def test_a_freeze_window_stops_it_and_says_until_when() -> None:
    office = Budget(nodes="0", schedule="0 9 * * mon-fri", duration="8h")
    limits = Limits(budgets=(*ORDER.limits.budgets, office))
    story = Story(msgspec.structs.replace(ORDER, limits=limits)).start().go()
    assert (story.told, story.waits) == (
        ("staged", ""),
        'a freeze window: nodes: "0" 0 9 * * mon-fri for 8h (UTC)',
    )
    assert story.until == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert story.go(5 * 3600).told == ("enforcing", "node-0 node-1")


def test_not_to_see_holds_the_step_but_breaks_nothing() -> None:
    story = Story().start().go().see(blind="node-0 is silent for 40 s").go(100)
    assert (*story.told, story.waits) == ("enforcing", "node-0 node-1", "gate sight: node-0 is silent for 40 s")


def test_a_node_that_is_not_ready_takes_from_the_budget_and_is_left_for_later() -> None:
    ill = (msgspec.structs.replace(UNITS[0], trouble="its agent is silent"), *UNITS[1:])
    story = Story().see(units=ill).start().go()
    assert story.told == ("enforcing", "node-1")
    assert story.go(30).told == ("enforcing", "node-1 node-2")
    assert story.go(30).waits == "units that cannot be switched: node-0: its agent is silent"
    assert story.see(units=UNITS).go().told == ("enforcing", "node-1 node-2 node-0")


def test_canaries_first_then_zone_by_zone() -> None:
    units = tuple(Unit(name=f"n{n}", zone=f"zone-{n % 2}") for n in range(6))
    limits = Limits(budgets=(Budget(nodes="100%"),), zone_by_zone=True, canary=("n5",))
    story = Story(msgspec.structs.replace(ORDER, limits=limits), msgspec.structs.replace(QUIET, units=units))
    told = [story.start().go().told[1]]
    told += [story.go(30).told[1] for _ in range(2)]
    assert told == ["n5", "n5 n1 n3", "n5 n1 n3 n0 n2 n4"]


def test_no_more_than_a_share_of_a_workloads_replicas_at_once() -> None:
    units = tuple(Unit(name=f"n{n}", replicas={"shop/db": 1} if n < 2 else {"shop/ui": 1}) for n in range(4))
    limits = Limits(budgets=(Budget(nodes="100%"),), replicas=0.5)
    story = Story(msgspec.structs.replace(ORDER, limits=limits), msgspec.structs.replace(QUIET, units=units))
    assert story.start().go().told[1] == "n0 n2"


def test_what_people_do() -> None:
    story = Story().start().go()
    story.state = acts.pause(story.state, story.now)
    assert (*story.go(100).told, story.waits) == ("paused", "node-0 node-1", "a person paused it")
    # A pause stops steps, not the watch over those taken.
    assert Story.go(story.see(denied=(LOST,))).told == ("stepped-back", "")
    for wrong in (acts.pause, acts.resume):
        with pytest.raises(UsageError, match="is stepped-back"):
            wrong(story.state, story.now)
    with pytest.raises(UsageError, match="enforces nowhere"):
        acts.back(story.state, "all", story.now)
    story.state = acts.abort(story.state, story.now)
    assert not wanted(story.state).on_trial
    story.see(denied=()).start().go()
    assert story.told == ("enforcing", "node-0 node-1")


def test_resume_goes_on_where_it_was() -> None:
    story = Story().start().go()
    story.state = acts.resume(acts.pause(story.state, story.now), story.now)
    assert story.go(30).told == ("enforcing", "node-0 node-1 node-2")


def test_a_node_that_joins_later_is_enforced_within_the_budgets_and_watched() -> None:
    story = Story().start().go().go(30).go(30)
    assert story.told == ("done", "node-0 node-1 node-2")
    more = tuple(Unit(name=f"new-{n}") for n in range(2))
    # Gates that ask for proof are for policies that are not in force yet.
    story.see(units=(*UNITS, *more), unscored=COMPUTING, scores=(Low(workload="shop/ui", score=3),), quiet_since=T0)
    office = Budget(nodes="0", schedule="0 9 * * mon-fri", duration="8h")
    frozen = msgspec.structs.replace(story.state.order, limits=Limits(budgets=(office,)))
    held = plan(msgspec.structs.replace(story.state, order=frozen), story.seen, story.now)
    assert (held.state.phase, held.waits.startswith("a freeze window")) == (Phase.DONE, True)
    assert story.go().told == ("enforcing", "node-0 node-1 node-2 new-0 new-1")
    broken = msgspec.structs.replace(LOST, unit="new-0")
    assert Story.go(Story.see(story, denied=(broken,))).told == ("stepped-back", "node-0 node-1 node-2")


def test_once_done_units_that_joined_soak_and_it_is_done_again() -> None:
    story = Story().start().go().go(30).go(30)
    story.see(units=(*UNITS, Unit(name="new"))).go()
    assert story.told == ("enforcing", "node-0 node-1 node-2 new")
    assert story.go(30).told[0] == "done"


UNIT = st.builds(
    Unit,
    name=st.sampled_from([f"n{n}" for n in range(7)]),
    zone=st.sampled_from(("a", "b", "")),
    replicas=st.dictionaries(st.sampled_from(("x", "y")), st.integers(1, 3), max_size=2),
    trouble=st.sampled_from(("", "", "", "silent")),
    obeys=st.booleans(),
)
SEEN = st.builds(
    Seen,
    units=st.lists(UNIT, max_size=7, unique_by=lambda unit: unit.name).map(tuple),
    unscored=st.sampled_from(("", COMPUTING)),
    lint=st.sampled_from(((), (), ("odd",))),
    quiet_since=st.sampled_from((None, T0 - timedelta(days=9), T0)),
    denied=st.sampled_from(((), (), (), (LOST,))),
    blind=st.sampled_from(("", "", "a hub is blind")),
)
LIMITS = st.builds(
    Limits,
    budgets=st.lists(
        st.builds(Budget, nodes=st.sampled_from(("0", "1", "2", "34%", "50%", "100%"))), min_size=1, max_size=2
    ).map(tuple),
    replicas=st.sampled_from((0.3, 1.0)),
    zone_by_zone=st.booleans(),
    canary=st.sampled_from(((), ("n3",))),
)
ORDERS = st.builds(
    Order,
    name=st.just("any"),
    policies=st.just(""),
    limits=LIMITS,
    soak=st.just(30 * SECOND),
    back=st.sampled_from(("step", "all")),
    gates=st.just(Gates(quiet=60 * SECOND)),
)
ACTS = st.sampled_from(("", "", "", "", "start", "pause", "resume", "back", "abort"))


def walked(order: Order, moments: list[tuple[Seen, int, str]]) -> Iterator[tuple[State, State, Seen, datetime]]:
    state, now = acts.start(State(order=order, since=T0), T0), T0
    for seen, seconds, act in moments:
        now += seconds * SECOND
        try:
            match act:
                case "start" | "pause" | "resume" | "abort":
                    state = getattr(acts, act)(state, now)
                case "back":
                    state = acts.back(state, "step", now)
        except UsageError:
            pass
        for _ in range(12):
            after = plan(state, seen, now).state
            yield state, after, seen, now
            if after == state:
                break
            state = after


@settings(max_examples=300)
@given(ORDERS, st.lists(st.tuples(SEEN, st.integers(0, 50), ACTS), max_size=12))
def test_what_holds_of_every_rollout(order: Order, moments: list[tuple[Seen, int, str]]) -> None:
    for before, after, seen, now in walked(order, moments):
        new = set(after.enforced) - set(before.enforced)
        if new:
            # Never more than the budget in flight, never a second step before the first has soaked.
            not_ready = sum(bool(unit.trouble) for unit in seen.units)
            assert len(new) <= room(order, len(seen.units), not_ready, now)
            assert before.in_flight is None
            assert after.in_flight is not None
            assert set(after.in_flight.units) == new
            assert not any(unit.trouble for unit in seen.units if unit.name in new)
            assert not seen.denied or not before.steps
        if seen.denied and before.steps and before.phase in (Phase.ENFORCING, Phase.PAUSED):
            assert after.phase is Phase.STEPPING_BACK
            assert len(after.enforced) < len(before.enforced)
        if before.phase is not Phase.ABORTED:
            assert not acts.abort(before, now).enforced  # always a way back
        # A crash at any point: what was kept is read again and goes on to the same plan.
        again = msgspec.json.decode(msgspec.json.encode(before), type=State)
        assert plan(again, seen, now) == plan(before, seen, now)
