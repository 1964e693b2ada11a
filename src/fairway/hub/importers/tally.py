"""Tally: what was read, and what could not be used, by reason and with the first places."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final

from fairway.hub.importers.unknown import Unknown

MAX_REASONS: Final = 64
"""Reasons are words of this program, yet some quote a record's own words."""
MAX_PLACES: Final = 3
LOOKED_AT: Final = 256
MAX_FIELDS: Final = 12
MAX_NAME: Final = 64


@dataclass(slots=True)
class Tally:
    """Of one file. `lines` are lines, or rows of Parquet; `records` those that held a record of the format;
    `used` those that tell of a flow; `notes` what was taken, yet with an assumption a
    person should know of. `file_us` is the file's own time, microseconds since 1970, for records without one."""

    path: str
    format: str = ""
    file_us: int = 0
    lines: int = 0
    records: int = 0
    used: int = 0
    first_us: int = 0
    last_us: int = 0
    not_used: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[int]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    not_taken: set[str] = field(default_factory=set)
    """Fields the records have and flows have no column for."""
    unknown: Unknown = field(default_factory=Unknown)
    """Where what is in them is kept."""

    def skip(self, reason: str, line: int, count: int = 1) -> None:
        """A record, or what should have been one, is of no use; `line` counts from 1."""
        if reason not in self.not_used and len(self.not_used) >= MAX_REASONS:
            reason = "for other reasons"
        self.not_used[reason] += count
        places = self.places.setdefault(reason, [])
        if len(places) < MAX_PLACES:
            places.append(line)

    def untaken(self, fields: Mapping[str, Any], taken: Set[str]) -> int:
        """The number under which a record's fields without a column are kept. Their names are told of the first
        records of a file, which are enough."""
        unknown = {name: value for name, value in fields.items() if name not in taken}
        if self.records <= LOOKED_AT:
            self.not_taken.update(name[:MAX_NAME] for name in unknown)
        return self.unknown.number(unknown)

    def note(self, text: str, count: int = 1) -> None:
        self.notes[text] += count

    def seen(self, first_us: int, last_us: int) -> None:
        """The time that usable records cover."""
        self.first_us = min(self.first_us, first_us) if self.first_us else first_us
        self.last_us = max(self.last_us, last_us)

    def told(self, *, kept: bool) -> list[str]:
        """For a person: one line per reason and note, the most frequent first. `kept`: the flows go to a file,
        which has place for fields without a column."""
        lines = []
        for reason, count in self.not_used.most_common():
            places = self.places[reason]
            where = f"line {', '.join(map(str, places))}" if count <= len(places) else f"first line {places[0]}"
            lines.append(f"{self.path}: {count} not used: {reason} ({where})")
        lines += [f"{self.path}: note: {text} ({count})" for text, count in self.notes.most_common()]
        if self.not_taken:
            names = sorted(self.not_taken)
            more = f" and {len(names) - MAX_FIELDS} more" if len(names) > MAX_FIELDS else ""
            listed = ", ".join(names[:MAX_FIELDS])
            where = "kept as `unknown_fields`" if kept else "which --out FILE keeps"
            lines.append(f"{self.path}: fields without a column, {where}: {listed}{more}")
        return lines

    def record(self) -> dict[str, Any]:
        """For JSON and YAML."""
        return {
            "file": self.path,
            "format": self.format,
            "lines": self.lines,
            "records": self.records,
            "used": self.used,
            "not_used": [
                {"reason": reason, "count": count, "first_lines": self.places[reason]}
                for reason, count in self.not_used.most_common()
            ],
            "notes": [{"note": text, "count": count} for text, count in self.notes.most_common()],
            "fields_not_taken": sorted(self.not_taken),
        }
