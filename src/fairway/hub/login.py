"""Login: which hub a person works with, and their token, in a folder of their own. Light: verbs import it."""

import argparse
import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from fairway.hub.client import Client, Door, hub_of
from fairway.hub.state import LAB, add_state, find_state
from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically

_FOLDER: Final = "fairway"


def folder() -> Path:
    """`$XDG_CONFIG_HOME/fairway`, usually `~/.config/fairway`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / _FOLDER


def write_login(url: str, token: str, ca_file: Path | None) -> Door:
    """Remember a hub and a token; only the person may read them."""
    own = folder()
    own.mkdir(parents=True, exist_ok=True)
    own.chmod(0o700)
    door = Door(
        url=url.rstrip("/"),
        token_file=str(own / "token"),
        ca_file=str(ca_file.absolute()) if ca_file else None,
    )
    write_atomically(own / "token", token.encode())
    (own / "token").chmod(0o600)
    write_atomically(own / "hub.json", msgspec.json.encode(door))
    return door


def read_login() -> Door | None:
    """What `fairway login` remembered; None if nothing. UsageError for a token that others may read."""
    path = folder() / "hub.json"
    try:
        door = msgspec.json.decode(path.read_bytes(), type=Door)
        mode = Path(door.token_file).stat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: {reason}; run `fairway login` again") from error
    if stat.S_IMODE(mode) & 0o077:
        raise UsageError(f"{door.token_file}: others may read it; run `chmod 600` on it")
    return door


def add_hub(parser: argparse.ArgumentParser) -> None:
    """Give a verb `--hub` and `--state`."""
    parser.add_argument(
        "--hub", metavar="URL", help="a hub you are logged in to (default: the one of `fairway login`)"
    )
    add_state(parser)


def hub_asked(arguments: argparse.Namespace) -> Client:
    """The hub that the arguments of `add_hub` mean: the one named, else the one of the state folder named, else the
    one that was logged in to, else the lab's."""
    if arguments.hub and arguments.state:
        raise UsageError("--hub and --state name two hubs; give one of them")
    if arguments.state:
        return hub_of(find_state(arguments.state))
    login = read_login()
    if arguments.hub and (login is None or login.url != arguments.hub.rstrip("/")):
        raise UsageError(f"no token for `{arguments.hub}`; run `fairway login {arguments.hub}` first")
    if login is None and not LAB.is_dir():
        raise UsageError("no hub: run `fairway login URL`, or give --state DIR of one on this machine")
    return Client(login) if login else hub_of(find_state(None))


def is_remote(arguments: argparse.Namespace) -> bool:
    """Whether the hub is another one than that of a state folder on this machine."""
    return not arguments.state and (bool(arguments.hub) or read_login() is not None)
