"""Objects: sights out of lines of JSON, each with one record or with several in an answer."""

from collections.abc import Callable
from typing import Any

import msgspec

from fairway.hub.importers.lines import Block
from fairway.hub.importers.sight import Sights, sights
from fairway.hub.importers.tally import Tally
from fairway.hub.importers.unwrap import records

Row = Callable[[dict[str, Any]], tuple[int, ...] | str]
"""A record's sight, or why there is none."""


def read_objects(block: Block, tally: Tally, row: Row) -> Sights:
    """The sights of a block of lines; what is of no use is told to `tally`."""
    rows = []
    for number, line in enumerate(block[1], block[0]):
        if not line or line.isspace():
            continue
        try:
            found = list(records(msgspec.json.decode(line)))
        except (msgspec.DecodeError, RecursionError):
            tally.skip("not JSON", number)
            continue
        for record in found:
            if isinstance(made := row(record), str):
                tally.skip(made, number)
            else:
                rows.append(made)
    return sights(rows)
