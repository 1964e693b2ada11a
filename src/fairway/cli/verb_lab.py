"""`fairway lab`: the small cluster of network namespaces, with its shop."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairway.kit.arguments import add_output

if TYPE_CHECKING:
    from fairway.lab.lab import Lab

    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def register(verbs: "Verbs") -> None:
    """Add `lab` and its own verbs."""
    parser = verbs.add_parser("lab", help="a small cluster out of network namespaces, with a shop in it")
    own = parser.add_subparsers(metavar="WHAT", required=True)
    _verb(own, "up", _up, "build it and wait until the shop is ready")
    _verb(own, "down", _down, "remove everything of this name, also after a crash")
    _verb(own, "status", _status, "its pods", table=True)
    check = _verb(own, "check", _check, "try every page and probe, DNS and IPv6", table=True)
    check.add_argument("--ordinary", action="store_true", help="without /topology and /proxy/orders")
    check.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="for all (default: 5)")
    run = _verb(own, "exec", _exec, "run a command in a pod: exec POD -- CMD")
    run.add_argument("pod", help="`namespace/name`, a pod's name, or the name's beginning")
    run.add_argument("command", nargs="+", metavar="CMD", help="the command and its arguments")
    _verb(own, "job", _job, "run the batch job `orders-export` once")
    _verb(own, "intrude", _intrude, "let `dev/intruder` try the databases", table=True)
    apply = _verb(own, "apply", _apply, "make NetworkPolicies the cluster's own, in place of those it had")
    apply.add_argument("policies", type=Path, metavar="POLICIES", help="a folder or file of NetworkPolicies")
    visit = _verb(own, "visit", _visit, "open a page as a user: visit PATH")
    visit.add_argument("path", metavar="PATH", help="of the page, such as /catalog")
    record = _verb(own, "record", _record, "observe a lab as the demo does, and write a recording of it")
    record.add_argument("--out", type=Path, required=True, metavar="FILE", help="the Parquet file to write")


def _verb(
    own: "Verbs", name: str, run: Callable[["Lab", argparse.Namespace], int], text: str, table: bool = False
) -> argparse.ArgumentParser:
    parser = own.add_parser(name, help=text, description=text)
    parser.add_argument("--name", help="which lab (default: $FAIRWAY_LAB, else `lab`)")
    if table:
        add_output(parser)
    parser.set_defaults(run=lambda arguments: run(_lab(arguments), arguments))
    return parser


def _record(lab: "Lab", arguments: argparse.Namespace) -> int:
    from fairway.lab.crew import Crew
    from fairway.lab.recording import record

    def progress(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    lab.up(progress)
    try:
        rows = record(Crew(lab), arguments.out, progress)
    finally:
        lab.down()
    sys.stdout.write(f"{arguments.out}: {rows} rows, {arguments.out.stat().st_size >> 10} KiB\n")
    return 0


def _lab(arguments: argparse.Namespace) -> "Lab":
    from fairway.lab.config import LabConfig
    from fairway.lab.lab import Lab

    return Lab(LabConfig(arguments.name) if arguments.name else LabConfig())


def _up(lab: "Lab", _: argparse.Namespace) -> int:
    import time

    started = time.monotonic()

    def progress(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - started:5.1f} s  {text}\n")

    lab.up(progress)
    progress(f"lab `{lab.config.name}` is up; its cluster: --cluster {lab.cluster_dir}")
    return 0


def _down(lab: "Lab", _: argparse.Namespace) -> int:
    removed = lab.down()
    sys.stdout.write("removed " + ", ".join(removed) + "\n" if removed else "nothing to remove\n")
    return 0


def _status(lab: "Lab", arguments: argparse.Namespace) -> int:
    pods = lab.status()
    rows = [
        {"pod": p.title, "node": p.node, "zone": p.zone, "state": p.state, "address": p.addresses[0]} for p in pods
    ]
    _show(rows, arguments)
    return 0 if all(pod.state in ("ready", "Succeeded") for pod in pods) else 1


def _check(lab: "Lab", arguments: argparse.Namespace) -> int:
    results = lab.check(topology=not arguments.ordinary, timeout=arguments.timeout)
    _show(
        [
            {"check": result.name, "ok": result.ok, "ms": round(result.seconds * 1000, 1), "detail": result.detail}
            for result in results
        ],
        arguments,
        right=("ms",),
    )
    failed = sum(not result.ok for result in results)
    sys.stderr.write(f"{len(results) - failed} of {len(results)} work\n")
    return 1 if failed else 0


def _exec(lab: "Lab", arguments: argparse.Namespace) -> int:
    return lab.exec(arguments.pod, arguments.command, capture=False).returncode


def _job(lab: "Lab", _: argparse.Namespace) -> int:
    done = lab.run_job()
    sys.stdout.write(f"{done.output}\n")
    sys.stderr.write(f"{done.pod} {'succeeded' if done.ok else 'failed'} after {done.seconds:.1f} s\n")
    return 0 if done.ok else 1


def _intrude(lab: "Lab", arguments: argparse.Namespace) -> int:
    _show(
        [
            {"target": a.target, "address": a.address, "port": a.port, "reached": a.reached, "detail": a.detail}
            for a in lab.intrude()
        ],
        arguments,
        right=("port",),
    )
    return 0


def _apply(lab: "Lab", arguments: argparse.Namespace) -> int:
    for title in lab.apply(arguments.policies):
        sys.stdout.write(f"{title}\n")
    sys.stderr.write(f"to hold pods to them: fairway enforce {lab.policies_dir}\n")
    return 0


def _visit(lab: "Lab", arguments: argparse.Namespace) -> int:
    status = lab.visit(arguments.path)
    sys.stdout.write(f"{status or 'no answer'}\n")
    return 0 if 200 <= status < 400 else 1


def _show(values: Sequence[dict[str, Any]], arguments: argparse.Namespace, right: Sequence[str] = ()) -> None:
    from fairway.kit import show

    show.rows(values, output=show.Output(arguments.output), right=right)
