"""Which hub a verb changes: one on this machine by its state folder, or any by its URL."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fairway.hub.state import add_state
from fairway.kit.errors import UsageError

if TYPE_CHECKING:
    from fairway.hub.client import Client


def add_target(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--state`, or `--hub` with `--token-file` and `--ca`; and `--why`."""
    add_state(parser)
    parser.add_argument("--hub", metavar="URL", help="a hub anywhere; policies travel there")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="your token for it")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the certificate that vouches for it, PEM")
    parser.add_argument("--why", default="", metavar="TEXT", help="for the hub's audit log; needs --hub")


def client_of(arguments: argparse.Namespace) -> "Client | None":
    """The hub at `--hub`; None where a state folder is meant. UsageError when the two are mixed up."""
    if arguments.hub is None:
        given = [name for name in ("token_file", "ca", "why") if getattr(arguments, name)]
        if given:
            raise UsageError(f"--{given[0].replace('_', '-')} is for a hub at a URL; give --hub as well")
        return None
    if arguments.state is not None or arguments.token_file is None:
        raise UsageError("--hub goes with --token-file, and without --state")
    from fairway.hub.client import Client, Door

    ca = str(arguments.ca) if arguments.ca else None
    return Client(Door(url=arguments.hub.rstrip("/"), token_file=str(arguments.token_file), ca_file=ca))


def policies_in(path: Path) -> str:
    """The policies of a file or folder as one text; UsageError names the file that does not parse."""
    import yaml

    from fairway.kit.documents import read_documents

    return yaml.safe_dump_all([document.value for document in read_documents([path])], sort_keys=False)
