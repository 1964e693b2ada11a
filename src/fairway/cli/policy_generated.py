"""What `fairway policy generate` tells of its result: tables beside the files, or comments below the manifests.

Both show the first few of each list; `--output json` has everything.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from fairway.kit import show
from fairway.policy.explain import port_title
from fairway.policy.generate import Generated
from fairway.policy.render import render
from fairway.policy.review import Doubt
from fairway.policy.sift import LeftOut
from fairway.policy.width import Unseen, Width

SHOWN: Final = 10
"""Of each list, in tables."""
FEW: Final = 3
"""Of each list, in comments."""
ALL: Final = "--output json"


@dataclass(frozen=True, slots=True)
class Told:
    """Policies, each with its manifest, and as YAML by file; what makes no rule, what a person should look at, and
    how much wider than seen they are."""

    policies: Sequence[Mapping[str, Any]]
    files: Mapping[str, str]
    left_out: Sequence[LeftOut]
    notes: Sequence[str]
    doubts: Sequence[Doubt]
    width: Width

    @classmethod
    def of(cls, generated: Generated, doubts: Sequence[Doubt], width: Width) -> Self:
        """The same of what was generated here."""
        files = render(generated)
        policies = [
            {
                "policy": made.policy.title,
                "workload": made.workload,
                "ingress": len(made.policy.ingress or ()),
                "egress": len(made.policy.egress or ()),
                "file": name,
                "manifest": made.manifest,
            }
            for name, made in zip(files, generated.policies, strict=True)
        ]
        return cls(policies, files, generated.left_out, generated.notes, doubts, width)

    @property
    def plain(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "policies": list(self.policies),
            "left_out": [asdict(left) for left in self.left_out],
            "notes": list(self.notes),
            "review": [asdict(doubt) for doubt in self.doubts],
            "width": asdict(self.width),
        }

    @property
    def summary(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in one.items() if name != "manifest"} for one in self.policies]

    @property
    def unruled(self) -> list[dict[str, Any]]:
        return [
            {
                "no_rule_for": f"{left.client} -> {left.server}",
                "port": port_title(left.port, left.protocol),
                "connections": left.connections,
                "because": left.reason,
            }
            for left in self.left_out
        ]

    @property
    def review(self) -> list[dict[str, Any]]:
        return [
            {
                "look_at": f"{doubt.client} -> {doubt.server}",
                "port": port_title(doubt.port, doubt.protocol),
                "connections": doubt.connections,
                "because": "; ".join(doubt.reasons),
            }
            for doubt in self.doubts
        ]

    @property
    def unseen(self) -> list[dict[str, Any]]:
        """The widest first."""
        most = sorted(self.width.unseen, key=_by_count)
        return [
            {"allowed_and_not_seen": f"{one.client} -> {one.server}", "port": f"{one.protocol} {one.ports}"}
            for one in most
        ]


def _by_count(one: Unseen) -> tuple[int, Unseen]:
    return -one.count, one


def tables(told: Told) -> None:
    """For a person, whose policies are in files."""
    show.rows(told.summary, empty="no flow makes a rule", right=("ingress", "egress"))
    _table(told.unruled)
    if told.doubts:
        _table(told.review)
        sys.stdout.write("they have rules; write what is not wanted into a file for --decisions\n")
    sys.stdout.write(f"\n{_wide(told.width)}\n")
    if told.unseen:
        _table(told.unseen, gap=False)
    for note in told.notes[:SHOWN]:
        sys.stdout.write(f"note: {note}\n")
    _more(len(told.notes), "notes")


def _table(rows: list[dict[str, Any]], *, gap: bool = True) -> None:
    if not rows:
        return
    if gap:
        show.out.print()
    show.rows(rows[:SHOWN], right=("connections",))
    _more(len(rows), "of them")


def _more(count: int, what: str) -> None:
    if count > SHOWN:
        sys.stdout.write(f"and {count - SHOWN} more {what}: {ALL}\n")


def _wide(width: Width) -> str:
    return (
        f"allowed between workloads: {width.allowed} connections (pair and port), {width.seen} of them seen; "
        f"outside: {width.outside_allowed} IPv4 addresses, {width.outside_seen} of them seen"
    )


def comments(told: Told) -> str:
    """The same below the manifests, which stay YAML."""
    lines = [
        *_few("no rule for", told.unruled, "no_rule_for"),
        *_few("look at", told.review, "look_at"),
        _wide(told.width),
        *_few("allowed and not seen", told.unseen, "allowed_and_not_seen"),
        *_listed("note", list(told.notes)),
        f"all of it: {ALL}",
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)


def _few(title: str, rows: Sequence[Mapping[str, Any]], ends: str) -> Iterator[str]:
    """`look at 12: ui/ui -> orders/orders TCP 8080 (only one of 2 replicas made it)`."""
    told = []
    for row in rows:
        because = f" ({row['because']})" if "because" in row else ""
        told.append(f"{row[ends]} {row['port']}{because}")
    yield from _listed(title, told)


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    yield from (f"{title}: {line}" for line in lines[:FEW])
    if len(lines) > FEW:
        yield f"{title}: and {len(lines) - FEW} more"
