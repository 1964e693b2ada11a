"""`fairway agent`: run on a node until stopped."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairway.kit.errors import FairwayError, InputErrors, UsageError
from fairway.kit.stop import Stop

if TYPE_CHECKING:
    from fairway.agent.config import Config
    from fairway.kit.settings import Settled


def register(verbs: Any) -> None:
    """Add the verb."""
    from fairway.agent.config import Config
    from fairway.kit.settings import add_flags

    parser = verbs.add_parser(
        "agent",
        help="count and judge packets on this node, report them, obey the rules it is given",
        description="Runs in the current network namespace until SIGTERM. Enforcement goes on afterwards, "
        "unless --detach is given. Each setting may also be in the environment, `--token-file` as "
        "FAIRWAY_AGENT_TOKEN_FILE, or in a YAML file as `token-file`; flags win over the environment, that over "
        "the file. SIGHUP reads them again",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings")
    parser.add_argument("--check", action="store_true", help="only say whether the settings are right")
    parser.add_argument("--dump", action="store_true", help="only print all settings, and where each comes from")
    add_flags(parser, Config)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT."""
    from fairway.kit.settings import dump

    settled = read_settings(arguments)
    if arguments.dump:
        sys.stdout.write(dump(settled))
    if arguments.check:
        check(settled.values)
        sys.stderr.write("fairway agent: the settings are right\n")
    return 0 if arguments.dump or arguments.check else _serve(arguments, settled.values)


def read_settings(arguments: argparse.Namespace) -> "Settled[Config]":
    """The settings from flags, environment and file. InputErrors names each that is wrong."""
    from fairway.agent.config import ENVIRONMENT, Config
    from fairway.kit.settings import settle

    path = arguments.config
    settled = settle(
        Config,
        flags=vars(arguments),
        environment=os.environ,
        prefix=ENVIRONMENT,
        file=_file(path) if path else None,
        path=str(path),
    )
    if problems := settled.values.problems():
        raise InputErrors(problems)
    return settled


def check(config: "Config") -> None:
    """Look into the files that the settings name, as far as that can be done before the start."""
    for name in ("token_file", "ca_file", "metrics_cert", "metrics_key", "metrics_token_file"):
        path = getattr(config, name)
        if path is None:
            continue
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"`{name.replace('_', '-')}`: {path}: {error.strerror}") from error
        if not content.strip():
            raise UsageError(f"`{name.replace('_', '-')}`: {path} is empty")


def _serve(arguments: argparse.Namespace, config: "Config") -> int:
    from fairway.agent.memory import prepare

    prepare()
    from fairway.agent.agent import Agent, say

    stop, asked = Stop().on_signals(), []
    signal.signal(signal.SIGHUP, lambda *_: asked.append(True))

    def changed() -> "Config | None":
        if not asked:
            return None
        asked.clear()
        try:
            return read_settings(arguments).values
        except FairwayError as error:
            say(f"{str(error).splitlines()[0]}; the settings before stay in force")
            return None

    with Agent(config) as agent:
        say(f"node {config.node}, interval {config.interval:g} s")
        agent.run(stop, changed)
    left = "nothing is left in force" if agent.config.detach or config.pins is None else "enforcement goes on"
    say(f"stopped; {left}")
    return 0


def _file(path: Path) -> Any:
    from fairway.kit.documents import read_documents

    documents = read_documents([path])
    if len(documents) > 1:
        raise UsageError(f"{path}: holds {len(documents)} documents; settings are one")
    return documents[0].value if documents else None
