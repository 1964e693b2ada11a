"""`fairway ranges`: published address ranges of cloud providers."""

import argparse
import sys
from pathlib import Path

from fairway.kit.arguments import add_output


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and its own verbs."""
    verb = verbs.add_parser("ranges", help="address ranges that cloud providers publish")
    own = verb.add_subparsers(metavar="VERB", required=True)
    show = own.add_parser("show", help="what files hold: provider, date, services; or whose an address is")
    show.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files of ranges, or folders of them")
    show.add_argument("--address", action="append", default=[], metavar="IP", help="whose is it; repeatable")
    add_output(show)
    show.set_defaults(run=run_show)
    refresh = own.add_parser("refresh", help="fetch a provider's list anew, from the address you give")
    refresh.add_argument("--url", required=True, metavar="URL", help="http, https or file; none is built in")
    refresh.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the list is kept")
    refresh.set_defaults(run=run_refresh)


def run_show(arguments: argparse.Namespace) -> int:
    """Print sources, or the services of addresses; 1 when an address is nobody's."""
    from dataclasses import asdict

    from fairway.cloud.ranges import read_ranges
    from fairway.kit import show
    from fairway.kit.errors import UsageError

    output = show.Output(arguments.output)
    ranges = read_ranges(*arguments.files)
    if not arguments.address:
        show.rows([asdict(source) for source in ranges.sources], output=output, right=("networks",))
        return 0
    try:
        found = [{"address": address, "service": ranges.service(address)} for address in arguments.address]
    except ValueError as error:
        raise UsageError(f"--address: {error}; give an IP address") from error
    show.rows(found, output=output)
    return 0 if all(row["service"] for row in found) else 1


def run_refresh(arguments: argparse.Namespace) -> int:
    """Fetch, check, and put in place."""
    from fairway.cloud.refresh import refresh

    found = refresh(arguments.url, arguments.out)
    networks = sum(map(len, found.networks.values()))
    sys.stdout.write(
        f"{arguments.out}: {found.provider}, {networks} networks of {len(found.networks)} services, "
        f"published {found.date or 'without a date'}\n"
    )
    return 0
