"""`fairway agent`: run on a node until stopped."""

import argparse
import sys
from pathlib import Path
from typing import Any

from fairway.kit.errors import UsageError
from fairway.kit.stop import Stop


def register(verbs: Any) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "agent",
        help="count and judge packets on this node, report them, obey the rules it is given",
        description="Runs in the current network namespace until SIGTERM. Enforcement goes on afterwards, "
        "unless --detach is given.",
    )
    parser.add_argument("--node", required=True, help="this node's name")
    parser.add_argument("--control", required=True, type=Path, help="file with this node's pods and rules")
    parser.add_argument("--spool", required=True, type=Path, help="folder that batches are put into")
    parser.add_argument(
        "--pins", type=Path, help="folder on a BPF file system; without it nothing outlives the agent"
    )
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between reports, 0.2 to 300 (10)")
    parser.add_argument("--top", type=int, default=500, help="conversations told one by one (500)")
    parser.add_argument("--hook", choices=("auto", "tcx", "clsact"), default="auto", help="how to attach (auto)")
    parser.add_argument("--detach", action="store_true", help="on exit take everything off: enforcement ends")
    parser.add_argument(
        "--keep-open", action="store_true", help="a change of rules leaves connections alone that are open"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT."""
    from fairway.agent.agent import Agent, Config
    from fairway.agent.attach import Hook

    if not 0.2 <= arguments.interval <= 300:
        raise UsageError(f"--interval `{arguments.interval}` is not within 0.2 to 300 seconds")
    if arguments.top < 1:
        raise UsageError(f"--top `{arguments.top}` is below 1")
    stop = Stop().on_signals()
    config = Config(
        node=arguments.node,
        control=arguments.control,
        spool=arguments.spool,
        pins=arguments.pins,
        interval=arguments.interval,
        top=arguments.top,
        hook=Hook(arguments.hook),
        detach=arguments.detach,
        keep_open=arguments.keep_open,
    )
    with Agent(config) as agent:
        sys.stderr.write(f"fairway agent: node {config.node}, interval {config.interval:g} s\n")
        agent.run(stop)
    left = "nothing is left in force" if config.detach or config.pins is None else "enforcement goes on"
    sys.stderr.write(f"fairway agent: stopped; {left}\n")
    return 0
