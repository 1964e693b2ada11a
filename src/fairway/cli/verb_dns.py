"""`fairway dns`: who asks DNS for which names, what comes of it, and which names outside were called."""

import argparse
from typing import Any

from fairway.hub.source import add_question, asked_of
from fairway.kit.errors import UsageError


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("dns", help="who asks DNS for which names, and what comes of it; of a hub")
    verb.add_argument(
        "workload", nargs="?", metavar="WORKLOAD", help="the names that `namespace/workload` asks for"
    )
    verb.add_argument("--names", action="store_true", help="names, not pods")
    add_question(verb, limit=50)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print pods, or names, those with most questions in vain first: unanswered, or answered by an error."""
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    asked, named = asked_of(arguments), arguments.names or arguments.workload is not None
    if arguments.workload is not None:
        asked["q"] = f"{_of(arguments.workload)} {asked.get('q', '')}".strip()
    place, what = ("dns/names", "questions") if named else ("dns", "askers")
    told = hub_asked(arguments).answer(place, asked | {"limit": str(arguments.limit)})[what]
    output = show.Output(arguments.output)
    if output is show.Output.TABLE:
        told = [(_name if named else _pod)(one) for one in told]
    counts = ("pods", "asked", "answered", "unanswered", "nxdomain", "failed", "wait", "longest")
    show.rows(told, output=output, right=counts, empty="nobody asked")
    return 0


def _of(workload: str) -> str:
    namespace, slash, name = workload.partition("/")
    if not (namespace and slash and name):
        raise UsageError(f"`{workload}` is no workload; write `namespace/workload`")
    return f"src.namespace={namespace} src.workload={name}"


def _pod(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "pod": f"{one['namespace']}/{one['pod']}",
        "node": one["node"],
        **_counts(one),
        "resolvers": ", ".join(one["resolvers"]),
        "names": ", ".join(one["names"]),
    }


def _name(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "workload": f"{one['namespace']}/{one['workload'].rpartition('/')[2]}",
        "name": one["name"] or "(others)",
        "pods": one["pods"],
        **_counts(one),
        "longest": f"{one['longest_ms']:.1f} ms",
        "last": f"{one['last'][:19]}Z",
    }


def _counts(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "asked": one["asked"],
        "answered": one["answered"],
        "unanswered": f"{one['unanswered']:.1%}",
        "nxdomain": one["nxdomain"],
        "failed": one["failed"],
        "wait": "-" if one["wait_ms"] is None else f"{one['wait_ms']:.1f} ms",
    }
