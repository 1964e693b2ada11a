"""Rollouts on the lab: a good set goes through, a bad one is taken back, a killed hub goes on, a window waits."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairway.cli.main import main
from fairway.hub.client import hub_of
from fairway.lab import requirements
from fairway.lab.config import LabConfig
from fairway.lab.crew import Crew
from fairway.lab.lab import Lab
from fairway.lab.rolling import asking
from fairway.policy.generate import generate
from fairway.policy.render import render

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(bool(requirements.missing()), reason="; ".join(requirements.missing())),
]

NAME = f"r{os.getpid()}"
SHORT = ["--posture", "deny", "--soak", "3s", "--quiet", "2s", "--score", "0"]
"""Hours of a real cluster are seconds here."""


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """A shop at work, seen for a while, but for what ordinary users never do."""
    lab = Lab(LabConfig(NAME))
    crew = Crew(lab)
    try:
        lab.up(lambda _: None)
        crew.start()
        assert all(result.ok for result in lab.check(topology=False, timeout=20))
        assert crew.run_job().ok
        crew.caught_up()
        yield crew
    finally:
        crew.stop()
        lab.down()


@pytest.fixture
def policies(crew: Crew, tmp_path: Path) -> Path:
    """What generation makes of all that was seen."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for name, content in render(generate(crew.edges(), crew.cluster())).items():
        (folder / name).write_text(content)
    return folder


@dataclass
class Verbs:
    """`fairway rollout ...` as a person types it."""

    crew: Crew
    capsys: pytest.CaptureFixture[str]

    def __call__(self, verb: str, *arguments: object) -> tuple[int, Any]:
        words = ["rollout", verb, *map(str, arguments), "--state", str(self.crew.state.folder), "--output", "json"]
        code = main(words)
        told = self.capsys.readouterr().out
        return code, json.loads(told.splitlines()[-1]) if told else None

    def until(self, name: str, what: Callable[[Any], bool], seconds: float = 120) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            found = hub_of(self.crew.state).answer(f"rollouts/{name}")
            if what(found):
                return found
            assert time.monotonic() < deadline, f"{found['phase']}: {found['waits']}"
            time.sleep(0.1)


@pytest.fixture
def verbs(crew: Crew, capsys: pytest.CaptureFixture[str]) -> Iterator[Verbs]:
    own = Verbs(crew, capsys)
    yield own
    for one in hub_of(crew.state).answer("rollouts"):
        own("abort", one["name"])


def enforcing(found: Any) -> list[str]:
    return [unit["name"] for unit in found["units"] if unit["mode"] == "enforce"]


def test_a_good_set_rolls_over_all_nodes_and_nobody_notices(crew: Crew, policies: Path, verbs: Verbs) -> None:
    code, plan = verbs("plan", "good", "--policies", policies, *SHORT, "--budget", "34%")
    assert plan["foreseen"]["steps"] == [["node-a", "node-b"], ["node-c"]]
    assert code == 1  # coverage, and the trial, are still to come
    with asking(crew.lab, "/home") as users:
        verbs("start", "good", "--policies", policies, *SHORT, "--budget", "34%", "--why", "a test")
        # What ui says it calls, and never did, is no secret to coverage: a person has to say that it may be.
        waiting = verbs.until("good", lambda found: "orders" in found["waits"])
        assert "ui" in waiting["waits"]
        verbs("override", "good", "coverage", "--why", "nobody visits /topology")
        verbs.until("good", lambda found: len(enforcing(found)) == 2)
        verbs("override", "good", "coverage", "--why", "nobody visits /topology")
        found = verbs.until("good", lambda found: found["phase"] == "done")
    assert enforcing(found) == ["node-a", "node-b", "node-c"]
    assert len(users.asked) > 20
    assert users.lost == 0
    assert all(result.ok for result in crew.lab.check(topology=False, timeout=20))
    _, log = verbs("log", "good")
    assert [entry["who"] for entry in log][-2:] == ["first operator", "first operator"]


def test_a_call_first_made_after_enforcing_is_let_through_again(
    crew: Crew, policies: Path, verbs: Verbs, record_property: Callable[[str, object], None]
) -> None:
    verbs("start", "bad", "--policies", policies, *SHORT, "--budget", "100%", "--back", "all", "--soak", "60s")
    verbs.until("bad", lambda found: "orders" in found["waits"])
    verbs("override", "bad", "coverage", "--why", "nobody visits /topology")
    verbs.until("bad", lambda found: found["waits"].startswith("the soak"))
    with asking(crew.lab, "/topology") as users:
        found = verbs.until("bad", lambda found: found["phase"] == "stepped-back", 20)
        back = time.monotonic()
        while users.seconds() is None and time.monotonic() < back + 20:
            time.sleep(0.05)
    answered = users.seconds()
    assert answered is not None
    record_property("requests lost", users.lost)
    record_property("seconds until they were answered again", round(answered, 1))
    assert enforcing(found) == []
    broken = {(one["client"], one["server"]) for one in found["breakage"]["denied"]}
    assert broken == {("ui/ui", "orders/orders:80")}
    # The report offers what is missing, and it is enough.
    crew.caught_up()
    code, amended = verbs("amend", "bad")
    assert (code, amended["passes"]) == (0, True)
    assert amended["policies"] == ["orders/orders-amended", "ui/ui-amended"]
    (policies / "amended.yaml").write_text(amended["yaml"])
    verbs("start", "bad", "--policies", policies, *SHORT, "--budget", "100%")
    verbs.until("bad", lambda found: found["phase"] == "done")
    assert all(result.ok for result in crew.lab.check(timeout=20))


@pytest.fixture
def everything_seen(crew: Crew) -> None:
    assert crew.lab.visit("/topology") == 200
    crew.caught_up()


@pytest.mark.usefixtures("everything_seen")
def test_a_hub_killed_in_the_middle_of_a_step_goes_on(crew: Crew, policies: Path, verbs: Verbs) -> None:
    verbs("start", "killed", "--policies", policies, *SHORT, "--budget", "1", "--soak", "5s")
    verbs.until("killed", lambda found: len(enforcing(found)) == 1)
    with asking(crew.lab, "/home") as users:
        crew.lab.stop("hub", signal.SIGKILL)
        crew.start_hub()
        found = verbs.until("killed", lambda found: found["phase"] == "done")
    assert users.lost == 0
    assert [step["units"] for step in found["steps"]] == [["node-a"], ["node-b"], ["node-c"]]


@pytest.mark.usefixtures("everything_seen")
def test_a_freeze_window_holds_it_and_says_until_when(policies: Path, verbs: Verbs, tmp_path: Path) -> None:
    order = tmp_path / "order.yaml"
    order.write_text(
        "limits: {budgets: [{nodes: '100%'}, {nodes: '0', schedule: '@hourly', duration: 1h}]}\n"
        "soak: 3s\ngates: {quiet: 1s, score: 0}\n"
    )
    verbs("start", "frozen", "--order", order, "--policies", policies)
    found = verbs.until("frozen", lambda found: "freeze" in found["waits"])
    assert found["waits"] == 'a freeze window: nodes: "0" @hourly for 1h (UTC)'
    assert found["until"] is not None
    assert enforcing(found) == []
