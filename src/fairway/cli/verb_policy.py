"""`fairway policy ...`: policies from flows, their proof, and what they decide. Works on files alone."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairway.cli import policy_verdicts
from fairway.kit.arguments import add_output

if TYPE_CHECKING:
    from fairway.policy.generate import Generated
    from fairway.policy.model import Cluster, PolicySet
    from fairway.policy.settle import Names


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and those below it."""
    verb = verbs.add_parser("policy", help="generate, prove and explain network policies")
    below = verb.add_subparsers(metavar="VERB", required=True)

    generate = below.add_parser("generate", help="write policies from observed flows")
    _add_cluster(generate)
    _add_flows(generate)
    generate.add_argument("--out", type=Path, metavar="DIR", help="write files here (default: print them)")
    generate.add_argument("--ranges", type=Path, metavar="FILE", help="a cloud's published ranges (ip-ranges.json)")
    generate.set_defaults(run=run_generate)

    replay = below.add_parser("replay", help="which recorded flows would policies deny; exit 1 if any")
    _add_cluster(replay)
    _add_flows(replay)
    _add_policies(replay)
    replay.set_defaults(run=run_replay)

    coverage = below.add_parser("coverage", help="was enough seen to enforce; exit 1 if not")
    _add_cluster(coverage)
    _add_flows(coverage)
    coverage.set_defaults(run=run_coverage)

    explain = below.add_parser("explain", help="why a connection is allowed or denied; exit 1 if denied")
    explain.add_argument("client", metavar="CLIENT", help="namespace/pod or an address")
    explain.add_argument("server", metavar="SERVER", help="namespace/pod, namespace/service or an address")
    explain.add_argument("port", metavar="PORT[/PROTOCOL]", help="the server's own port; TCP unless told")
    _add_cluster(explain)
    _add_policies(explain)
    explain.set_defaults(run=run_explain)

    policy_verdicts.register(below)


