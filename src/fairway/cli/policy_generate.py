"""`fairway policy generate`: write policies from observed flows."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.kit.arguments import between

if TYPE_CHECKING:
    from fairway.cli.policy_generated import Told
    from fairway.cli.policy_inputs import Inputs


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
        "--close-silent",
        action="store_true",
        help="close workloads without traffic, too (default: leave them alone)",
    )
    own.add_argument("--numeric-ports", action="store_true", help="write ports by number, never by name")
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
    from fairway.cli import policy_hub
    from fairway.cli.policy_generated import comments, tables
    from fairway.cli.policy_inputs import Inputs, hub_instead
    from fairway.kit import show

    hub, inputs = hub_instead(arguments, flows=True), Inputs(arguments)
    told = _of_files(arguments, inputs) if hub is None else policy_hub.generated(hub, arguments, inputs)
    if arguments.out:
        _write(arguments.out, told.files)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value(told.plain, output=output)
    elif arguments.out:
        tables(told)
    else:
        sys.stdout.write("---\n".join(told.files.values()) + comments(told))
    return 0


def _of_files(arguments: argparse.Namespace, inputs: "Inputs") -> "Told":
    from fairway.cli.policy_generated import Told
    from fairway.cloud.ranges import Ranges, read_ranges
    from fairway.policy.generate import Options, generate
    from fairway.policy.review import review
    from fairway.policy.width import width
    from fairway.wire.words import Direction

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
        numeric_ports=arguments.numeric_ports,
        close_silent=arguments.close_silent,
    )
    generated = generate(edges, cluster, options)
    made = [one.policy for one in generated.policies]
    return Told.of(generated, review(edges, cluster, rulings), width(edges, made, cluster, rulings))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    from fairway.kit.documents import SUFFIXES
    from fairway.kit.errors import UsageError
    from fairway.kit.files import write_atomically

    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(f.name for f in folder.iterdir() if f.suffix in SUFFIXES and f.name not in files)
        if others:
            raise UsageError(
                f"{folder}: holds `{others[0]}`, which is not of these policies; move it or choose another folder"
            )
        for name, content in files.items():
            write_atomically(folder / name, content.encode())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; choose another --out") from error
