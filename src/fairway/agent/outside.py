"""Outside: everything between the agent and the world beyond its node: where batches go, where feeds come from,
and who may look at its metrics."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import fairway
from fairway.agent.compat import AwsWindow, instance_id
from fairway.agent.complaint import Say
from fairway.agent.config import Compat, Config, listen_address
from fairway.agent.discover import NodeItself
from fairway.agent.exposition import Exposition
from fairway.agent.feed import Feed, FileFeed, HubFeed
from fairway.agent.hublink import Hub
from fairway.agent.kernel import Kernel
from fairway.agent.metrics import Health, Metrics
from fairway.agent.outbox import Outbox, open_folder
from fairway.agent.pods import Pods
from fairway.agent.printer import Printer
from fairway.agent.readings import Opened, pod_readings
from fairway.agent.sender import Sender
from fairway.kit.errors import EnvironmentLacksError
from fairway.kit.otlp import Push
from fairway.wire.batch import Batch
from fairway.wire.rules import NodeFeed

_FLUSH_SECONDS: Final = 1.0
"""At the end: for the hub to take what waits. The rest stays in the spool for the next start."""


class Outside:
    """Opened from the settings; `reopen` with others. Its threads only read what the agent counts."""

    def __init__(self, config: Config, boot: str, kernel: Kernel, pods: Pods, opened: Opened, say: Say) -> None:
        self._kernel, self._pods, self._opened, self._say = kernel, pods, opened, say
        self.outbox = _outbox(config, boot)
        self.health = Health(flows_limit=kernel.tables["flows"].size, waiting_limit=config.spool_mib << 20)
        self.boot = boot
        self._config = config
        self.sender = self._open_sender(config)
        self.feed = self._open_feed(config)
        self._compat: AwsWindow | None = None
        self._metrics: Metrics | None = None
        self._exposition: Exposition | None = None
        self._expose(config)

    def settle(self, told: Callable[[str, int], bool]) -> None:
        """Finish what an earlier agent left half done in the spool; `told` knows by boot and number."""
        if isinstance(self.outbox, Outbox):
            self.outbox.settle(told)
        if self.sender is not None:
            self.sender.wake()

    def put(self, batch: Batch, commit: Callable[[], None]) -> None:
        """Send it, or keep it until that can be; `commit` notes that it is told."""
        self.outbox.put(batch, commit)
        if self.sender is not None:
            self.sender.wake()

    def obeyed(self, feed: NodeFeed) -> None:
        """A feed is in force."""
        if isinstance(self.feed, HubFeed):
            self.feed.keep(feed)

    def roll(self) -> None:
        """Begin a new window of compatible metrics, if there are any and it is time."""
        if self._compat is not None and self._metrics is not None:
            self._compat.roll(
                lambda: pod_readings(self._kernel, self._pods), self._opened, self._metrics.cards.read
            )

    def losses(self) -> dict[str, int]:
        """Batches that nobody got, by what became of them."""
        return {
            "spool_dropped": self.outbox.dropped,
            "batches_refused": self.sender.sent.refused if self.sender else 0,
        }

    def reopen(self, config: Config) -> None:
        """Go on with other settings. What serves or asks is made anew, so that renewed certificates count, too."""
        if isinstance(self.outbox, Outbox):
            self.outbox.max_bytes = self.health.waiting_limit = config.spool_mib << 20
        before, self._config = self._config, config
        if _hub(config) != _hub(before) and self.sender is not None:
            self.sender.close(0.0)
            self.sender = None
        if self.sender is None:
            self.sender = self._open_sender(config)
        if (_hub(config), config.control) != (_hub(before), before.control):
            self.feed.close()
            self.feed = self._open_feed(config)
        self._unexpose()
        try:
            self._expose(config)
        except EnvironmentLacksError as error:
            self._say(f"{error}; no metrics are served")

    def close(self) -> None:
        """End, with what waits sent if the hub takes it within a second."""
        if self.sender is not None:
            self.sender.close(_FLUSH_SECONDS)
        self.feed.close()
        self._unexpose()
        if self._config.detach and self.sender is not None and isinstance(self.outbox, Outbox):
            self._clear(self.outbox)

    def _clear(self, outbox: Outbox) -> None:
        """Leave no folder behind that only waits for a hub; what the hub did not take stays."""
        waiting, _ = outbox.size()
        if waiting:
            self._say(f"{waiting} batches that the hub did not take stay in {outbox.folder}")
            return
        self._kept_feed().unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody else has files there
            outbox.folder.rmdir()

    def _kept_feed(self) -> Path:
        # Hidden: whoever empties the spool takes what has a plain name for a batch.
        return (self._config.spool or Path()) / f".{self._config.node}.feed.json"

    def _open_sender(self, config: Config) -> Sender | None:
        hub = _hub(config)
        if hub is None or not isinstance(self.outbox, Outbox):
            return None
        sender = Sender(self.outbox, hub, self._say)
        sender.start()
        return sender

    def _open_feed(self, config: Config) -> Feed:
        hub = _hub(config)
        if config.control is not None:
            return FileFeed(config.control)
        if hub is not None:
            return HubFeed(config.node, hub, self._kept_feed(), self._say)
        return NodeItself(config.node, self._pods.netlink)

    def _expose(self, config: Config) -> None:
        self._metrics = None
        address = listen_address(config.metrics) if config.metrics else None
        if address is None and not config.otlp:
            self._compat = None
            return
        if config.compat is Compat.AWS:
            instance = instance_id(config.instance_id)
            self._compat = AwsWindow(config.node, instance, config.compat_window, config.metrics_pods)
        else:
            self._compat = None
        self._metrics = Metrics(
            node=config.node,
            most_pods=config.metrics_pods,
            kernel=self._kernel,
            pods=self._pods,
            opened=self._opened,
            health=self.health,
            sender=self.sender,
            feed=self.feed if isinstance(self.feed, HubFeed) else None,
            compat=self._compat,
        )
        if config.otlp:
            told = {
                "service.name": "fairway-agent",
                "service.version": fairway.__version__,
                "k8s.node.name": config.node,
            }
            self.health.push = Push(config.otlp, self._metrics.families, told, self._say)
            self.health.push.start()
        if address is None:
            return
        certificate = (config.metrics_cert, config.metrics_key) if config.metrics_cert else None
        self._exposition = Exposition(address, self._metrics.families, certificate, config.metrics_token_file)

    def _unexpose(self) -> None:
        if self._exposition is not None:
            self._exposition.close()
            self._exposition = None
        if self.health.push is not None:
            self.health.push.close()
            self.health.push = None


def _outbox(config: Config, boot: str) -> Outbox | Printer:
    if config.spool is None:
        return Printer(sys.stdout, config.node, boot)
    return Outbox(open_folder(config.spool), config.node, boot, config.spool_mib << 20)


def _hub(config: Config) -> Hub | None:
    if not config.hub or config.token_file is None:
        return None
    return Hub(config.hub, config.token_file, config.ca_file, config.timeout)
