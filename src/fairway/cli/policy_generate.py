"""`fairway policy generate`: write policies from observed flows."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fairway.kit.arguments import between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairway.policy.generate import Generated
    from fairway.policy.review import Doubt
    from fairway.policy.width import Width

SHOWN: Final = 10
"""Rows of what is wider than seen."""


def register(own: argparse.ArgumentParser) -> None:
    """Add what only this verb takes."""
    own.add_argument("--out", type=Path, metavar="DIR", help="write files here (default: print them)")
    own.add_argument("--ranges", type=Path, metavar="FILE", help="a cloud's published ranges (ip-ranges.json)")
    own.add_argument(
        "--direction",
        choices=("both", "ingress", "egress"),
        default="both",
        help="rules for this (default: %(default)s)",
    )
    own.add_argument(
        "--per",
        choices=("workload", "namespace"),
        default="workload",
        help="one policy for each (default: %(default)s)",
    )
    own.add_argument(
        "--default-deny", action="store_true", help="close each namespace that gets policies to the rest"
    )
    own.add_argument(
        "--avoid-label", action="append", default=[], metavar="KEY", help="never select by it; repeatable"
    )
    own.add_argument(
        "--merge-at",
        type=between(0, 1_000_000),
        default=4,
        metavar="N",
        help="so many addresses outside become their network; 0 never (default: %(default)s)",
    )
    own.add_argument(
        "--merge-length",
        type=between(8, 32),
        default=24,
        metavar="BITS",
        help="of an IPv4 network (default: %(default)s)",
    )
    own.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate, then print the policies or write them to a folder."""
    from dataclasses import asdict

    from fairway.cli.policy_inputs import Inputs
    from fairway.cloud.ranges import Ranges, read_ranges
    from fairway.kit import show
    from fairway.policy.generate import Options, generate
    from fairway.policy.render import render
    from fairway.policy.review import review
    from fairway.policy.width import width
    from fairway.wire.words import Direction

    inputs = Inputs(arguments)
    cluster, rulings, edges = inputs.cluster(), inputs.rulings(), inputs.edges()
    ranges = inputs.read(lambda: read_ranges(arguments.ranges), Ranges({})) if arguments.ranges else Ranges({})
    inputs.done()
    one = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}.get(arguments.direction)
    options = Options(
        published=ranges.networks(),
        merge_at=arguments.merge_at,
        merge_length=arguments.merge_length,
        avoid_labels=frozenset(arguments.avoid_label),
        rulings=rulings,
        directions=frozenset(Direction if one is None else [one]),
        per_namespace=arguments.per == "namespace",
        default_deny=arguments.default_deny,
    )
    generated = generate(edges, cluster, options)
    files = render(generated)
    if arguments.out:
        _write(arguments.out, files)
    output = show.Output(arguments.output)
    if output is show.Output.TABLE and not arguments.out:
        sys.stdout.write("---\n".join(files.values()))
        return 0
    doubts = review(edges, cluster, options.rulings)
    wide = width(edges, [made.policy for made in generated.policies], cluster, options.rulings)
    result = {**_generated(generated, files), "review": [asdict(doubt) for doubt in doubts], "width": asdict(wide)}
    if output is not show.Output.TABLE:
        show.value(result, output=output)
        return 0
    for row in result["policies"]:
        del row["manifest"]
    show.rows(result["policies"], empty="no flow makes a rule", right=("ingress", "egress"))
    _tell_left_out(generated)
    _tell_review(doubts)
    _tell_width(wide)
    for note in generated.notes:
        sys.stdout.write(f"note: {note}\n")
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


def _tell_left_out(generated: "Generated") -> None:
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


def _tell_review(doubts: "Sequence[Doubt]") -> None:
    from fairway.kit import show
    from fairway.policy.explain import port_title

    if doubts:
        show.out.print()
        rows = [
            {
                "look_at": f"{doubt.client} -> {doubt.server}",
                "port": port_title(doubt.port, doubt.protocol),
                "connections": doubt.connections,
                "because": "; ".join(doubt.reasons),
            }
            for doubt in doubts
        ]
        show.rows(rows, right=("connections",))
        sys.stdout.write("they have rules; write what is not wanted into a file for --decisions\n")


def _tell_width(wide: "Width") -> None:
    from fairway.kit import show

    most = sorted(wide.unseen, key=lambda one: (-one.count, one))[:SHOWN]
    sys.stdout.write(
        f"\nallowed between workloads: {wide.allowed} connections (pair and port), {wide.seen} of them seen; "
        f"outside: {wide.outside_allowed} IPv4 addresses, {wide.outside_seen} of them seen\n"
    )
    rows = [
        {"allowed_and_not_seen": f"{one.client} -> {one.server}", "port": f"{one.protocol} {one.ports}"}
        for one in most
    ]
    if rows:
        show.rows(rows)
    if len(wide.unseen) > SHOWN:
        sys.stdout.write(f"and {len(wide.unseen) - SHOWN} more: --output json\n")
