"""Steering: the thread in which the cluster and what is wanted become each node's rules.

A thread of its own, as rules for a thousand nodes are as many files on disk; reports wait for none.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final, NamedTuple

from fairway.hub.agents import Agents
from fairway.hub.control import Control, Feed
from fairway.hub.intent import Intent
from fairway.hub.state import State
from fairway.hub.surroundings import Orders
from fairway.hub.trying import Trying
from fairway.hub.wishes import Wanted
from fairway.kit.files import signature
from fairway.policy.model import Cluster

_TICK: Final = 0.25
"""Seconds between two looks."""


class Scene(NamedTuple):
    """What rules are made of beside what is wanted; another `look` is another cluster, or its own orders."""

    look: int
    cluster: Cluster
    orders: Orders | None
    agents: Agents


class Steering:
    """`scene` tells what there is now; None: nothing is known yet. From `open` on feeds are told, from `start` on
    they are made anew."""

    def __init__(
        self,
        state: State,
        wanted: Wanted,
        scene: Callable[[], Scene | None],
        trying: Trying,
        log: Callable[[str], None],
    ) -> None:
        self._state = state
        self._wanted = wanted
        self._scene = scene
        self._trying = trying
        self._log = log
        self._control = Control(state, log)
        self._seen: tuple[object, ...] = ()
        self._steered: Intent | None = None
        self._ended = Event()
        self._thread = Thread(target=self._run, name="control", daemon=True)

    def open(self) -> None:
        """Go on where the last hub ended."""
        self._control.open()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """End, if it has begun."""
        self._ended.set()
        self._thread.join()

    @property
    def revision(self) -> int:
        """The latest of the rules that agents are told."""
        return self._control.revision

    def feed(self, node: str) -> Feed | None:
        """What a node's agent is told; None for a node that nobody knows."""
        return self._control.feed(node)

    def obeying(self, agents: Agents) -> Mapping[str, bool]:
        """By node that has an agent, whether that does what is wanted by now."""
        told = self._steered == self._wanted.read()
        return {
            node: told and one.revision >= self._control.revision_of(node) for node, one in agents.agents.items()
        }

    def _run(self) -> None:
        while not self._ended.wait(_TICK):
            if (scene := self._scene()) is not None:
                self._trying.attempt("control", partial(self._steer, scene))

    def _steer(self, scene: Scene) -> bool:
        intent_file = signature(self._state.intent)
        intent = self._wanted.read()
        seen = (scene.look, intent_file, *(signature(path) for path in _policy_paths(intent)))
        applied = max((agent.revision for agent in scene.agents.agents.values()), default=0)
        if seen == self._seen and applied <= self._control.revision:
            return False
        self._seen = seen
        try:
            nodes = self._control.update(scene.cluster, intent, applied, scene.orders)
        except OSError:
            self._seen = ()  # the disk may recover without anything else changing
            raise
        self._steered = intent
        if nodes:
            self._log(f"control: revision {self._control.revision} for {', '.join(sorted(nodes))}")
        return True


def _policy_paths(intent: Intent) -> list[Path]:
    choices = (intent.active, intent.staged)
    return [Path(choice.policies) for choice in choices if choice and choice.policies is not None]
