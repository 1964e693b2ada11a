"""`--decisions FILE`: what people decided about observed connections, for the verbs that obey it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairway.policy.rulings import Rulings


def add_decisions(verb: argparse.ArgumentParser) -> None:
    """Give a verb the option."""
    verb.add_argument("--decisions", type=Path, metavar="FILE", help="what people decided to allow or to deny")


def rulings_of(arguments: argparse.Namespace) -> "Rulings":
    """The decisions that hold today."""
    from datetime import UTC, datetime

    from fairway.kit.documents import read_documents
    from fairway.policy.rulings import Rulings, read_rulings

    given = read_rulings(read_documents([arguments.decisions])) if arguments.decisions else ()
    return Rulings(given, datetime.now(UTC).date())
