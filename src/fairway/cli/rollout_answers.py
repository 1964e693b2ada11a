"""What a hub says of rollouts, as a terminal shows it."""

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fairway.cli.rollout_order import order_of
from fairway.hub.client import Client
from fairway.kit import show
from fairway.kit.errors import UsageError
from fairway.kit.progress import Progress
from fairway.kit.show import Output
from fairway.kit.spans import span
from fairway.rollout.order import Order

Plain = Mapping[str, Any]
_ENDED: Final = ("done", "stepped-back", "aborted", "failed")
_LOOK: Final = 0.5
_PATH: Final = "/api/v1/rollouts"


def planned(hub: Client, order: Order, output: Output) -> int:
    """What would be done; 1 if a gate is closed."""
    with Progress() as progress:
        while (found := posted(hub, "/preview", order))["computing"]:
            progress.tell("coverage is being computed")
            time.sleep(_LOOK)
    if output is not Output.TABLE:
        show.value(found, output=output)
    else:
        steps = found["foreseen"]["steps"]
        rows = [
            {"step": number, "units": ", ".join(step), "then": f"watched for {span(order.soak)}"}
            for number, step in enumerate(steps, 1)
        ]
        show.rows(
            rows, title=f"rollout {order.name}: what would be done", empty="nothing: the budgets allow no step"
        )
        if found["foreseen"]["frozen"]:
            until = found["foreseen"]["until"]
            ends = f", until {_moment(until)}" if until else ""
            show.out.print(f"a freeze window: {found['foreseen']['frozen']}{ends}", markup=False)
        for node, trouble in found["foreseen"]["never"].items():
            show.out.print(f"left out for now: {node}: {trouble}", markup=False)
        show.out.print()
        show.rows(_gates(found["gates"]), title="gates before the first step, as they are now")
    return int(any(not gate["open"] for gate in found["gates"]))


def started(hub: Client, arguments: argparse.Namespace, output: Output) -> int:
    """Order it, unless it is there already and nothing new is said of it; then start it."""
    anew = arguments.order or arguments.policies
    if anew:
        posted(hub, "/", {"order": order_of(arguments), "why": arguments.why})
        if arguments.draft:
            return shown(hub, arguments.name, output)
    posted(hub, f"/{arguments.name}/start", {"why": arguments.why})
    return shown(hub, arguments.name, output)


def acted(hub: Client, arguments: argparse.Namespace, act: Plain, output: Output) -> int:
    """Do what a button does, and show where that leads."""
    posted(hub, f"/{arguments.name}/{arguments.rollout_verb}", act)
    return shown(hub, arguments.name, output)


def listed(hub: Client, output: Output) -> int:
    """All rollouts, a line each."""
    found = hub.answer("rollouts")
    if output is not Output.TABLE:
        show.value(found, output=output)
        return 0
    rows = [{"name": one["name"], "phase": one["phase"], "since": _ago(one["since"]), "steps": len(one["steps"]),
             "waits for": one["waits"] or "-"} for one in found]  # fmt: skip
    show.rows(rows, empty="no rollout was ordered; `fairway rollout start` orders one")
    return 0


def shown(hub: Client, name: str, output: Output) -> int:
    """One rollout; 1 if it stepped back."""
    found = hub.answer(f"rollouts/{name}")
    if output is not Output.TABLE:
        show.value(found, output=output)
    else:
        _tell(found)
    return int(found["phase"] in ("stepping-back", "stepped-back", "failed"))


def watched(hub: Client, name: str, output: Output) -> int:
    """Each change as it comes, until it ends; 1 if it stepped back."""
    last: Plain = {}
    while True:
        found = hub.answer(f"rollouts/{name}")
        if (found["revision"], found["waits"]) != (last.get("revision"), last.get("waits")):
            last = found
            if output is Output.TABLE:
                sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S}  {_line(found)}\n")
                sys.stdout.flush()
            else:
                show.value(found, output=output)
        if found["phase"] in _ENDED:
            if output is Output.TABLE:
                _tell(found)
            return int(found["phase"] != "done")
        time.sleep(_LOOK)


