"""How long until traffic flows again after a rollout began to deny it: real packets, real agents, in the lab."""

import os
import statistics
from typing import Any

from fairway.hub.client import hub_of
from fairway.kit.errors import EnvironmentLacksError
from fairway.lab import requirements
from fairway.lab.config import LabConfig
from fairway.lab.crew import Crew
from fairway.lab.lab import Lab
from fairway.lab.rolling import abort_all, taken_back, without
from fairway.policy.generate import generate
from fairway.policy.render import render


def back(times: int) -> dict[str, Any]:
    """So many rollouts of a set that lacks a rule. Seconds from the first request that was lost to the first that
    was answered, and from the broken gate to all nodes letting through."""
    if missing := requirements.missing():
        return {"not measured": "; ".join(missing)}
    lab = Lab(LabConfig(f"b{os.getpid()}"))
    crew = Crew(lab)
    users, hubs, lost = [], [], []
    try:
        lab.up(lambda _: None)
        crew.start()
        policies = _policies(lab, crew)
        for number in range(times):
            hub = hub_of(crew.state)
            found, asked = taken_back(lab, hub, f"run-{number}", policies)
            users.append(asked.seconds() or 0.0)
            hubs.append(found["breakage"]["seconds"])
            lost.append(asked.lost)
            abort_all(hub)
            crew.settle()
    finally:
        crew.stop()
        lab.down()
    return {"runs": times, "seconds without answers": _told(users), "seconds from gate to all nodes": _told(hubs),
            "requests lost": _told(lost)}  # fmt: skip


def _policies(lab: Lab, crew: Crew) -> str:
    """What generation makes of all that the shop does, but for what one page needs."""
    while not all(result.ok for result in lab.check(timeout=20)):
        pass
    if not crew.run_job().ok:
        raise EnvironmentLacksError("the lab's job does not run; `fairway lab status` shows why")
    crew.caught_up()
    return without("---\n".join(render(generate(crew.edges(), crew.cluster())).values()), "orders", "ui")


def _told(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "worst": round(max(values), 2)}
