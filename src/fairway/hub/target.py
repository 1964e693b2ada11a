"""Which hub a verb speaks to: one at a URL, or one on this machine by its state folder. Light: verbs import it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from fairway.hub.client import Client, Door, hub_of
from fairway.hub.login import read_login
from fairway.hub.state import LAB, State, add_state, find_state
from fairway.kit.errors import UsageError


def add_hub(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--hub` with `--token-file` and `--ca`, or `--state`."""
    parser.add_argument("--hub", metavar="URL", help="a hub anywhere (default: the one of `fairway login`)")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="your token for --hub (default: that of `fairway login`)"
    )
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust for --hub, PEM")
    add_state(parser)


def add_why(parser: argparse.ArgumentParser) -> None:
    """Give a verb that changes something `--why`, too."""
    add_hub(parser)
    parser.add_argument("--why", default="", metavar="TEXT", help="for the hub's audit log")


def hub_asked(arguments: argparse.Namespace) -> Client:
    """The hub that the arguments of `add_hub` mean: the one named, else the one of the state folder named, else the
    one that was logged in to, else the lab's. UsageError when there is none."""
    door = _door(arguments)
    return Client(door) if door else hub_of(find_state(arguments.state))


def state_asked(arguments: argparse.Namespace) -> State | None:
    """The state folder of that hub, where it is one on this machine; None for a hub at a URL."""
    return None if _door(arguments) else find_state(arguments.state)


def client_of(arguments: argparse.Namespace) -> Client | None:
    """The hub that is to be asked for a change; None where its state folder will do, which nobody needs to run for:
    on this machine, without a reason to keep."""
    return hub_asked(arguments) if arguments.why or _door(arguments) else None


def _door(arguments: argparse.Namespace) -> Door | None:
    """The way into a hub at a URL; None where a state folder is meant."""
    if arguments.hub is None:
        given = [name for name in ("token_file", "ca") if getattr(arguments, name)]
        if given:
            raise UsageError(f"--{given[0].replace('_', '-')} is for a hub at a URL; give --hub as well")
        login = None if arguments.state else read_login()
        if not login and not arguments.state and not LAB.is_dir():
            raise UsageError("no hub: run `fairway login URL`, or give --hub URL, or --state DIR on this machine")
        return login
    if arguments.state:
        raise UsageError("--hub and --state name two hubs; give one of them")
    url, ca = arguments.hub.rstrip("/"), str(arguments.ca) if arguments.ca else None
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"`{arguments.hub}` is no URL; write https://HOST:PORT")
    if arguments.token_file:
        return Door(url=url, token_file=str(arguments.token_file), ca_file=ca)
    login = read_login()
    if login is None or login.url != url:
        raise UsageError(f"no token for `{url}`; give --token-file FILE, or run `fairway login {url}` first")
    return msgspec.structs.replace(login, ca_file=ca) if ca else login


def at(client: Client | None) -> str:
    """Where a change was made, for what a verb says of it; nothing of a hub's own state folder."""
    return f" at {client.url}" if client else ""


def text_of(paths: Sequence[Path]) -> str:
    """Every document of files and folders as one text of YAML; InputErrors as of `kit.documents`."""
    import yaml

    from fairway.kit.documents import read_documents

    return yaml.safe_dump_all([document.value for document in read_documents(paths)], sort_keys=False)
