"""The demo: the whole loop on real packets, in ten steps, each of which must hold."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.markup import escape

from fairway.cloud.ranges import read_ranges
from fairway.hub.client import hub_of
from fairway.hub.denials import Denial, read_denials
from fairway.hub.intent import Intent, PolicyChoice
from fairway.lab import rolling, story
from fairway.lab.check import CheckResult
from fairway.lab.crew import Crew
from fairway.lab.extras import Attempt
from fairway.lab.lab import Lab
from fairway.lab.observing import complete, observe_for
from fairway.lab.recording import Recording
from fairway.lab.status import LongLived
from fairway.lab.story import Observation
from fairway.lab.telling import Step, Telling, require
from fairway.policy.model import PolicySet
from fairway.wire.words import Posture

STEPS: Final = 10
STAGED_FOR: Final = 8.0
"""Seconds that the staged policies watch live traffic before the intruder comes."""
BACK_UP: Final = 40.0
"""Seconds that the shop may take to recover: TCP's own retries, probes and the load balancer's checks."""


@dataclass(slots=True)
class Demo:
    """Plays the story on a lab of its own. `folder` gets the generated policies."""

    lab: Lab
    folder: Path
    telling: Telling = field(default_factory=lambda: Telling(STEPS))
    crew: Crew = field(init=False)
    policies: PolicySet = field(init=False)
    long_lived: list[LongLived] = field(default_factory=list)
    owns_lab: bool = False
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.crew = Crew(self.lab)

    def play(self) -> bool:
        """All steps in turn, up to the first that does not hold; whether all held."""
        seen: list[Observation] = []
        chapters: Sequence[tuple[str, str, Callable[[Step, list[Observation]], None]]] = (
            ("lab", "Lab up: a cluster of namespaces with a shop in it", self._lab_up),
            ("blind-deny", "Blind default-deny, as teams do it", self._blind_deny),
            ("observe", "Observe with default-allow", self._observe),
            ("enough", "Enough seen?", self._enough),
            ("generate", "Generate standard NetworkPolicies", self._generate),
            ("prove", "Prove: replay what was recorded", self._prove),
            ("stage", "Stage: judge live traffic in the kernel, drop nothing", self._stage),
            ("enforce", "Enforce default-deny node by node", self._enforce),
            ("verify", "The shop works, the intruder does not", self._verify),
            ("rollout", "The same as a rollout: behind gates, and back by itself", self._rollout),
        )
        for number, (name, title, play) in enumerate(chapters, start=1):
            with self.telling.step(number, name, title) as step:
                play(step, seen)
            if not step.ok:
                return False
        return True

    def _lab_up(self, step: Step, _: list[Observation]) -> None:
        with self.telling.doing("bringing up nodes, pods, Services, DNS and the load balancer"):
            self.lab.up(lambda _: None)
        self.owns_lab = True
        results = self._works("just after the start")
        pods = self.lab.status()
        rows = [
            {"node": node.name, "zone": node.zone, "pods": sum(pod.node == node.name for pod in pods)}
            for node in self.lab.nodes
        ]
        self.telling.table(rows, right=("pods",))
        self.telling.say(_worked(results))
        step.figures |= {"nodes": len(rows), "pods": len(pods), "checks": len(results)}

    def _blind_deny(self, step: Step, _: list[Observation]) -> None:
        self.crew.start()
        self.telling.say("enforcing deny on every node, with no policy at all")
        self.crew.intend(Intent(active=PolicyChoice(posture=Posture.DENY)))
        with self.telling.doing("waiting for the probes to notice"):
            down = _within(20.0, lambda: self.lab.visit("/") != 200 and self.lab.unready())
        failed = [result for result in self.lab.check() if not result.ok]
        unready = self.lab.unready()
        self.telling.table([{"what": r.name, "came_of_it": r.detail[:60]} for r in _sample(failed)])
        self.telling.say(f"{len(failed)} checks fail, {len(unready)} pods are not ready: the shop is offline")
        require(down and failed and unready, "default-deny without policies should have taken the shop offline")
        self.telling.say("taking it back")
        taken_back = time.monotonic()
        self.crew.intend(Intent())
        self._works("after taking it back")
        recovery = round(time.monotonic() - taken_back, 1)
        self.telling.say(f"the shop is up again, {recovery} s after")
        self.crew.stop()
        step.figures |= {"failed_checks": len(failed), "unready_pods": len(unready), "recovery_seconds": recovery}

    def _observe(self, step: Step, seen: list[Observation]) -> None:
        self.crew.start()
        with self.telling.doing("watching every pod's interface until nothing new comes"):
            seen.append(observe_for(self.crew))
        story.observe(self.telling, step, seen[-1])

    def _enough(self, step: Step, seen: list[Observation]) -> None:
        before = story.enough(self.telling, seen[-1])
        step.figures["blocking_before"] = sum(f.blocks for f in before.findings)
        require(not before.enough, "nobody opened /topology and no job ran: it should have said no")
        with self.telling.doing("opening /topology and running the batch job"):
            seen.append(complete(self.crew))
        after = story.enough(self.telling, seen[-1])
        step.figures["blocking_after"] = sum(f.blocks for f in after.findings)
        require(after.enough, "after the visit and the job it should have said yes")

    def _generate(self, step: Step, seen: list[Observation]) -> None:
        published = read_ranges(self.lab.ranges_file).networks()
        self.policies = story.write_policies(self.telling, step, seen[-1], published, self.folder)

    def _prove(self, step: Step, seen: list[Observation]) -> None:
        story.prove(self.telling, step, Observation(self.crew.edges(), seen[-1].cluster), self.policies)

    def _stage(self, step: Step, _: list[Observation]) -> None:
        self.long_lived = self.lab.long_lived()
        # The intruder's pod is there from now on; what it does must show as what policies would deny.
        self.lab.start_intruder()
        self.crew.intend(Intent(staged=self._choice(self.folder)))
        staged_at = datetime.now(UTC)
        with self.telling.doing("judging live traffic; the users browse on, /topology and the job included"):
            complete(self.crew)
            time.sleep(STAGED_FOR)
        known = self._denials(staged_at)
        self.telling.say(f"would be denied on known edges: {len(known)}")
        self._tell_denials(known)
        attempts = self.lab.intrude()
        self._show(attempts)
        would = self._reported(staged_at)
        self.telling.say("would be denied now:")
        self._tell_denials(would)
        step.figures |= {"would_deny_known": len(known), "would_deny_intruder": len(would)}
        require(not known, "a known edge would be denied")
        require(all(attempt.reached for attempt in attempts), "on trial nothing is dropped, and an attempt failed")
        require(
            all(d.client.group == "dev/intruder" for d in would), "somebody else than the intruder would be denied"
        )
        require(self._targets(would) >= self._targets(attempts), "an attempt of the intruder went unnoticed")

    def _enforce(self, step: Step, _: list[Observation]) -> None:
        applied = self.lab.apply(self.folder)
        self.telling.say(f"{len(applied)} NetworkPolicies applied to the cluster; nothing enforces them yet")
        rows = []
        for count, node in enumerate(self.lab.nodes, start=1):
            nodes = tuple(n.name for n in self.lab.nodes[:count])
            self.crew.intend(Intent(active=self._choice(self.lab.policies_dir, nodes)))
            results = self._works(f"with {node.name} enforcing", patience=20.0)
            slowest = max(results, key=lambda result: result.seconds)
            rows.append(
                {
                    "node": node.name,
                    "zone": node.zone,
                    "enforcing": f"{count} of {len(self.lab.nodes)}",
                    "checks": f"{len(results)} of {len(results)} work",
                    "slowest": f"{slowest.seconds * 1000:.0f} ms",
                }
            )
        self.telling.table(rows, right=("slowest",))
        step.figures |= {"nodes_enforcing": len(rows)}

    def _verify(self, step: Step, _: list[Observation]) -> None:
        enforced_at = datetime.now(UTC)
        results = self._works("with every node enforcing")
        self.telling.say(_worked(results))
        job = self.crew.run_job()
        require(job.ok, f"the batch job fails under enforcement: {job.output.strip()[-200:]}")
        self.telling.say(f"the batch job ran in {job.seconds:.1f} s, in a new pod")
        alive = self.lab.long_lived()
        kept = {(c.pod, c.opened_at) for c in self.long_lived} == {(c.pod, c.opened_at) for c in alive if c.alive}
        self.telling.say(
            f"connections to the broker, opened before: {len(alive)}, all alive: {'yes' if kept else 'no'}"
        )
        require(kept and alive, "a long-lived connection was lost")
        attempts = self.lab.intrude()
        self._show(attempts)
        require(not any(attempt.reached for attempt in attempts), "the intruder reached a database")
        denied = self._reported(enforced_at)
        self._tell_denials(denied)
        require(denied, "the intruder's attempts were not reported")
        require(all(d.client.group == "dev/intruder" for d in denied), "somebody else than the intruder was denied")
        step.figures |= {"checks": len(results), "broker_connections_kept": len(alive), "denied": len(denied)}
        self._totals(step)

    def _rollout(self, step: Step, _: list[Observation]) -> None:
        self.crew.intend(Intent())
        rolling.play(self.telling, step, self.crew, self.folder)

    def _totals(self, step: Step) -> None:
        agents, edges = hub_of(self.crew.state).agents().agents.values(), self.crew.edges()
        losses: dict[str, int] = {}
        for agent in agents:
            for name, count in agent.losses.items():
                losses[name] = losses.get(name, 0) + count
        step.figures |= {
            "packets": sum(agent.packets for agent in agents),
            "flows": sum(edge.connections for edge in edges),
            "edges": len(edges),
            "policies": len(self.policies.policies),
            "losses": {name: count for name, count in losses.items() if count},
            "total_seconds": round(time.monotonic() - self.began, 1),
        }
        figures = step.figures
        self.telling.say(
            f"{figures['packets']} packets, {figures['flows']} flows on {figures['edges']} edges, "
            f"{figures['policies']} policies, {figures['total_seconds']} s in all"
        )

    def _choice(self, policies: Path, nodes: tuple[str, ...] | None = None) -> PolicyChoice:
        return PolicyChoice(policies=str(policies.absolute()), posture=Posture.DENY, nodes=nodes)

    def _works(self, when: str, patience: float = BACK_UP) -> list[CheckResult]:
        """Check everything until all of it works; StepFailedError names what still fails."""
        results: list[CheckResult] = []

        def all_work() -> bool:
            results[:] = self.lab.check()
            return all(result.ok for result in results) and not self.lab.unready()

        with self.telling.doing(f"checking every page, probe and DNS {when}"):
            _within(patience, all_work)
        failed = [f"{result.name}: {result.detail}" for result in results if not result.ok]
        require(not failed, f"{when} {len(failed)} of {len(results)} checks fail: {'; '.join(failed[:3])}")
        require(not self.lab.unready(), f"{when} pods are not ready: {', '.join(self.lab.unready())}")
        return results

    def _reported(self, since: datetime) -> list[Denial]:
        """Denials, after every agent had the time to tell what just happened."""
        with self.telling.doing("waiting for the agents' next reports"):
            self.crew.caught_up()
        return self._denials(since)

    def _denials(self, since: datetime) -> list[Denial]:
        return read_denials(self.crew.state.folder, {"active": self.policies, "staged": self.policies}, since=since)

    @staticmethod
    def _targets(of: Sequence[Attempt] | Sequence[Denial]) -> set[int]:
        """Ports of databases that were tried, or that somebody was kept from."""
        ports = {attempt.port for attempt in of if isinstance(attempt, Attempt)}
        return ports or {denial.port for denial in of if isinstance(denial, Denial) and denial.port != 53}

    def _tell_denials(self, denials: Sequence[Denial]) -> None:
        for denial in sorted(denials, key=lambda d: (d.direction, d.port)):
            server = denial.service or f"{denial.server.title}:{denial.port}"
            self.telling.say(f"[red]✗[/red] {denial.client.title} → {server}/{denial.protocol}")
            self.telling.say(escape(denial.reason), more=2)

    def _show(self, attempts: Sequence[Attempt]) -> None:
        self.telling.say("the intruder, dev/intruder, tries every database:")
        self.telling.table(
            [{"target": f"{a.target}:{a.port}", "reached": a.reached, "came_of_it": a.detail} for a in attempts]
        )


def play_recorded(recording: Recording, folder: Path, telling: Telling) -> bool:
    """Steps 3 to 6 of a recorded run; whether all held."""
    made = f"{recording.made:%Y-%m-%d %H:%M} UTC on Linux {recording.kernel}"
    telling.say(f"[yellow]This is a recording[/yellow] of a lab run, made {made}. No packet moves now.")
    with telling.step(3, "observe", "Observe with default-allow (recorded)") as step:
        story.observe(telling, step, recording.before)
    if step.ok:
        with telling.step(4, "enough", "Enough seen? (recorded)") as step:
            before = story.enough(telling, recording.before)
            telling.say("then somebody opened /topology, and the batch job ran")
            after = story.enough(telling, recording.after)
            step.figures |= {
                "blocking_before": sum(f.blocks for f in before.findings),
                "blocking_after": sum(f.blocks for f in after.findings),
            }
            require(not before.enough and after.enough, "the answer should go from no to yes")
    if step.ok:
        with telling.step(5, "generate", "Generate standard NetworkPolicies (from the recording)") as step:
            policies = story.write_policies(telling, step, recording.after, recording.published, folder)
    if step.ok:
        with telling.step(6, "prove", "Prove: replay what was recorded") as step:
            story.prove(telling, step, recording.after, policies)
    return telling.ok


def _worked(results: Sequence[CheckResult]) -> str:
    slowest = max(results, key=lambda result: result.seconds)
    took = f"{slowest.seconds * 1000:.0f} ms"
    return f"{len(results)} of {len(results)} checks work, the slowest ({slowest.name}) in {took}"


def _sample(results: Sequence[CheckResult], most: int = 6) -> list[CheckResult]:
    """A few of each kind: pages, probes, names."""
    kinds: dict[str, list[CheckResult]] = {}
    for result in results:
        kinds.setdefault(result.name.split()[0], []).append(result)
    return [result for of_kind in kinds.values() for result in of_kind[:2]][:most]


def _within(seconds: float, happened: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True
