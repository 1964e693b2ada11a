"""`fairway anomalies`: what is unlike itself, compared to what, and how sure."""

import argparse
from collections.abc import Mapping
from typing import Any

from fairway.hub.target import add_why
from fairway.kit.arguments import add_output


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("anomalies", help="what is unlike itself, since when, compared to what; of a hub")
    add_why(verb)
    said = verb.add_mutually_exclusive_group()
    said.add_argument("--expected", metavar="ID", help="say that it is expected: the same is told no more")
    said.add_argument("--not-expected", metavar="ID", help="say that it is not: it is not learned from")
    said.add_argument("--forget", metavar="ID", help="take back what was said of it")
    verb.add_argument("--sure", type=_share, default=0.0, metavar="N", help="only what is so sure, 0 to 1")
    verb.add_argument("--all", action="store_true", help="also what somebody expects")
    add_output(verb)
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print anomalies, the latest first; or remember what is said of one."""
    from fairway.hub.target import hub_asked
    from fairway.kit import show

    hub, output = hub_asked(arguments), show.Output(arguments.output)
    for word, name in (
        ("expected", arguments.expected),
        ("not-expected", arguments.not_expected),
        ("", arguments.forget),
    ):
        if name is not None:
            _say(hub, name, word, arguments.why, output)
            return 0
    asked = {"sure": str(arguments.sure), "expected": str(arguments.all).lower()}
    told = hub.answer("anomalies", asked)
    if output is not show.Output.TABLE:
        show.value(told, output=output)
        return 0
    for one in told["anomalies"]:
        _print(one, hub.url)
    if not told["anomalies"]:
        until = told["judged_until"]
        show.out.print(
            f"nothing is unlike itself; looked at until {until[:16]}Z" if until else "nobody has looked yet"
        )
    if told["trouble"]:
        show.out.print(f"nobody looks now: {told['trouble']}", markup=False)
    return 0


def _say(hub: Any, name: str, word: str, why: str, output: Any) -> None:
    from urllib.parse import quote

    from fairway.hub.anomalies.book import Said
    from fairway.kit import show

    told = hub.answer(f"anomalies/{quote(name, safe='')}/feedback", asked=Said(word=word, why=why))  # type: ignore[arg-type]
    if output is not show.Output.TABLE:
        show.value(told, output=output)
        return
    after = {"expected": "told no more", "not-expected": "not learned from", "": "forgotten what was said"}[word]
    show.out.print(f"{told['id']}: {told['kind']} of {told['subject']}: {after}", markup=False)


def _print(one: Mapping[str, Any], url: str) -> None:
    from fairway.kit import show

    said = f"  ({one['feedback']})" if one["feedback"] else ""
    lines = (
        f"{one['id']}  {one['kind']}: {one['subject']}  since {one['since'][:16]}Z  sure {one['sure']:.2f}{said}",
        f"    {one['what']}",
        f"    compared: {one['compared']}",
        f"    look: {one['command']}",
        f"          {url}{one['link']}",
    )
    for line in lines:
        show.out.print(line, markup=False, soft_wrap=True)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 0 to 1")
    return share
