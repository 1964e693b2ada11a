"""`fairway import`: flows that people already have."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairway.kit.arguments import add_output, duration

if TYPE_CHECKING:
    from fairway.hub.importers.run import Imported
    from fairway.hub.importers.tally import Tally

FORMATS = ("auto", "hubble", "calico", "vpc-cni", "vpc-flow-log", "netobserv")


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("import", help="take in flows that another program recorded")
    verb.add_argument("format", choices=FORMATS, help="what they are; auto looks")
    verb.add_argument("files", nargs="+", metavar="FILE", help="records, plain or gzip; - is standard input")
    verb.add_argument(
        "--cluster",
        type=Path,
        metavar="DIR",
        help="Kubernetes manifests: who had the addresses, and what records leave out",
    )
    verb.add_argument("--ranges", type=Path, metavar="FILE", help="published address ranges, a file or a folder")
    verb.add_argument(
        "--fields", default="", metavar="LIST", help="of a VPC flow log without header: 'version srcaddr ...'"
    )
    verb.add_argument(
        "--interval", type=duration, default="1m", metavar="TIME", help="steps of time (default: %(default)s)"
    )
    where = verb.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FILE", help="write the flows here (Parquet)")
    where.add_argument("--state", type=Path, metavar="DIR", help="hand the flows to the hub of this state folder")
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Import, and say what was used and what not."""
    from fairway.cloud.ranges import read_ranges
    from fairway.hub.importers.ends import Ends
    from fairway.hub.importers.run import Import
    from fairway.hub.importers.run import run as run_import
    from fairway.hub.importers.vpc import fields_of
    from fairway.hub.state import find_state
    from fairway.kit import show
    from fairway.kit.documents import read_documents
    from fairway.policy.read import read_cluster

    cluster = read_cluster(read_documents([arguments.cluster])).cluster if arguments.cluster else None
    ranges = read_ranges(arguments.ranges) if arguments.ranges else None
    store = find_state(arguments.state).imports if arguments.state else None
    what = Import(
        arguments.format,
        arguments.files,
        fields_of(arguments.fields) if arguments.fields else (),
        max(1, int(arguments.interval.total_seconds())),
    )
    result = run_import(what, Ends(cluster, ranges), arguments.out, store)
    for tally in result.tallies:
        _complain(tally, kept=arguments.out is not None)
    output = show.Output(arguments.output)
    if output is not show.Output.TABLE:
        show.value(result.record(), output=output)
        return 0
    _tell(result)
    return 0


def _complain(tally: "Tally", *, kept: bool) -> None:
    from fairway.kit.errors import one_line

    for line in tally.told(kept=kept):
        sys.stderr.write(f"{one_line(line)}\n")


def _tell(result: "Imported") -> None:
    from fairway.hub.importers.run import covers
    from fairway.kit import show

    show.rows([_cells(tally) for tally in result.tallies], right=("lines", "records", "used", "not_used"))
    time = covers(result.tallies)
    span = f", {time[0]:%Y-%m-%d %H:%M:%S} to {time[1]:%Y-%m-%d %H:%M:%S} UTC" if time else ""
    where = f"in {result.out}" if result.out else "kept nowhere; --out FILE or --state DIR keeps them"
    sys.stdout.write(f"{result.flows} flows{span}, {where}\n")


def _cells(tally: "Tally") -> dict[str, Any]:
    return {
        "file": tally.path,
        "format": tally.format,
        "lines": tally.lines,
        "records": tally.records,
        "used": tally.used,
        "not_used": sum(tally.not_used.values()),
    }
