"""Rolling: the demo's rollouts. A good set goes over all nodes while people ask; one that lacks a rule comes back.

Hours of a real cluster are seconds here.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from fairway.hub.client import Client, hub_of
from fairway.hub.target import text_of
from fairway.lab.crew import Crew
from fairway.lab.lab import Lab
from fairway.lab.telling import Step, StepFailedError, Telling, require
from fairway.rollout.budgets import Budget
from fairway.rollout.order import Back, Gates, Limits, Order
from fairway.wire.words import Posture

_PATH: Final = "/api/v1/rollouts"
_PATIENCE: Final = 120.0
"""Seconds for one phase; some are normal."""
_OFFICE: Final = Budget(nodes="0", schedule="@hourly", duration="1h")
"""A freeze window that is always open, so that it shows."""
_BROKEN: Final = "/topology"
"""The page that asks orders, which ordinary users never open."""


@dataclass
class Users:
    """People who ask for a page all the time: when they began to and ended, and whether they got it."""

    asked: list[tuple[float, float, bool]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Questions without an answer."""
        return sum(not ok for _, _, ok in self.asked)

    def seconds(self) -> float | None:
        """From the first question to the first answer, which may be the first one's, late."""
        return next((ended - self.asked[0][0] for _, ended, ok in self.asked if ok), None)


@contextmanager
def asking(lab: Lab, path: str) -> Iterator[Users]:
    """Somebody asks for a page ten times a second, or as fast as answers come."""
    users, ended = Users(), threading.Event()

    def ask() -> None:
        while not ended.is_set():
            at = time.monotonic()
            ok = lab.visit(path) == 200
            users.asked.append((at, time.monotonic(), ok))
            ended.wait(0.1)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield users
    finally:
        ended.set()
        thread.join()


def play(telling: Telling, step: Step, crew: Crew, folder: Path) -> None:
    """The good set, a freeze window, and the set that is taken back; `folder` has the good one."""
    hub, good = hub_of(crew.state), text_of([folder])
    try:
        _frozen(telling, hub, good)
        _good(telling, step, crew, hub, good)
        _bad(telling, step, crew, hub, without(good, "orders", "ui"))
    finally:
        abort_all(hub)
    crew.settle()


def without(policies: str, namespace: str, client: str) -> str:
    """The same policies, those of a namespace no longer letting in what comes from another one."""
    documents = list(yaml.safe_load_all(policies))
    for document in documents:
        if document["metadata"].get("namespace") == namespace:
            rules = document["spec"].get("ingress") or []
            for rule in rules:
                rule["from"] = [peer for peer in rule.get("from") or () if _namespace(peer) != client]
            document["spec"]["ingress"] = [rule for rule in rules if rule["from"]]
    return yaml.safe_dump_all(documents)


def _namespace(peer: Any) -> str:
    labels = (peer.get("namespaceSelector") or {}).get("matchLabels") or {}
    return str(labels.get("kubernetes.io/metadata.name", ""))


def _frozen(telling: Telling, hub: Client, policies: str) -> None:
    order = _order("frozen", policies, "100%")
    frozen = msgspec.structs.replace(order, limits=Limits(budgets=(*order.limits.budgets, _OFFICE)))
    foreseen = _ask(hub, "/preview", frozen)["foreseen"]
    require(not foreseen["steps"], "a freeze window should have allowed no step")
    telling.say(f"in a freeze window nothing would go: {foreseen['frozen']}, until {foreseen['until'][11:16]} UTC")


def _good(telling: Telling, step: Step, crew: Crew, hub: Client, policies: str) -> None:
    telling.say('the generated set, 34% of the nodes at once, watched for 2 s each; "34%" of three is two')
    with telling.doing("rolling it out while people ask for the shop's page"), asking(crew.lab, "/home") as users:
        start(hub, _order("good", policies, "34%"))
        found = _until(hub, "good", lambda found: found["phase"] in ("done", "stepped-back"))
    _tell(telling, found)
    telling.say(f"{len(users.asked)} requests meanwhile, {users.lost} without an answer")
    step.figures |= {"good_steps": len(found["steps"]), "good_requests": len(users.asked), "good_lost": users.lost}
    require(found["phase"] == "done", f"the good set did not go through: {found['waits'] or found['breakage']}")
    require(not users.lost, "a request was lost while the good set was rolled out")


