"""`fairway collect`: the collector."""

import argparse
import sys
import time
from pathlib import Path


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("collect", help="gather agents' reports, name and keep them, hand out rules")
    verb.add_argument(
        "--state", type=Path, required=True, metavar="DIR", help="folder of its files; made if missing"
    )
    verb.add_argument(
        "--cluster", type=Path, required=True, metavar="DIR", help="Kubernetes manifests, re-read when they change"
    )
    verb.add_argument("--ranges", type=Path, metavar="FILE", help="a provider's published ranges (ip-ranges.json)")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Collect until SIGTERM or Ctrl-C."""
    from fairway.cloud.ranges import read_ranges
    from fairway.hub.collector import Collector, CollectorConfig
    from fairway.hub.state import State
    from fairway.kit.errors import UsageError
    from fairway.kit.stop import Stop

    if not arguments.cluster.exists():
        raise UsageError(f"`{arguments.cluster}` does not exist; give the folder of the cluster's manifests")
    ranges = read_ranges(arguments.ranges) if arguments.ranges else None
    stop = Stop().on_signals()
    Collector(CollectorConfig(State(arguments.state), arguments.cluster), ranges, log).run(stop)
    return 0


def log(line: str) -> None:
    """One line on stderr, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()
