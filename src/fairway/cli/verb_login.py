"""`fairway login`: remember a hub and a token."""

import argparse
import sys
from pathlib import Path


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("login", help="remember a hub and the token for it; later verbs ask that hub")
    verb.add_argument("url", metavar="URL", help="where the hub is, such as https://hub.example:8480")
    verb.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the token (default: it is asked for, or read from a pipe)",
    )
    verb.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust, PEM (default: the system's)")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Try the token, then remember it."""
    from fairway.hub.client import Client, Door
    from fairway.hub.login import folder, write_login
    from fairway.kit.errors import UsageError

    if not arguments.url.startswith(("https://", "http://")):
        raise UsageError(f"`{arguments.url}` is no URL; write https://HOST:PORT")
    token = _token(arguments.token_file)
    if not token or not token.isprintable() or not token.isascii():
        raise UsageError("the token is no plain text; copy it from whoever runs the hub")
    ca = arguments.ca
    if ca is not None and not ca.is_file():
        raise UsageError(f"--ca `{ca}` does not exist; name a file of certificates")
    door = Door(url=arguments.url.rstrip("/"), token_file="", ca_file=str(ca) if ca else None)
    me = Client(door, token).answer("me")
    write_login(arguments.url, token, ca)
    namespaces = me["namespaces"]
    bound = "all namespaces" if namespaces is None else f"namespaces: {', '.join(namespaces) or 'none'}"
    sys.stdout.write(f"logged in to {door.url} as {me['name']}, {me['role']}, {bound}; kept in {folder()}\n")
    return 0


def _token(path: Path | None) -> str:
    """Never from the command line, which others can see."""
    if path is not None:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass("token: ").strip()
    return sys.stdin.read(16384).strip()
