"""Metrics as OTLP over HTTP, in its JSON form, which takes no library: OpenTelemetry protocol 1.x, metrics.proto.

Counters become monotonic sums since the start, gauges gauges, so that a push that failed costs no count: the next
one has it. Names are those of the families, `_total` left out, as OpenTelemetry's own bridges have them.
"""

import http.client
import json
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from fairway.kit.openmetrics import Family, Kind

PATH: Final = "/v1/metrics"
SECONDS: Final = 30.0
"""Between two pushes."""
_PATIENCE: Final = 10.0
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""Of a header: RFC 9110 section 5.6.2."""
_CUMULATIVE: Final = 2  # AggregationTemporality


class Collector(NamedTuple):
    """Where metrics go. `headers` is a file of lines `Name: value`, `ca` one of certificates to trust, PEM; either
    may be missing, and is read for each push: what is in it may be renewed. What headers say is never told."""

    url: str
    headers: Path | None = None
    ca: Path | None = None


def problem(collector: Collector) -> str:
    """What is wrong with a collector, for a person; empty if nothing is."""
    url = collector.url
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        fine = False
    if not fine:
        return f"`{url}` is no URL of a collector such as http://otel-collector.monitoring:4318"
    if collector.headers and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        return f"`{url}` would send credentials in the clear; use https://"
    return ""


def read_headers(path: Path | None) -> dict[str, str]:
    """The headers in a file; none where it is missing. ValueError says which line is none, not what is in it."""
    headers = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if colon and _NAME.fullmatch(name.strip()) and value.strip().isprintable() and value.isascii():
            headers[name.strip()] = value.strip()
        elif line.strip():
            raise ValueError(f"{path}: line {number} is no header; write `Name: value`")
    return headers


def encode(families: Iterable[Family], resource: Mapping[str, str], start_ns: int, now_ns: int) -> bytes:
    """An ExportMetricsServiceRequest; times are nanoseconds since 1970, `start_ns` when counters began."""
    metrics = [_metric(family, start_ns, now_ns) for family in families if family.samples]
    scope = {"scope": {"name": "fairway"}, "metrics": metrics}
    told = {"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [scope]}
    return json.dumps({"resourceMetrics": [told]}, separators=(",", ":")).encode()


def _metric(family: Family, start_ns: int, now_ns: int) -> dict[str, Any]:
    points = [
        {
            "attributes": _attributes(labels),
            "timeUnixNano": str(now_ns),
            **({"startTimeUnixNano": str(start_ns)} if family.kind is Kind.COUNTER else {}),
            **_number(value),
        }
        for labels, value in family.samples
    ]
    metric = {"name": family.name, "description": family.about}
    if family.kind is Kind.COUNTER:
        return metric | {"sum": {"dataPoints": points, "isMonotonic": True, "aggregationTemporality": _CUMULATIVE}}
    return metric | {"gauge": {"dataPoints": points}}


def _number(value: float) -> dict[str, Any]:
    return {"asInt": str(int(value))} if float(value).is_integer() else {"asDouble": value}


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels.items()]


class Push:
    """`with Push(...):` sends what `families` says to the collector, every `seconds`, from its own thread.

    What goes wrong is told once, in one line, as is that it went well again; `exports` counts both.
    """

    def __init__(
        self,
        collector: Collector,
        families: Callable[[], Iterable[Family]],
        resource: Mapping[str, str],
        say: Callable[[str], None],
        seconds: float = SECONDS,
    ) -> None:
        self._collector, self._families, self._resource, self._say = collector, families, resource, say
        self._seconds = seconds
        self._start_ns = time.time_ns()
        self._trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self.exports: Counter[str] = Counter(sent=0, failed=0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Push at once, and from then on."""
        self._thread.start()

    def close(self) -> None:
        """Push no more."""
        self._ended.set()
        self._thread.join(1.0)  # it may be waiting for the collector, and nobody waits for that

    def _run(self) -> None:
        while not self._ended.is_set():
            trouble = self._push()
            self.exports["failed" if trouble else "sent"] += 1
            if trouble != self._trouble:
                self._say(f"otlp {self._collector.url}: {trouble or 'well again'}")
            self._trouble = trouble
            self._ended.wait(self._seconds)

    def _push(self) -> str:
        """What went wrong, if anything did."""
        try:
            content = encode(self._families(), self._resource, self._start_ns, time.time_ns())
            status = self._post(content)
        except Exception as error:  # whatever it was, the next time may go well
            return getattr(error, "strerror", None) or str(error) or type(error).__name__
        return "" if 200 <= status < 300 else f"it answers {status}"

    def _post(self, content: bytes) -> int:
        parts = urlsplit(self._collector.url)
        host, port = parts.hostname or "", parts.port
        headers = read_headers(self._collector.headers)
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_PATIENCE, context=self._trust())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        )
        path = parts.path.rstrip("/")
        try:
            connection.request("POST", f"{path}{PATH}", content, headers | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            with suppress(http.client.HTTPException):
                answer.read(1 << 16)
            return answer.status
        finally:
            connection.close()

    def _trust(self) -> ssl.SSLContext:
        ca = self._collector.ca
        return ssl.create_default_context(cafile=str(ca) if ca and ca.exists() else None)
