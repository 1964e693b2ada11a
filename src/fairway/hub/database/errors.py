"""What a database says when it refuses."""

import re
from typing import Final, Self

from fairway.kit.errors import FairwayError

_CODE: Final = re.compile(r"Code: (?P<code>\d+)\. (?:DB::Exception: )?(?P<text>.*)", re.DOTALL)
_MEMORY: Final = 241


class DatabaseError(FairwayError):
    """The database refused; `code` is ClickHouse's number, 0 if it gave none."""

    code = 0

    @classmethod
    def told(cls, message: str) -> Self:
        """From ClickHouse's own words, their first line without the stack."""
        found = _CODE.search(message)
        text = (found["text"] if found else message).strip().splitlines()[0][:300]
        error = cls(f"database: {text}")
        error.code = int(found["code"]) if found else 0
        return error

    @property
    def out_of_memory(self) -> bool:
        """The query wanted more than it may have."""
        return self.code == _MEMORY
