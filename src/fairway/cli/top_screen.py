"""How `fairway top` looks: lines for a width and a height, and a terminal to put them on."""

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterable, Iterator
from typing import Final

from fairway.agent.live import Look, Talk

_ARROWS: Final = {"pod": "→", "remote": "←", "unknown": "·"}
_FIXED_WIDTH: Final = 40
"""Columns beside the names: three for the arrow, the others for figures."""
_NARROWEST: Final = 60
_BOLD, _RED, _YELLOW, _DIM, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"


def ranked(talks: Iterable[Talk], sort: str) -> list[Talk]:
    """Most first; ties by bytes, then by name, so that lines do not jump."""

    def key(talk: Talk) -> tuple[float, float, str, str, int]:
        both = talk.in_bytes + talk.out_bytes
        first = both if sort == "bytes" else float(getattr(talk, sort))
        return -first, -both, talk.pod, talk.remote, talk.port

    return sorted(talks, key=key)


def lines(look: Look, *, node: str, sort: str, width: int, height: int, colour: bool) -> list[str]:
    """A title, a head and one line per conversation, at most `height` lines of at most `width` columns."""
    width = max(width, _NARROWEST)
    names = width - _FIXED_WIDTH
    pod_width, remote_width = (names + 1) // 2, names // 2
    inward, outward = (sum(getattr(talk, name) for talk in look.talks) for name in ("in_bytes", "out_bytes"))
    title = f"fairway top  {node}  {look.pods} pods, {len(look.talks)} conversations"
    rates = f"in {size(inward)}/s  out {size(outward)}/s"
    shown = [_paint(f"{title}{rates:>{max(1, width - len(title))}}"[:width], _BOLD, colour)]
    shown.append(
        _paint(
            _row("POD", " ", "REMOTE", "PORT", "IN/s", "OUT/s", "CONN", "RETR", (pod_width, remote_width)),
            _DIM,
            colour,
        )
    )
    for talk in ranked(look.talks, sort)[: max(0, height - len(shown))]:
        shown.append(_paint(_line(talk, (pod_width, remote_width)), _shade(talk), colour))
    return shown


def size(count: float) -> str:
    """Bytes in few columns: `999`, `1.2k`, `34k`, `5.6M`."""
    for unit in ("", "k", "M", "G"):
        if count < 999.5:
            return f"{count:.1f}{unit}" if unit and count < 9.95 else f"{count:.0f}{unit}"
        count /= 1000
    return f"{count:.0f}T"


def _line(talk: Talk, widths: tuple[int, int]) -> str:
    port = f"{talk.port}/{talk.protocol}" if talk.port else talk.protocol
    inward, outward = size(talk.in_bytes), size(talk.out_bytes)
    if talk.denied:
        inward, outward = "denied", size(talk.denied)
    counts = (str(min(talk.connections, 99999)), str(min(talk.retransmissions, 9999)))
    return _row(talk.pod, _ARROWS[talk.initiator], talk.remote, port, inward, outward, *counts, widths)


def _row(
    pod: str,
    arrow: str,
    remote: str,
    port: str,
    inward: str,
    outward: str,
    connections: str,
    again: str,
    widths: tuple[int, int],
) -> str:
    left = f"{_fit(pod, widths[0])} {arrow} {_fit(remote, widths[1])}"
    return f"{left} {port:>9} {inward:>7} {outward:>7} {connections:>5} {again:>4}"


def _fit(name: str, width: int) -> str:
    """The end tells pods and addresses apart: what does not fit is cut in the middle."""
    if len(name) <= width:
        return f"{name:<{width}}"
    tail = width * 2 // 3
    return f"{name[: width - tail - 1]}…{name[-tail:]}"


def _shade(talk: Talk) -> str:
    if talk.denied or talk.verdict == "deny":
        return _RED
    return _YELLOW if talk.verdict or talk.retransmissions else ""


def _paint(line: str, code: str, colour: bool) -> str:
    return f"{code}{line}{_PLAIN}" if colour and code else line


class Screen:
    """A terminal of our own for as long as it is entered; the one before comes back whatever happens."""

    def __init__(self) -> None:
        self._keys = sys.stdin.isatty()

    @property
    def width_height(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        found = os.get_terminal_size(sys.stdout.fileno())
        return found.columns, found.lines

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        before = termios.tcgetattr(sys.stdin) if self._keys else None
        sys.stdout.write("\x1b[?1049h\x1b[?25l")
        try:
            if self._keys:
                tty.setcbreak(sys.stdin)
            yield
        finally:
            if before is not None:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
            sys.stdout.write("\x1b[?25h\x1b[?1049l")
            sys.stdout.flush()

    def show(self, shown: list[str]) -> None:
        """Put lines over those before."""
        sys.stdout.write(
            "\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in shown[:-1]) + f"{shown[-1]}\x1b[K\x1b[J"
        )
        sys.stdout.flush()

    def left(self, seconds: float) -> bool:
        """Wait; whether a person pressed q meanwhile."""
        watched = [sys.stdin] if self._keys else []
        ready, _, _ = select.select(watched, [], [], seconds)
        return bool(ready) and os.read(sys.stdin.fileno(), 16).lower() in (b"q", b"\x03", b"")
