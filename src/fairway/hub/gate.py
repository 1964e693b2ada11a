"""The gate: from a token to who it is, if they do not ask too often. Counts whom it turns away."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from fairway.hub.auth import Principal, Role, Tokens
from fairway.hub.identity import Identifies, ProviderDownError, RefusedTokenError
from fairway.hub.limits import Limits, Meter

LONGEST: Final = 8192
"""Characters of a token: the longest that OpenID providers make fit."""


class TooOftenError(Exception):
    """Asked more than the limit allows; `retry_after` in whole seconds."""

    def __init__(self, retry_after: float, what: str) -> None:
        self.retry_after = max(1, math.ceil(retry_after))
        super().__init__(f"{what}; ask again in {self.retry_after} s")


class Gate:
    """`tokens` are asked first, then the others in turn."""

    def __init__(self, tokens: Tokens, others: Sequence[Identifies] = (), limits: Limits | None = None) -> None:
        self._tokens = tokens
        self._others = tuple(others)
        self._limits = limits or Limits()
        self._people, self._agents = Meter(self._limits.people), Meter(self._limits.agents)
        self._agent_bytes = Meter(self._limits.agent_bytes)
        self.turned_away: Counter[str] = Counter(unknown=0, refused=0, too_often=0, provider_down=0)

    async def admit(self, token: str, node: str = "") -> Principal | None:
        """Whose token it is, None if nobody's; RefusedTokenError, ProviderDownError, TooOftenError. `node` is the
        one that an agent says it speaks for."""
        principal = await self._find(token)
        if principal is None:
            self.turned_away["unknown"] += 1
            return None
        agent = principal.role is Role.AGENT
        meter, limit = (self._agents, self._limits.agents) if agent else (self._people, self._limits.people)
        if wait := meter.take(_key(principal, node), 1, time.monotonic()):
            self.turned_away["too_often"] += 1
            raise TooOftenError(wait, f"more than {limit.rate:g} requests a second")
        return principal

    def weigh(self, principal: Principal, node: str, size: int) -> None:
        """What an agent sent, in bytes; TooOftenError if that is too much by now."""
        if wait := self._agent_bytes.take(_key(principal, node), size, time.monotonic()):
            self.turned_away["too_often"] += 1
            raise TooOftenError(wait, f"more than {self._limits.agent_bytes.rate:g} bytes a second")

    async def _find(self, token: str) -> Principal | None:
        if not 0 < len(token) <= LONGEST:
            return None
        try:
            found = self._tokens.principal(token)
            for other in self._others:
                found = found or await other.principal(token)
        except RefusedTokenError:
            self.turned_away["refused"] += 1
            raise
        except ProviderDownError:
            self.turned_away["provider_down"] += 1
            raise
        return found


def _key(principal: Principal, node: str) -> str:
    """People have one bucket each; of agents with one token in common each node has one."""
    return f"{principal.role}/{principal.name}/{node if principal.role is Role.AGENT else ''}"
