"""Where a verb reads flows from: a file given, or a hub; since when; and which of them."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fairway.hub.client import Client
from fairway.hub.target import add_hub, hub_asked
from fairway.kit.arguments import add_output, count, duration
from fairway.views.filter import EVERYTHING, Filter, parse_filter


@dataclass(frozen=True, slots=True)
class Source:
    """A path for `hub.store`, or a hub; and what is asked of it."""

    path: Path | None
    hub: Client | None
    wanted: Filter

    def flows(self) -> Any:
        """All flows of the time, in the columns of `hub.columns`, those of a file as imported; whatever the filter
        says beside it."""
        from fairway.hub.columns import IMPORTED
        from fairway.hub.store import read_flows

        since, until = self.wanted.since, self.wanted.until
        if self.hub is not None:
            return self.hub.flows(since, until)
        return read_flows(self.path or Path(), since, until, IMPORTED)

    def filtered_flows(self) -> Any:
        """Those that the filter means."""
        from fairway.hub.matching import flows_matching

        flows, expression = self.flows(), self.wanted.expression
        return flows if expression == EVERYTHING else flows.filter(flows_matching(expression, flows))


def add_source(parser: argparse.ArgumentParser, limit: int) -> None:
    """Give a verb FILE, and what `add_question` gives."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a Parquet file of flows, or a folder of them"
    )
    add_question(parser, limit)


def add_question(parser: argparse.ArgumentParser, limit: int | None) -> None:
    """Give a verb `--hub`, `--state`, `--filter`, `--since`, `--output`, and `--limit` if there is one."""
    add_hub(parser)
    parser.add_argument(
        "--filter", default="", metavar="TEXT", help="only these: `src.namespace=shop dst.port=5432 proto=TCP`"
    )
    parser.add_argument(
        "--since", type=duration, metavar="AGO", help="only what was reported since: 90s, 5m, 2h, 7d"
    )
    if limit is not None:
        parser.add_argument(
            "--limit", type=count, default=limit, metavar="N", help="rows to print (default: %(default)s)"
        )
    add_output(parser)


def source(arguments: argparse.Namespace) -> Source:
    """What the arguments of `add_source` mean; UsageError when there is no such hub, or the filter is malformed."""
    now = datetime.now(UTC)
    given = parse_filter(arguments.filter, now)
    since = given.since or (now - arguments.since if arguments.since is not None else None)
    hub = None if arguments.file else hub_asked(arguments)
    return Source(arguments.file, hub, Filter(given.expression, since, given.until))


def asked_of(arguments: argparse.Namespace) -> dict[str, str]:
    """The same as parameters of the API."""
    asked = {"q": arguments.filter}
    if arguments.since is not None:
        asked["since"] = f"{int(arguments.since.total_seconds())}s"
    return {name: value for name, value in asked.items() if value}
