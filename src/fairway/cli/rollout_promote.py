"""`fairway rollout promote`: a set proven in one cluster, checked against another's flows, then ordered there."""

import argparse
import sys
from pathlib import Path

import msgspec

from fairway.cli.rollout_answers import posted, shown
from fairway.cli.rollout_order import order_from
from fairway.hub.client import Client, Door, hub_of
from fairway.hub.login import read_login
from fairway.hub.rollouts.promoting import Promotion, Proven
from fairway.hub.state import State
from fairway.kit import show
from fairway.kit.errors import UsageError
from fairway.kit.show import Output
from fairway.policy.explain import port_title

_LISTED = 20


def exported(hub: Client, name: str) -> int:
    """What another hub needs to know of a rollout, as JSON on stdout."""
    sys.stdout.buffer.write(msgspec.json.format(hub.ask(f"/api/v1/rollouts/{name}/proven")) + b"\n")
    sys.stdout.flush()
    return 0


def promoted(hub: Client, arguments: argparse.Namespace, output: Output) -> int:
    """Check, tell, and where nothing would be denied order and start it; 1 where something would, or where it was
    not done there."""
    proven = _proven(arguments)
    content = hub.ask("/api/v1/rollouts/promotion", method="POST", body=msgspec.json.encode(proven))
    found = msgspec.json.decode(content, type=Promotion)
    ready = proven.phase == "done"
    if output is not Output.TABLE:
        show.value({"phase": proven.phase, "passes": found.passes, **msgspec.to_builtins(found)}, output=output)
    else:
        _tell(proven, found)
    if not (found.passes and ready) or arguments.check:
        return int(not (found.passes and ready))
    given = msgspec.to_builtins(proven.order)
    given.pop("nodes", None)  # nodes of another cluster
    given.get("limits", {}).pop("canary", None)
    posted(hub, "/", {"order": order_from(given, arguments), "why": arguments.why})
    posted(hub, f"/{arguments.name}/start", {"why": arguments.why})
    return shown(hub, arguments.name, output) if output is Output.TABLE else 0


def _proven(arguments: argparse.Namespace) -> Proven:
    """From a hub at a URL, one on this machine by its state folder, or a file that `rollout export` wrote."""
    source: str = arguments.source
    path = f"/api/v1/rollouts/{arguments.name}/proven"
    if source.startswith(("https://", "http://")):
        content = _hub_at(source.rstrip("/"), arguments).ask(path)
    elif Path(source).is_dir():
        content = hub_of(State(Path(source))).ask(path)
    else:
        try:
            content = Path(source).read_bytes()
        except OSError as error:
            raise UsageError(
                f"`{source}`: {error.strerror}; give a hub's URL, its state folder, or a file of `rollout export`"
            ) from None
    try:
        return msgspec.json.decode(content, type=Proven)
    except msgspec.MsgspecError as error:
        raise UsageError(f"`{source}`: holds no rollout: {error}; `fairway rollout export` writes one") from None


def _hub_at(url: str, arguments: argparse.Namespace) -> Client:
    ca = str(arguments.from_ca) if arguments.from_ca else None
    if arguments.from_token_file:
        return Client(Door(url=url, token_file=str(arguments.from_token_file), ca_file=ca))
    login = read_login()
    if login is None or login.url != url:
        raise UsageError(f"no token for `{url}`; give --from-token-file FILE")
    return Client(login)


def _tell(proven: Proven, found: Promotion) -> None:
    print_ = show.out.print
    if proven.phase != "done":
        print_(f"not proven yet: there it is {proven.phase} since {proven.since:%Y-%m-%d %H:%M} UTC", markup=False)
    for name in found.absent:
        print_(f"namespace `{name}` is not here", markup=False)
    for one in found.broken:
        what = port_title(one.port, one.protocol)
        print_(f"would deny: {one.client} -> {one.server} {what}, {one.connections} connections", markup=False)
        print_(f"  {one.reason}", markup=False)
        print_(f"  fix: {one.fix}", markup=False)
    for title in found.still_allowed:
        print_(f"still allowed: {title}", markup=False)
    for edges, where in ((found.only_there, "there, and not here"), (found.only_here, "here, and not there")):
        for edge in edges[:_LISTED]:
            print_(f"seen only {where}: {edge}", markup=False)
        if len(edges) > _LISTED:
            print_(f"and {len(edges) - _LISTED} more; --output json has all", markup=False)
    verdict = "nothing would be denied" if found.passes else f"{len(found.broken)} edges would be denied"
    print_(f"{found.judged} edges recorded here: {verdict}", markup=False)
