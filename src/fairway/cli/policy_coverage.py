"""`fairway policy coverage`: was enough seen to enforce?"""

import argparse
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from fairway.kit.arguments import between, interval
from fairway.kit.spans import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairway.policy.coverage import Coverage
    from fairway.policy.sampling import Estimate
    from fairway.policy.score import Score


def register(own: argparse.ArgumentParser) -> None:
    """Add what only this verb takes."""
    own.add_argument(
        "--threshold",
        type=between(0, 100),
        metavar="POINTS",
        help="the score, 0 to 100, that is enough (default: 90, from 24 intervals on; given, however short)",
    )
    own.add_argument(
        "--interval", type=interval, default="1h", metavar="TIME", help="steps of time (default: %(default)s)"
    )
    own.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say whether enough was seen."""
    from dataclasses import asdict

    from fairway.cli import policy_hub
    from fairway.cli.policy_inputs import Inputs, hub_instead
    from fairway.hub.incidence import losses_at, watch_of
    from fairway.kit import show
    from fairway.policy.coverage import coverage

    hub, inputs = hub_instead(arguments, flows=True), Inputs(arguments)
    if hub is not None:
        result, observed, remarks = policy_hub.covered(hub, arguments, inputs)
    else:
        cluster, rulings = inputs.cluster(), inputs.rulings()
        edges, flows = inputs.flows()
        inputs.done()
        watch = watch_of(flows, arguments.interval, losses_at(arguments.flows))
        result, observed = coverage(cluster, edges, watch, arguments.threshold, rulings), watch.observed
        remarks = rulings.remarks(edges)
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        _tell(result, observed, remarks)
    else:
        namespaces = {name: asdict(estimate) for name, estimate in result.namespaces}
        show.value({**asdict(result), "namespaces": namespaces, "decisions": remarks}, output=output)
    return 0 if result.enough else 1


def _tell(result: "Coverage", observed: timedelta, remarks: "Sequence[str]") -> None:
    from fairway.kit import show

    show.rows(
        [
            {
                "workload": score.workload,
                "score": "-" if score.score is None else score.score,
                "observed": _span(score.observed_seconds),
                "nothing_new_for": _span(score.quiet_seconds),
                "kinds": score.sample.kinds,
                "seen_of_all": _share(score),
                "most_lacking": score.lacks[0].what if score.lacks else "",
            }
            for score in result.scores
        ],
        right=("score", "observed", "nothing_new_for", "kinds", "seen_of_all"),
        empty="nothing was seen",
    )
    if any(score.score is not None for score in result.scores):
        _tell_namespaces(result.namespaces)
    lines = [f"note: {remark}" for remark in remarks]
    for finding in result.findings:
        kind = "missing" if finding.blocks else "note"
        lines += [f"{kind}: {finding.workload} {finding.what}", f"  {finding.do}"]
    if not result.judged:
        seen = span(observed)
        lines.append(f"note: observed {seen}: too short for statistics; only what is declared is judged")
    missing = sum(finding.blocks for finding in result.findings)
    no = f"not enough was seen to enforce: {missing} missing"
    lines.append("enough was seen to enforce" if result.enough else no)
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _tell_namespaces(namespaces: "Sequence[tuple[str, Estimate]]") -> None:
    from fairway.kit import show

    show.out.print()
    rows = [
        {"namespace": name, "kinds": sample.kinds, "seen_of_all": _percent(sample)} for name, sample in namespaces
    ]
    show.rows(rows, right=("kinds", "seen_of_all"))


def _share(score: "Score") -> str:
    return "-" if score.score is None else _percent(score.sample)


def _percent(sample: "Estimate") -> str:
    return f"{100 * sample.coverage:.1f} % ± {100 * sample.error:.1f}"


def _span(seconds: int) -> str:
    return span(timedelta(seconds=seconds))
