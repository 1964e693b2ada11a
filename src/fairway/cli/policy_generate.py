"""`fairway policy generate`: write policies from observed flows."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairway.policy.generate import Generated


def register(own: argparse.ArgumentParser) -> None:
    """Add what only this verb takes."""
    own.add_argument("--out", type=Path, metavar="DIR", help="write files here (default: print them)")
    own.add_argument("--ranges", type=Path, metavar="FILE", help="a cloud's published ranges (ip-ranges.json)")
    own.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate, then print the policies or write them to a folder."""
    from fairway.cli.policy_decisions import rulings_of
    from fairway.cloud.ranges import read_ranges
    from fairway.hub.store import read_edges
    from fairway.kit import show
    from fairway.kit.documents import read_documents
    from fairway.policy.generate import Options, generate
    from fairway.policy.read import read_cluster
    from fairway.policy.render import render

    published = read_ranges(arguments.ranges).networks() if arguments.ranges else {}
    cluster = read_cluster(read_documents([arguments.cluster])).cluster
    options = Options(published=published, rulings=rulings_of(arguments))
    generated = generate(read_edges(arguments.flows), cluster, options)
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
        sys.stdout.write(f"note: {note}\n")
