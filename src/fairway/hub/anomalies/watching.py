"""Watching: every few minutes the hour that runs is judged, and each hour once more when it is over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from fairway.hub.anomalies.book import Anomaly, Book
from fairway.hub.anomalies.reading import alive, changed, traffic_between
from fairway.kit.errors import FairwayError
from fairway.signals.detect import WEEKS, Detectors
from fairway.signals.rhythm import WEEK
from fairway.signals.traffic import Hour, Past

if TYPE_CHECKING:
    from fairway.hub.service import Hub

EVERY: Final = 300.0
"""Seconds between two looks."""
SETTLED: Final = timedelta(minutes=5)
"""After an hour's end: agents and segments have told all of it by then."""
LATELY: Final = 3
"""Hours, for which a workload counts as changed after a new pod of it spoke."""


class Anomalies:
    """`start` it with the hub; ask through `book`."""

    def __init__(self, hub: "Hub", log: Callable[[str], None]) -> None:
        self._hub = hub
        self._log = log
        self.book = Book(hub.config.state.anomalies)
        self._learned: tuple[int, Detectors] | None = None
        self.trouble = ""
        self._ended = Event()
        self._thread = Thread(target=self._run, name="anomalies", daemon=True)

    def start(self) -> None:
        """Go on with what was kept; UsageError if the file of it is damaged."""
        self.book.open()
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self, now: datetime) -> list[Anomaly]:
        """Judge the hour before, if it is over and was not yet, and the one that runs; what is news. DatabaseError
        when the database does not answer, OSError when the disk refuses."""
        running = int(now.timestamp()) // 3600
        news: list[Anomaly] = []
        over = int((now - SETTLED).timestamp()) // 3600 - 1
        if over > self.book.judged:
            news += self._judge(over, whole=True)
        if over == running - 1:  # else the hour before may not have been told to its end
            news += self._judge(running, whole=False)
        if news:
            self._hub.live.announce(tuple(news))
        return news

    def _judge(self, number: int, *, whole: bool) -> list[Anomaly]:
        base, cluster = self._hub.base, self._hub.cluster
        deployed = changed(base, number - LATELY, number + 1, LATELY)
        hour = Hour(
            number=number,
            traffic=traffic_between(base, number, number + 1),
            whole=whole,
            alive=alive(cluster) if cluster is not None else None,
            changed=frozenset(name for name, hour in deployed if hour == number),
        )
        found = self._detectors(number).find(hour)
        return self.book.add(found, number, whole=whole)

    def _detectors(self, number: int) -> Detectors:
        """What is learned of the weeks before an hour, learned once."""
        if self._learned is None or self._learned[0] != number:
            begin = number - WEEKS * WEEK
            traffic = traffic_between(self._hub.base, begin, number)
            deployed = changed(self._hub.base, begin, number, LATELY)
            past = Past.of(traffic, begin, number, self.book.left_out(), deployed)
            self._learned = number, Detectors(past)
        return self._learned[1]

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            try:
                for one in self.look(datetime.now(UTC)):
                    self._log(f"anomaly {one.id}: {one.finding.kind}: {one.finding.subject}: {one.finding.what}")
                self._say("")
            except (FairwayError, OSError) as error:
                self._say(next(iter(str(error).splitlines()), type(error).__name__))
            except Exception as error:  # the hub goes on, and says what does not
                self._say(f"{error!r}; this is a mistake in fairway")

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self._log(f"anomalies: {trouble or 'fine again'}")
        self.trouble = trouble
