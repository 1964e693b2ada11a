"""The book of anomalies: what was found and when, what people said of it. One file, replaced at one stroke."""

import hashlib
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from fairway.kit.errors import UsageError
from fairway.kit.files import write_atomically
from fairway.signals.finding import Finding

KEPT: Final = timedelta(days=30)
MOST: Final = 2000
"""Anomalies that are kept; of more, the latest."""
SAME: Final = 24
"""Hours within which the same thing is no news."""
UNLEARNED: Final = 72
"""Hours of one anomaly that are not learned from. What lasts longer is how things are from then on."""
Word = Literal["", "expected", "not-expected"]


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said: `expected` silences the same kind about the same subject for good."""

    word: Word = ""
    who: str = ""
    why: str = ""
    at: datetime | None = None


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that lasts from hour `since` to hour `last`, as it was when it was surest."""

    id: str
    finding: Finding
    since: int
    last: int
    feedback: Feedback = Feedback()


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`expected` silences this kind about this subject from now on; `not-expected` keeps it from being learned;
    empty takes back what was said."""

    word: Word
    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class _Kept(msgspec.Struct, kw_only=True):
    """What is on disk. `judged` is the last whole hour that was looked at; `said` is by kind and subject."""

    judged: int = 0
    silenced: int = 0
    anomalies: list[Anomaly] = []
    said: dict[str, Feedback] = {}


class Book:
    """For any thread. UsageError for a file that is none of ours."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept = _Kept()

    def open(self) -> None:
        """Read what was kept."""
        try:
            self._kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(f"{self._path}: holds no anomalies: {error}; move it away, or restore it") from None

    @property
    def judged(self) -> int:
        """The last whole hour that was looked at; 0 before the first."""
        return self._kept.judged

    @property
    def silenced(self) -> int:
        """Findings that were not told because somebody expects them."""
        return self._kept.silenced

    def all(self) -> list[Anomaly]:
        """The latest first."""
        with self._lock:
            return sorted(self._kept.anomalies, key=lambda one: (-one.last, -one.finding.sure, one.id))

    def add(self, findings: Iterable[Finding], hour: int, *, whole: bool) -> list[Anomaly]:
        """Note the findings of an hour; those that are news. OSError when the disk refuses."""
        with self._lock:
            kept = msgspec.structs.replace(self._kept, anomalies=list(self._kept.anomalies))
            news = [new for finding in findings if (new := _noted(kept, finding)) is not None]
            if whole:
                kept.judged = hour
            oldest = hour - KEPT // timedelta(hours=1)
            kept.anomalies = [one for one in kept.anomalies if one.last > oldest][-MOST:]
            self._keep(kept)
            return news

    def say(self, id: str, feedback: Feedback) -> Anomaly:
        """Remember what somebody says of an anomaly; UsageError if there is none of that id."""
        with self._lock:
            kept = msgspec.structs.replace(
                self._kept, anomalies=list(self._kept.anomalies), said=dict(self._kept.said)
            )
            for index, one in enumerate(kept.anomalies):
                if one.id == id:
                    told = kept.anomalies[index] = msgspec.structs.replace(one, feedback=feedback)
                    kept.said[_key(one.finding)] = feedback
                    self._keep(kept)
                    return told
        raise UsageError(f"there is no anomaly `{id}`; `fairway anomalies` lists them")

    def left_out(self) -> list[tuple[str, int]]:
        """Subjects and hours that must not be learned from: what was found then and is not said to be expected."""
        with self._lock:
            return [
                (name, hour)
                for one in self._kept.anomalies
                if one.feedback.word != "expected"
                for hour in range(one.since, min(one.last, one.since + UNLEARNED) + 1)
                for name in {one.finding.subject, one.finding.client}
            ]

    def _keep(self, kept: _Kept) -> None:
        write_atomically(self._path, msgspec.json.encode(kept) + b"\n")
        self._kept = kept


def _noted(kept: _Kept, finding: Finding) -> Anomaly | None:
    """Put a finding into the book; the anomaly if it is news."""
    if kept.said.get(_key(finding), Feedback()).word == "expected":
        kept.silenced += 1
        return None
    for index in range(len(kept.anomalies) - 1, -1, -1):
        one = kept.anomalies[index]
        if one.finding.key == finding.key and finding.hour - one.last <= SAME:
            surest = max(one.finding, finding, key=lambda told: told.sure)
            kept.anomalies[index] = msgspec.structs.replace(one, finding=surest, last=max(one.last, finding.hour))
            return None
    name = hashlib.sha256(f"{_key(finding)} {finding.hour}".encode()).hexdigest()[:8]
    new = Anomaly(id=name, finding=finding, since=finding.hour, last=finding.hour)
    kept.anomalies.append(new)
    return new


def _key(finding: Finding) -> str:
    return " ".join(finding.key)
