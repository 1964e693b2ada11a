"""Logs: one event a line on standard error, for people or as JSON for programs."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

Form = Literal["text", "json"]
FORMS: Final[tuple[Form, ...]] = ("text", "json")


def logger(form: Form) -> Callable[[str], None]:
    """Takes lines `part: what happened` and writes them with the time."""
    return _json if form == "json" else _text


def _text(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def _json(line: str) -> None:
    part, colon, message = line.partition(": ")
    event = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "part": part if colon and " " not in part else "hub",
        "message": message if colon and " " not in part else line,
    }
    sys.stderr.write(json.dumps(event, ensure_ascii=False) + "\n")
    sys.stderr.flush()
