"""Nodes' clocks, compared with the hub's: times are kept as told, but who is at work goes by the hub's."""

from dataclasses import dataclass, field
from typing import Final

AHEAD_S: Final = 30
BEHIND_S: Final = 300
"""Seconds from which on it is told: a report from the future, and one so old when it comes."""


@dataclass(slots=True)
class Clocks:
    """How old each node's latest report was when it came. Below zero its clock is ahead."""

    _lag_us: dict[str, int] = field(default_factory=dict)

    def observe(self, node: str, end_us: int, now_us: int) -> None:
        """A report whose interval ended at `end_us` by its node's clock came at `now_us` by the hub's."""
        self._lag_us[node] = now_us - end_us

    def here(self, node: str, moment_us: int) -> int:
        """About what the hub's clock showed when the node's showed `moment_us`."""
        return moment_us + self._lag_us.get(node, 0)

    def not_ahead(self, node: str, moment_us: int) -> int:
        """The same for a node that is ahead; a late report's moment stands as it is."""
        return moment_us + min(0, self._lag_us.get(node, 0))

    def lags(self) -> dict[str, float]:
        """Seconds by node."""
        return {node: lag / 1e6 for node, lag in sorted(self._lag_us.items())}

    def warnings(self) -> list[str]:
        """One line for each node whose times are off."""
        found = []
        for node, lag in self.lags().items():
            if lag < -AHEAD_S:
                found.append(f"{node}: its clock is {-lag:.0f} s ahead of the hub's; set it right")
            elif lag > BEHIND_S:
                found.append(
                    f"{node}: its last report came {lag:.0f} s late; its clock is behind, or it catches up"
                )
        return found
