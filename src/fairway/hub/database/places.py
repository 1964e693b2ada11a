"""Which database a person means."""

import os
from pathlib import Path
from typing import Final

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.servers import Servers, parse_address
from fairway.kit.errors import UsageError

PASSWORD: Final = "FAIRWAY_CLICKHOUSE_PASSWORD"  # noqa: S105  # the variable's name
MEMORY: Final = 2 << 30


def database_at(place: str, memory: int = MEMORY) -> Embedded | Servers:
    """`clickhouse://...` with its password from the environment, or `chdb:///FOLDER`, bounded by `memory` bytes.

    UsageError for anything else.
    """
    if place.startswith("clickhouse://"):
        return Servers(parse_address(place), os.environ.get(PASSWORD, ""))
    if place.startswith("chdb:///") and len(place) > len("chdb:///"):
        return Embedded(Path(place.removeprefix("chdb://")), memory)
    raise UsageError(f"`{place}` is no database; write chdb:///FOLDER or clickhouse://USER@HOST/DATABASE")
