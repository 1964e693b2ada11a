"""Where a verb reads flows from: a file given, or the state folder; and since when."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fairway.hub.state import add_state, find_state
from fairway.kit.arguments import add_output, count, duration


@dataclass(frozen=True, slots=True)
class Source:
    """A path for `hub.store`, and the earliest time asked for."""

    path: Path
    since: datetime | None


def add_source(parser: argparse.ArgumentParser, limit: int) -> None:
    """Give a verb FILE, `--state`, `--since`, `--limit` and `--output`."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a Parquet file of flows, or a folder of them"
    )
    add_state(parser)
    parser.add_argument(
        "--since", type=duration, metavar="AGO", help="only what was reported since: 90s, 5m, 2h, 7d"
    )
    parser.add_argument(
        "--limit", type=count, default=limit, metavar="N", help="rows to print (default: %(default)s)"
    )
    add_output(parser)


def source(arguments: argparse.Namespace) -> Source:
    """What the arguments of `add_source` mean; UsageError when there is no such state folder."""
    since = datetime.now(UTC) - arguments.since if arguments.since is not None else None
    return Source(arguments.file or find_state(arguments.state).folder, since)
