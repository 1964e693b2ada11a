"""AWS VPC flow logs as text: default and custom fields of any version, with headers or without, in envelopes too.

Form: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html. A record holds the packets of one
direction of a connection at one network interface within its aggregation interval.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from fairway.hub.importers.ends import Ends
from fairway.hub.importers.lines import Block
from fairway.hub.importers.sight import NONE, Sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.unwrap import texts
from fairway.hub.importers.vpc_arrow import parsed
from fairway.hub.importers.vpc_columns import TAKEN, Columns, Ints, VpcColumns, canonical
from fairway.kit.errors import UsageError

DEFAULT: Final = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"),
    *("packets", "bytes", "start", "end", "action", "log-status"),
)
_WORDS: Final = frozenset(
    (
        *(*DEFAULT, *TAKEN, "vpc-id", "subnet-id", "instance-id", "type", "region", "sublocation-type"),
        *("sublocation-id", "traffic-path", "reject-reason", "resource-id", "encryption-status"),
    )
)
"""What a header may end with, and a record cannot."""


def fields_of(text: str) -> tuple[str, ...]:
    """A format as a person gives it: `version srcaddr ...`, or as AWS writes it: `${version} ${srcaddr} ...`."""
    fields = tuple(canonical(word.removeprefix("${").removesuffix("}")) for word in text.split())
    if not _is_header(fields):
        raise UsageError(
            f"--fields `{text[:80]}` names no address; give the log format, as in `version srcaddr dstaddr ...`"
        )
    return fields


class Vpc:
    """Reads lines of VPC flow logs; a header anywhere says what follows."""

    def __init__(self, ends: Ends, tally: Tally, fields: Sequence[str] = ()) -> None:
        self._tally = tally
        self._columns = VpcColumns(ends, tally)
        self._fields = tuple(fields) or DEFAULT

    def read(self, block: Block) -> Sights:
        """The sights of a block of lines."""
        first, lines = block
        if (batch := parsed(lines, self._fields)) is not None:
            return self._columns.sights(batch, range(first, first + len(lines)))
        found: list[Sights] = []
        rows: list[list[str]] = []
        numbers: list[int] = []
        width = len(self._fields)
        for number, line in enumerate(lines, first):
            row = line.decode("ascii", "replace").split()
            if len(row) == width and row[-1] not in _WORDS and not row[0].startswith(("{", "[")):
                rows.append(row)
                numbers.append(number)
            elif row:
                found.append(self._sights(rows, numbers))
                rows, numbers = [], []
                found.append(self._other(row, line, number))
                width = len(self._fields)
        found.append(self._sights(rows, numbers))
        return np.concatenate(found) if len(found) > 1 else found[0]

    def _other(self, row: list[str], line: bytes, number: int) -> Sights:
        """A header, an envelope, or no record."""
        if row[0].startswith(("{", "[")):
            return self._envelope(line, number)
        if _is_header(row):
            self._fields = tuple(map(canonical, row))
        else:
            self._tally.skip(f"a record of {len(row)} fields where the log has {len(self._fields)}", number)
        return NONE

    def _envelope(self, line: bytes, number: int) -> Sights:
        """Log events as CloudWatch and Kinesis hand them on: no header comes with them."""
        try:
            inner = [text.split() for text in texts(msgspec.json.decode(line))]
        except (msgspec.DecodeError, RecursionError):
            self._tally.skip("not JSON", number)
            return NONE
        fitting = [row for row in inner if len(row) == len(self._fields) and not _is_header(row)]
        if len(fitting) < len(inner) or not inner:
            self._tally.skip("log events that do not have the fields of --fields", number, len(inner) or 1)
        return self._sights(fitting, [number] * len(fitting))

    def _sights(self, rows: list[list[str]], numbers: list[int]) -> Sights:
        if not rows:
            return NONE
        where = {name: index for index, name in enumerate(self._fields)}
        return self._columns.sights(_Text(rows, where), numbers)


class _Text(Columns):
    """Columns out of split lines."""

    def __init__(self, rows: list[list[str]], where: dict[str, int]) -> None:
        self.names = where.keys()
        self._rows = rows
        self._where = where
        self._texts = dict(zip(where, zip(*rows, strict=True) if rows else ((),) * len(where), strict=True))

    def __len__(self) -> int:
        return len(self._rows)

    def words(self, name: str) -> tuple[Ints, list[str]]:
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(text, len(numbers)) for text in self._texts[name]]
        return np.array(codes, np.int64), list(numbers)

    def kept(self, which: Iterable[int]) -> "_Text":
        rows = self._rows
        return _Text([rows[index] for index in which], self._where)


def _is_header(row: Iterable[str]) -> bool:
    names = {canonical(word) for word in row}
    return bool(names & {"srcaddr", "pkt-srcaddr"}) and bool(names & {"dstaddr", "pkt-dstaddr"})
