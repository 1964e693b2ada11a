"""`fairway top`: one node, live, without any hub."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fairway.kit.arguments import add_output, between, count

if TYPE_CHECKING:
    from fairway.agent.live import Look, Watcher
    from fairway.wire.rules import NodePod

SORTS: Final = ("bytes", "packets", "connections", "retransmissions", "denied")


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "top",
        help="who talks to whom on this node right now, live",
        description="Reads the tables of the agent that runs here, without touching it; where none runs it counts "
        "by itself for as long as it is shown. To be run in the node's network namespace, as root. q ends it",
    )
    verb.add_argument(
        "--pins", type=Path, default=Path("/sys/fs/bpf/fairway"), help="the agent's folder of pins (%(default)s)"
    )
    verb.add_argument("--control", type=Path, metavar="FILE", help="a feed with the names of this node's pods")
    verb.add_argument("--interval", type=between(1, 300), default=2, metavar="SECONDS", help="between looks (2)")
    verb.add_argument("--sort", choices=SORTS, default="bytes", help="by what (%(default)s)")
    verb.add_argument("--limit", type=count, default=50, help="conversations, where no terminal bounds them (50)")
    verb.add_argument("--once", action="store_true", help="one look, then end")
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Until q or Ctrl-C; with `--once` after one interval."""
    with contextlib.suppress(KeyboardInterrupt), _watching(arguments) as watcher:
        if arguments.once or arguments.output != "table" or not sys.stdout.isatty():
            _print(arguments, watcher)
        else:
            _draw(arguments, watcher)
    return 0


def _print(arguments: argparse.Namespace, watcher: "Watcher") -> None:
    import time

    while True:
        time.sleep(arguments.interval)
        look = watcher.look()
        sys.stdout.write(_as_text(look, arguments) if arguments.output == "table" else _whole(look, arguments))
        sys.stdout.flush()
        if arguments.once:
            return


def _draw(arguments: argparse.Namespace, watcher: "Watcher") -> None:
    from fairway.cli.top_screen import Screen, lines

    screen = Screen()
    with screen.entered():
        while True:
            width, height = screen.width_height
            look = watcher.look()
            screen.show(lines(look, node=_host(), sort=arguments.sort, width=width, height=height, colour=True))
            if screen.left(arguments.interval):
                return


def _whole(look: "Look", arguments: argparse.Namespace) -> str:
    """One JSON line, or one YAML document, per look."""
    import json

    from fairway.cli.top_screen import ranked

    talks = [dataclasses.asdict(talk) for talk in ranked(look.talks, arguments.sort)[: arguments.limit]]
    found = {"seconds": round(look.seconds, 3), "pods": look.pods, "conversations": talks}
    if arguments.output == "json":
        return json.dumps(found) + "\n"
    import yaml

    return f"---\n{yaml.safe_dump(found, sort_keys=False)}"


def _as_text(look: "Look", arguments: argparse.Namespace) -> str:
    import shutil

    from fairway.cli.top_screen import lines

    width = shutil.get_terminal_size((100, 24)).columns
    height = arguments.limit + 2
    shown = lines(look, node=_host(), sort=arguments.sort, width=width, height=height, colour=sys.stdout.isatty())
    return "".join(f"{line.rstrip()}\n" for line in shown)


@contextlib.contextmanager
def _watching(arguments: argparse.Namespace) -> "Iterator[Watcher]":
    """Next to the agent if there is one, else alone."""
    from fairway.agent.live import Alone, Watcher
    from fairway.agent.pinned import PinnedTables, agent_tables

    if agent_tables(arguments.pins):
        with contextlib.closing(PinnedTables(arguments.pins)) as tables:
            yield Watcher(tables, _names(arguments.control))
    else:
        with contextlib.closing(Alone()) as alone:
            yield Watcher(alone.kernel, alone.names, alone.listening)


def _names(control: Path | None) -> "Callable[[], Mapping[int, NodePod]]":
    from fairway.agent.discover import discover
    from fairway.agent.feed import FeedError, decode
    from fairway.agent.live import named
    from fairway.agent.netlink import Netlink
    from fairway.kit.errors import UsageError

    known: tuple[NodePod, ...] = ()
    if control is not None:
        try:
            known = decode(control.read_bytes(), str(control)).pods
        except FeedError as error:
            raise UsageError(f"{error}; give the file that --control of `fairway agent` names") from error
    netlink = Netlink()
    return lambda: named(discover(netlink), known)


def _host() -> str:
    import socket

    return socket.gethostname()
