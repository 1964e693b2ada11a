"""Login: which hub a person works with, and their token, in a folder of their own. Light: verbs import it."""

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from fairway.hub.client import Door
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
