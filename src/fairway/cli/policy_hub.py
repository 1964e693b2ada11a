"""The policy verbs of a hub: what it is asked, and its answers as the policy engine itself would give them."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fairway.hub import questions
from fairway.hub.asking import ask
from fairway.kit.errors import UsageError

if TYPE_CHECKING:
    from fairway.cli.policy_generated import Told
    from fairway.cli.policy_inputs import Inputs
    from fairway.hub.client import Client
    from fairway.policy.ask import Answer
    from fairway.policy.coverage import Coverage
    from fairway.policy.diff import Diff
    from fairway.policy.findings import Finding
    from fairway.policy.model import PolicySet
    from fairway.policy.replay import Replay

_DOCUMENT: Final = re.compile(r"policies(?:#([0-9]+))?(?=:)")


def generated(hub: "Client", arguments: argparse.Namespace, inputs: "Inputs") -> "Told":
    """Policies from what the hub saw; UsageError for a mistake in what goes there."""
    import yaml

    from fairway.cli.policy_generated import Told
    from fairway.policy.review import Doubt
    from fairway.policy.sift import LeftOut
    from fairway.policy.width import Width

    if arguments.ranges:
        raise UsageError("--ranges goes with --flows; a hub goes by those it was started with")
    question = questions.Generate(
        **_time(arguments),
        decisions=_decisions(arguments, inputs),
        direction=arguments.direction,
        per=arguments.per,
        default_deny=arguments.default_deny,
        close_silent=arguments.close_silent,
        numeric_ports=arguments.numeric_ports,
        avoid_labels=tuple(arguments.avoid_label),
        merge_at=arguments.merge_at,
        merge_length=arguments.merge_length,
    )
    inputs.done()
    told = ask(hub, question)
    names = ("policy", "workload", "ingress", "egress", "file")
    return Told(
        policies=[
            {**{name: one[name] for name in names}, "manifest": yaml.safe_load(one["yaml"])}
            for one in told["policies"]
        ],
        files={one["file"]: one["yaml"] for one in told["policies"]},
        left_out=msgspec.convert(told["left_out"], tuple[LeftOut, ...]),
        notes=told["notes"],
        doubts=msgspec.convert(told["review"], tuple[Doubt, ...]),
        width=msgspec.convert(told["width"], Width),
    )


def replayed(
    hub: "Client", arguments: argparse.Namespace, inputs: "Inputs"
) -> "tuple[Replay, PolicySet | None, tuple[str, ...]]":
    """What policies would have denied of what the hub saw; the policies given, and remarks on the decisions."""
    from fairway.policy.replay import Replay

    policies, text = inputs.policies_told()
    names, decisions = _names(arguments, inputs), _decisions(arguments, inputs)
    inputs.done()
    question = questions.Replay(
        **_time(arguments), decisions=decisions, policies=text, posture=arguments.posture, names=names
    )
    told = ask(hub, question)
    return msgspec.convert(told, Replay), policies, tuple(told["decisions"])


def covered(
    hub: "Client", arguments: argparse.Namespace, inputs: "Inputs"
) -> "tuple[Coverage, timedelta, tuple[str, ...]]":
    """Whether the hub has seen enough, how long it looked, and remarks on the decisions."""
    from fairway.policy.coverage import Coverage

    decisions = _decisions(arguments, inputs)
    inputs.done()
    question = questions.Coverage(
        **_time(arguments),
        decisions=decisions,
        threshold=arguments.threshold,
        interval=int(arguments.interval.total_seconds()),
    )
    told = ask(hub, question)
    result = msgspec.convert({**told, "namespaces": list(told["namespaces"].items())}, Coverage)
    return result, timedelta(seconds=told["observed_seconds"]), tuple(told["decisions"])


def compared(hub: "Client", arguments: argparse.Namespace, inputs: "Inputs") -> "Diff":
    """What two policy sets judge differently over the hub's cluster."""
    from fairway.policy.diff import Diff
    from fairway.policy.model import Cluster
    from fairway.wire.words import Posture

    for path in (arguments.old, arguments.new):
        inputs.policies_at([path], Cluster(), Posture(arguments.posture), may_be_none=True)
    old, new = inputs.text(arguments.old), inputs.text(arguments.new)
    inputs.done()
    question = questions.Diff(old=old, new=new, posture=arguments.posture, old_posture=arguments.old_posture)
    return msgspec.convert(ask(hub, question), Diff)


def explained(hub: "Client", arguments: argparse.Namespace, inputs: "Inputs") -> "Answer":
    """Why a connection is allowed or denied in the hub's cluster."""
    from fairway.policy.ask import Answer

    (_, text), names = inputs.policies_told(), _names(arguments, inputs)
    inputs.done()
    question = questions.Explain(
        client=arguments.client,
        server=arguments.server,
        port=arguments.port,
        policies=text,
        posture=arguments.posture,
        names=names,
    )
    return msgspec.convert(ask(hub, question), Answer)


def linted(hub: "Client", arguments: argparse.Namespace, inputs: "Inputs") -> "tuple[Finding, ...]":
    """What a reviewer would stumble over, rules held against what the hub saw."""
    from fairway.policy.findings import Finding

    (_, text), sources = inputs.policies_told(), inputs.sources
    names = _names(arguments, inputs)
    inputs.done()
    question = questions.Lint(
        **_time(arguments),
        policies=text,
        posture=arguments.posture,
        names=names,
        traffic=True,
        cni=arguments.cni or "",
    )
    found = msgspec.convert(ask(hub, question)["findings"], tuple[Finding, ...])
    return tuple(replace(one, where=_at_home(one.where, sources)) for one in found)


def _at_home(where: str, sources: Sequence[str]) -> str:
    """`policies#2: ...`, as the hub calls the second document, by the file it is in."""
    told = _DOCUMENT.match(where)
    place = int(told[1] or 1) - 1 if told else len(sources)
    return sources[place] + where[told.end() :] if told and place < len(sources) else where


def _time(arguments: argparse.Namespace) -> Mapping[str, Any]:
    since = arguments.since
    return {} if since is None else {"since": f"{int(since.total_seconds())}s"}


def _decisions(arguments: argparse.Namespace, inputs: "Inputs") -> str:
    inputs.rulings()
    return inputs.text(arguments.decisions)


def _names(arguments: argparse.Namespace, inputs: "Inputs") -> str:
    inputs.names()
    return inputs.text(arguments.names)
