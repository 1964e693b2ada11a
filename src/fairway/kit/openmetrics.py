"""Metrics as text, for whoever scrapes: OpenMetrics 1.0 or, for older readers, the Prometheus text format 0.0.4.

The two differ where counters are declared: OpenMetrics leaves `_total` out of the family's name.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"

_IN_PROSE: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})
_QUOTED: Final = _IN_PROSE | str.maketrans({'"': '\\"'})
Sample = tuple[Mapping[str, str], float]


class Kind(StrEnum):
    """A counter only grows; a gauge is what is now."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Family(NamedTuple):
    """Samples of one name, which for counters is without `_total`."""

    name: str
    kind: Kind
    about: str
    samples: Sequence[Sample]


def counter(name: str, about: str, *samples: Sample) -> Family:
    """A family that only grows."""
    return Family(name, Kind.COUNTER, about, samples)


def gauge(name: str, about: str, *samples: Sample) -> Family:
    """A family of what is now."""
    return Family(name, Kind.GAUGE, about, samples)


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics."""
    return "application/openmetrics-text" in accept


def render(families: Iterable[Family], *, openmetrics: bool) -> str:
    """The text. A family without samples is left out."""
    lines = []
    for family in families:
        if not family.samples:
            continue
        sample = family.name + "_total" * (family.kind is Kind.COUNTER)
        declared = family.name if openmetrics else sample
        about = family.about.translate(_QUOTED if openmetrics else _IN_PROSE)
        lines.append(f"# HELP {declared} {about}\n# TYPE {declared} {family.kind}\n")
        lines += [f"{sample}{_labels(labels)} {value}\n" for labels, value in family.samples]
    return "".join(lines) + "# EOF\n" * openmetrics


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{value.translate(_QUOTED)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""
