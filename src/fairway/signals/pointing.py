"""Pointing: where to look at something, as a filter and as a page of the console."""

import re
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fairway.signals.traffic import OUTSIDE

_ADDRESS: Final = re.compile(r"[0-9a-f]*[.:][0-9a-f.:]*")
SERVICE: Final = "service "
"""Before the name of a Service whose backends are several workloads."""


def filter_of(client: str = "", server: str = "", port: int = 0, protocol: str = "") -> str:
    """The filter that means traffic between two groups, as `signals.traffic.Pair` names them, or of one of them."""
    words = [*_end("src", client), *_end("dst", server)]
    if port:
        words.append(f"dst.port={port}")
    if protocol:
        words.append(f"proto={protocol}")
    return " ".join(words)


def console_of(wanted: str, since: datetime, until: datetime) -> str:
    """The console's page of flows with the filter set, for an hour more on both sides."""
    hour = timedelta(hours=1)
    asked = {"since": _written(since - hour), "until": _written(until + hour), "q": wanted}
    return f"/flows?{urlencode(asked, safe=':=,./')}"


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"


def _end(side: str, name: str) -> list[str]:
    if not name:
        return []
    if name == OUTSIDE:
        return [f"{side}.kind=external,cloud"]
    if name.startswith(SERVICE):
        namespace, _, own = name.removeprefix(SERVICE).partition("/")
        return [f"{side}.kind=service", f"{side}.namespace={namespace}", f"{side}.name={own}"]
    namespace, slash, own = name.partition("/")
    if slash and not own.isdecimal():
        return [f"{side}.namespace={namespace}", f"{side}.workload={own}"]
    if slash or _ADDRESS.fullmatch(name):
        return [f"{side}.ip={name}"]
    return [f"{side}.name={name}"]
