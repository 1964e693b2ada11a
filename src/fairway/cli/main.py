"""`fairway VERB`: finds the verb's file, runs it, and turns errors into one line and an exit code."""

import argparse
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import fairway
from fairway import cli
from fairway.kit.errors import EnvironmentLacksError, FairwayError, UsageError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser, and so are those of its verbs, whose mistakes are one line and whose flags are whole."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """UsageError in place of a usage of many lines."""
        raise UsageError(f"{message}; see `{self.prog} --help`")


def parser(verb: str = "") -> Parser:
    """The command line of all verbs, or of one alone, if there is such a one; each module `cli/verb_NAME.py` adds
    itself by `register(verbs)`."""
    root = Parser(prog="fairway", description=fairway.__doc__)
    root.add_argument("--version", action="version", version=f"fairway {fairway.__version__}")
    verbs = root.add_subparsers(metavar="VERB", required=True)
    modules = sorted(m.name for m in pkgutil.iter_modules(cli.__path__) if m.name.startswith("verb_"))
    alone = f"verb_{verb.replace('-', '_')}"
    for module in [alone] if alone in modules else modules:
        importlib.import_module(f"fairway.cli.{module}").register(verbs)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. 0: fine, 1: the answer is no, 2: wrong usage or input, 3: the environment lacks something."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not of one who asked to be left alone, as nohup does
            signal.signal(number, _interrupt)
    try:
        try:
            given = sys.argv[1:] if argv is None else list(argv)
            arguments = parser(given[0] if given else "").parse_args(given)
            return int(arguments.run(arguments) or 0)
        finally:
            sys.stdout.flush()
    except FairwayError as error:
        sys.stderr.write(f"fairway: {error}\n")
        return error.exit_code
    except BrokenPipeError:
        # Whoever read has seen enough; what is still buffered must not fail when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        path = error.filename2 or error.filename  # of a rename: what a person knows is where to
        where = f"{path}: " if path else ""
        need = "; run as root, or choose a place that is yours" if isinstance(error, PermissionError) else ""
        sys.stderr.write(f"fairway: {where}{error.strerror or error}{need}\n")
        return EnvironmentLacksError.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("fairway: interrupted\n")
        return 130


def plugin() -> int:
    """`kubectl fairway ...`: the same verbs, where `stage` means the cluster's own trials."""
    arguments = sys.argv[1:]
    return main([*arguments, "--kube"] if arguments[:1] == ["stage"] and "--kube" not in arguments else arguments)


def _interrupt(number: int, _: object) -> NoReturn:
    """A verb that is told to end cleans up behind itself, however it is told."""
    raise KeyboardInterrupt(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
