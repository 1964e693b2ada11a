"""`fairway demo`: the whole loop on real packets."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairway.lab.lab import Lab
    from fairway.lab.telling import Telling


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "demo",
        help="play the whole story on a lab of network namespaces",
        description="Brings up a lab, observes it, writes policies, proves, stages and enforces them, and removes "
        "the lab. Needs root and a kernel with BPF; --recorded plays steps 3 to 6 of a recorded run without.",
    )
    verb.add_argument("--keep", action="store_true", help="leave the lab running")
    verb.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    verb.add_argument("--recorded", action="store_true", help="play a recording: needs neither root nor BPF")
    verb.add_argument("--out", type=Path, default=Path("demo-policies"), help="folder for policies (%(default)s)")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 if every step held, 1 if one did not, 3 if this machine cannot."""
    from fairway.kit import show
    from fairway.lab.demo import STEPS
    from fairway.lab.telling import Telling

    telling = Telling(STEPS)
    held = _recorded(arguments.out, telling) if arguments.recorded else _live(arguments, telling)
    _give_back(arguments.out)
    show.out.print()
    verdict = "[green]every step held[/green]" if held else f"[red]step {telling.number} did not hold[/red]"
    show.out.print(f"[bold]Verdict: {verdict}[/bold]; the policies are in {arguments.out}/", markup=True)
    if arguments.json:
        show.value(telling.record())
    return 0 if held else 1


def _recorded(out: Path, telling: "Telling") -> bool:
    from fairway.lab.demo import play_recorded
    from fairway.lab.recording import load

    return play_recorded(load(), out, telling)


def _live(arguments: argparse.Namespace, telling: "Telling") -> bool:
    from fairway.agent.kernel import Kernel
    from fairway.kit.errors import EnvironmentLacksError
    from fairway.lab.demo import Demo
    from fairway.lab.lab import Lab
    from fairway.lab.requirements import require

    try:
        require()
        Kernel().close()
    except EnvironmentLacksError as error:
        raise EnvironmentLacksError(f"{error}\nto see a recorded run instead: make demo ARGS=--recorded") from error
    lab = Lab()
    demo, played = Demo(lab, arguments.out, telling), False
    try:
        held = demo.play()
        played = True
    finally:
        if played and arguments.keep:
            _say_how_to_look(lab)
        elif demo.owns_lab:
            _remove(lab)
    return held


def _remove(lab: "Lab") -> None:
    try:
        lab.down()
    except KeyboardInterrupt:
        sys.stderr.write(f"fairway: the lab is only half removed; `fairway lab down --name {lab.config.name}`\n")
        raise


def _say_how_to_look(lab: "Lab") -> None:
    from fairway.hub.client import read_door
    from fairway.hub.state import State

    name, door = lab.config.name, read_door(State(lab.config.directory / "fairway"))
    if door:
        # After the `#`: no browser sends that anywhere. The token is the lab's own, and ends with it.
        link = f"{door.url}/#token={Path(door.token_file).read_text()}"
        sys.stdout.write(f"\nThe console (its certificate is the lab's own; a browser asks once):\n  {link}\n")
    lines = (
        "fairway lab status              the pods",
        "fairway edges                   who talks to whom",
        "fairway denials                 what is denied, and why",
        "fairway observe                 take enforcement back",
        "fairway lab exec ui -- python3 -c 'import socket; print(socket.gethostbyname(\"carts.carts\"))'",
        "fairway lab intrude             let the intruder try again",
        f"fairway lab down --name {name}     remove everything",
    )
    sys.stdout.write("\nThe lab is still up. To look around (as root, from .venv/bin):\n")
    sys.stdout.writelines(f"  {line}\n" for line in lines)


def _give_back(out: Path) -> None:
    """What sudo made belongs to the person who called it."""
    owner, group = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if owner is None or group is None or not out.is_dir():
        return
    for path in (out, *out.iterdir()):
        os.chown(path, int(owner), int(group))