def _add_cluster(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--cluster", type=Path, required=True, metavar="DIR|FILE", help="Kubernetes manifests")
    add_output(verb)


def _add_flows(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--flows", type=Path, required=True, metavar="FILE|DIR", help="flows as the collector keeps them"
    )


def _add_policies(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--policies", type=Path, nargs="+", metavar="DIR|FILE", help="NetworkPolicies (default: the cluster's own)"
    )
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that no policy selects (default: %(default)s)",
    )
    verb.add_argument("--names", type=Path, metavar="FILE", help="what domain names in policies resolve to")


def run_generate(arguments: argparse.Namespace) -> int:
    """Generate, then print the policies or write them to a folder."""
    from fairway.cloud.ranges import read_ranges
    from fairway.hub.store import read_edges
    from fairway.kit import show
    from fairway.policy.generate import Options, generate
    from fairway.policy.render import render

    published = read_ranges(arguments.ranges).networks() if arguments.ranges else {}
    generated = generate(read_edges(arguments.flows), _cluster(arguments.cluster), Options(published=published))
    files = render(generated)
    if arguments.out:
        _write(arguments.out, files)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value(_generated(generated, files), output=output)
    elif arguments.out:
        rows = _generated(generated, files)["policies"]
        for row in rows:
            del row["manifest"]
        show.rows(rows, empty="no flow makes a rule", right=("ingress", "egress"))
        _rest(generated)
    else:
        sys.stdout.write("---\n".join(files.values()))
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    from fairway.kit.documents import SUFFIXES
    from fairway.kit.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(f.name for f in folder.iterdir() if f.suffix in SUFFIXES and f.name not in files)
        if others:
            raise UsageError(
                f"{folder}: holds `{others[0]}`, which is not of these policies; move it or choose another folder"
            )
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; choose another --out") from error


def _generated(generated: "Generated", files: dict[str, str]) -> dict[str, Any]:
    """The result as plain values."""
    from dataclasses import asdict

    return {
        "policies": [
            {
                "policy": made.policy.title,
                "workload": made.workload,
                "ingress": len(made.policy.ingress or ()),
                "egress": len(made.policy.egress or ()),
                "file": name,
                "manifest": made.manifest,
            }
            for name, made in zip(files, generated.policies, strict=True)
        ],
        "left_out": [asdict(left) for left in generated.left_out],
        "notes": list(generated.notes),
    }


def _rest(generated: "Generated") -> None:
    """What made no rule, and what a person should know."""
    from fairway.kit import show
    from fairway.policy.explain import port_title

    if generated.left_out:
        show.out.print()
        rows = [
            {
                "no_rule_for": f"{left.client} -> {left.server}",
                "port": port_title(left.port, left.protocol),
                "connections": left.connections,
                "because": left.reason,
            }
            for left in generated.left_out
        ]
        show.rows(rows, right=("connections",))
    for note in generated.notes:
        _say(f"note: {note}")


def run_replay(arguments: argparse.Namespace) -> int:
    """Judge recorded flows."""
    from dataclasses import asdict

    from fairway.hub.store import read_edges
    from fairway.kit import show
    from fairway.policy.explain import port_title
    from fairway.policy.replay import replay

    cluster = _cluster(arguments.cluster)
    result = replay(read_edges(arguments.flows), _policies(arguments, cluster), cluster, names=_names(arguments))
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value({"passed": result.passed, **asdict(result)}, output=output)
        return 0 if result.passed else 1
    for broken in result.broken:
        what = port_title(broken.port, broken.protocol)
        connections = f"{broken.connections} connection{'' if broken.connections == 1 else 's'}"
        _say(f"would break: {broken.client} -> {broken.server} {what}, {connections}")
        _say(f"  {broken.reason}")
        _say(f"  fix: {broken.fix}")
    for title in result.unused_rules:
        _say(f"unused rule: {title}")
    would = f"{len(result.broken)} would break" if result.broken else "nothing would break"
    _say(
        f"{result.judged} edges with {result.connections} connections replayed: {would}; "
        f"{len(result.already_denied)} were denied already, {len(result.unanswered)} nobody answered, "
        f"{result.uncertain} pass only if their unknown opener was the other end"
    )
    return 0 if result.passed else 1


def run_coverage(arguments: argparse.Namespace) -> int:
    """Say whether enough was seen."""
    from dataclasses import asdict

    from fairway.hub.store import read_edges
    from fairway.kit import show
    from fairway.policy.coverage import coverage

    result = coverage(_cluster(arguments.cluster), read_edges(arguments.flows))
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value(asdict(result), output=output)
    else:
        for finding in result.findings:
            _say(f"{'missing' if finding.blocks else 'note'}: {finding.workload} {finding.what}")
            _say(f"  {finding.do}")
        missing = sum(finding.blocks for finding in result.findings)
        _say(
            "enough was seen to enforce" if result.enough else f"not enough was seen to enforce: {missing} missing"
        )
    return 0 if result.enough else 1


def run_explain(arguments: argparse.Namespace) -> int:
    """Decide one connection and say why."""
    from dataclasses import asdict

    from fairway.kit import show
    from fairway.policy.ask import ask
    from fairway.policy.directory import Directory

    cluster = _cluster(arguments.cluster)
    ends = arguments.client, arguments.server, arguments.port
    answer = ask(_policies(arguments, cluster), Directory(cluster), *ends, names=_names(arguments))
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        _say(f"{'allowed' if answer.allowed else 'denied'}: {answer.why}")
    else:
        show.value(asdict(answer), output=output)
    return 0 if answer.allowed else 1


def _say(line: str) -> None:
    """Print one line as it is; the terminal wraps it."""
    sys.stdout.write(f"{line}\n")


def _cluster(path: Path) -> "Cluster":
    from fairway.kit.documents import read_documents
    from fairway.policy.read import read_cluster

    return read_cluster(read_documents([path])).cluster


def _policies(arguments: argparse.Namespace, cluster: "Cluster") -> "PolicySet":
    from fairway.kit.documents import read_documents
    from fairway.kit.errors import UsageError
    from fairway.policy.model import PolicySet
    from fairway.policy.read import read_policy_set
    from fairway.wire.words import Posture

    posture = Posture(arguments.posture)
    if not arguments.policies:
        return PolicySet(cluster.policies, posture, cluster.tiered)
    given = read_policy_set(read_documents(arguments.policies), cluster, posture)
    if not given.size:
        raise UsageError(f"`{arguments.policies[0]}` holds no NetworkPolicy; name the right folder")
    return given


def _names(arguments: argparse.Namespace) -> "Names | None":
    from fairway.kit.documents import read_documents
    from fairway.policy.read_names import read_names

    return read_names(read_documents([arguments.names])) if arguments.names else None
