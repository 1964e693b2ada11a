"""Claim: one hub for one database on servers. Two would not know which reports the other has, and count them twice.

ClickHouse has no locks. Each hub says every half minute that it is there, and one that starts looks who else did
lately: of two that start at once neither works.
"""

import socket
import time
from typing import Final

from fairway.hub.database.interface import Database
from fairway.hub.database.schema import HUBS
from fairway.kit.errors import UsageError

EVERY: Final = 30.0
"""Seconds between two words of a hub."""
LATELY: Final = 100
"""Seconds after which one that said nothing more is taken for gone."""


class Claim:
    """`hub` is a hub's own name, of letters and digits."""

    def __init__(self, database: Database, hub: str) -> None:
        self._database = database
        self._table = database.layout.local(HUBS.name)
        self._hub = hub
        self._said = 0.0

    def take(self) -> None:
        """UsageError if another hub is at work there."""
        self._say("here")
        others = [row for answer in self._database.each(self._others()) for row in answer.to_pylist()]
        if others:
            self._say("gone")
            other = min(others, key=lambda row: int(row["ago"]))
            wait = max(1, LATELY - int(other["ago"]))
            raise UsageError(
                f"another hub (on `{other['host']}`) works with this database; stop it, or give this one a "
                f"database of its own: clickhouse://HOST/NAME. If it is gone for good, start again in {wait} s"
            )

    def hold(self) -> bool:
        """Say again, if it is time to, that this hub is there; whether it was."""
        due = time.monotonic() - self._said >= EVERY
        if due:
            self._say("here")
        return due

    def release(self) -> None:
        """Another one may begin."""
        self._say("gone")

    def _say(self, state: str) -> None:
        host = socket.gethostname().encode().hex()
        self._database.execute(
            f"INSERT INTO {self._table} (hub, host, state) VALUES ('{self._hub}', unhex('{host}'), '{state}')"
        )
        self._said = time.monotonic()

    def _others(self) -> str:
        return (
            "SELECT hub, argMax(host, at) AS host, dateDiff('second', max(at), now64(3)) AS ago "
            f"FROM {self._table} WHERE hub != '{self._hub}' GROUP BY hub "
            f"HAVING argMax(state, at) = 'here' AND ago < {LATELY}"
        )
