"""`fairway policy verdicts`: many small cases, one line of 0 and 1 for each."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

MAX_LINE: Final = 64 << 20
"""Bytes of one case."""
_BUFFER: Final = 1 << 20
"""Most lines are longer than what is usually read at once."""


def register(own: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = own.add_parser(
        "verdicts",
        help="judge cases: JSON lines in, a line of 0 and 1 for each out",
        description="Judges cases, one JSON object per line: `namespaces`, `pods`, `nodes`, `services` and "
        "`policies` are Kubernetes objects, `names` what domain names resolve to, `probes` the connections "
        "(`src`, `dst`, `port`, `proto`). Prints a line for each: 1 where a probe is allowed, 0 where not",
    )
    verb.add_argument("--cases", type=Path, metavar="FILE", help="read here (default: standard input)")
    verb.add_argument(
        "--posture",
        choices=("allow", "deny"),
        default="allow",
        help="for pods that no policy selects (default: %(default)s)",
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge each case as it comes; stop at the first that cannot be understood."""
    from fairway.kit.errors import UsageError
    from fairway.policy.verdicts import judge_line
    from fairway.wire.words import Posture

    posture, name = Posture(arguments.posture), str(arguments.cases or "standard input")
    with ExitStack() as stack:
        source = arguments.cases or sys.stdin.fileno()
        try:
            stream = stack.enter_context(open(source, "rb", _BUFFER, closefd=bool(arguments.cases)))
        except OSError as error:
            raise UsageError(f"{name}: cannot be read: {error.strerror}; name a file of cases") from error
        for number, line in _lines(stream, name):
            sys.stdout.write(judge_line(line, f"{name}:{number}", posture) + "\n")
    return 0


def _lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank."""
    from fairway.kit.errors import UsageError

    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise UsageError(f"{name}:{number}: is longer than {MAX_LINE >> 20} MiB; write one case per line")
        if not line.isspace():
            yield number, line