def _bad(telling: Telling, step: Step, crew: Crew, hub: Client, policies: str) -> None:
    telling.say(f"the same, but orders lets in ui no more, which only {_BROKEN} needs; on all nodes at once")
    with telling.doing(f"rolling it out; nobody opens {_BROKEN} before it is in force"):
        found, users = taken_back(crew.lab, hub, "bad", policies)
    _tell(telling, found)
    for one in found["breakage"]["denied"]:
        telling.say(f"[red]✗[/red] {one['client']} → {one['server']} {one['port']}: {one['why']}", more=2)
    took, seconds = found["breakage"]["seconds"], users.seconds() or 0
    lost = f"{users.lost} requests lost, answered again {seconds:.1f} s after the first"
    telling.say(f"taken back in {took:.1f} s; {lost}")
    step.figures |= {"bad_lost": users.lost, "bad_seconds": round(seconds, 1), "back_seconds": round(took, 2)}
    broken = {f"{one['client']} -> {one['server'].partition(':')[0]}" for one in found["breakage"]["denied"]}
    require(broken == {"ui/ui -> orders/orders"}, f"expected exactly ui -> orders to break, not {broken}")


def taken_back(lab: Lab, hub: Client, name: str, policies: str) -> tuple[Any, Users]:
    """Roll out a set that breaks a page, open the page once it is in force, and wait until it answers again: the
    rollout, and those who asked. StepFailedError if it does not come back."""
    start(hub, _order(name, policies, "100%", soak=60, back="all"))
    _until(hub, name, lambda found: found["waits"].startswith("the soak"))
    with asking(lab, _BROKEN) as users:
        found = _until(hub, name, lambda found: found["phase"] == "stepped-back")
        deadline = time.monotonic() + _PATIENCE
        while users.seconds() is None:
            require(time.monotonic() < deadline, f"{_BROKEN} never answered again")
            time.sleep(0.05)
    return found, users


def _order(name: str, policies: str, budget: str, soak: float = 2, back: Back = "step") -> Order:
    return Order(
        name=name,
        policies=policies,
        posture=Posture.DENY,
        limits=Limits(budgets=(Budget(nodes=budget),)),
        gates=Gates(score=0, quiet=timedelta(seconds=1), periods=0),
        soak=timedelta(seconds=soak),
        back=back,
    )


def start(hub: Client, order: Order) -> None:
    """Order it and start it."""
    _ask(hub, "/", {"order": order, "why": "the demo"})
    _ask(hub, f"/{order.name}/start", {"why": "the demo"})


def _until(hub: Client, name: str, what: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + _PATIENCE
    while not what(found := hub.answer(f"rollouts/{name}")):
        if time.monotonic() > deadline:
            raise StepFailedError(f"rollout {name} is {found['phase']} and waits for {found['waits']}")
        time.sleep(0.1)
    return found


def _tell(telling: Telling, found: Any) -> None:
    steps = [", ".join(one["units"]) for one in found["steps"]]
    gates = "; ".join(f"gate {one['name']} broke" for one in (found["breakage"] or {"gates": ()})["gates"])
    telling.say(f"rollout {found['name']}: {found['phase']}; {gates or 'steps: ' + ' | '.join(steps)}")


def abort_all(hub: Client) -> None:
    """Take everything back that rollouts have put in force or on trial."""
    for one in hub.answer("rollouts"):
        _ask(hub, f"/{one['name']}/abort", {})


def _ask(hub: Client, path: str, content: Any) -> Any:
    return msgspec.json.decode(hub.ask(f"{_PATH}{path}", method="POST", body=msgspec.json.encode(content)))