def logged(hub: Client, name: str | None, output: Output) -> int:
    """The audit log's entries about rollouts."""
    entries = [one for one in hub.answer("audit", {"limit": "1000"}) if one["what"] == "rollout"]
    if name is not None:
        entries = [one for one in entries if one["detail"].get("rollout") == name]
    if output is Output.TABLE:
        entries = [{"at": _moment(one["at"]), "who": one["who"], "what": one["done"], "why": one["why"] or "-"}
                   for one in entries]  # fmt: skip
    show.rows(entries, output=output, empty="nothing was done yet")
    return 0


def amended(hub: Client, name: str, output: Output) -> int:
    """Policies to add, on stdout; 1 if something would still be denied."""
    found = hub.answer(f"rollouts/{name}/amended")
    if output is not Output.TABLE:
        show.value(found, output=output)
    else:
        sys.stdout.write(found["yaml"])
        result = (
            "nothing would be denied" if found["passes"] else f"{len(found['still'])} edges would still be denied"
        )
        show.err.print(f"replay of everything seen, these policies added: {result}", markup=False)
    return int(not found["passes"])


def _tell(found: Plain) -> None:
    print_ = show.out.print
    print_(_line(found), markup=False)
    if found["until"]:
        print_(f"until {_moment(found['until'])}, if nothing else comes between", markup=False)
    print_()
    units = [
        {**{key: unit[key] for key in ("name", "zone", "mode", "pods")}, "step": unit["step"] or "-",
         "obeys": "yes" if unit["obeys"] else unit["doing"] or "not yet", "trouble": unit["trouble"] or "-"}
        for unit in found["units"]
    ]  # fmt: skip
    show.rows(units, right=("step", "pods"), empty="nothing is in its scope")
    if found["gates"]:
        print_()
        show.rows(_gates(found["gates"]), title="gates")
    if found["breakage"] and found["phase"] in ("stepping-back", "stepped-back"):
        print_()
        _tell_breakage(found["name"], found["breakage"])


def _tell_breakage(name: str, breakage: Plain) -> None:
    gates = "; ".join(f"{gate['name']}: {gate['why'] or gate['value']}" for gate in breakage["gates"])
    took = "" if breakage["seconds"] is None else f"; traffic flowed again after {breakage['seconds']:.1f} s"
    show.out.print(f"{', '.join(breakage['units'])} taken back: {gates or 'a person asked'}{took}", markup=False)
    rows = [{key: one[key] for key in ("client", "server", "port", "count", "why")} for one in breakage["denied"]]
    if rows:
        show.rows(rows, right=("count",))
        show.out.print(f"next: `fairway rollout amend {name}` writes what is missing", markup=False)


def _gates(gates: list[Plain]) -> list[dict[str, str]]:
    return [{"gate": gate["name"], "": "open" if gate["open"] else "closed", "value": gate["value"],
             "limit": gate["limit"], "why": gate["why"] or "-"} for gate in gates]  # fmt: skip


def _line(found: Plain) -> str:
    enforcing = [unit for step in found["steps"] for unit in step["units"]]
    where = f" on {', '.join(enforcing)}" if enforcing else ""
    waits = f"; waits for {found['waits']}" if found["waits"] else ""
    return f"rollout {found['name']}: {found['phase']}{where}{waits}"


def posted(hub: Client, path: str, content: Any) -> Any:
    """What the hub answers to something of a rollout; UsageError without a name."""
    if any(not part for part in path.split("/")[1:-1]):
        raise UsageError("rollout: it needs a name")
    return msgspec.json.decode(hub.ask(f"{_PATH}{path}", method="POST", body=msgspec.json.encode(content)))


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S} UTC"


def _ago(text: str) -> str:
    return f"{span(datetime.now(UTC) - datetime.fromisoformat(text))} ago"
