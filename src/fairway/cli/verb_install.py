"""`fairway install`: the manifests of Fairway itself, for `kubectl apply -f -`."""

import argparse
import re
import sys
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("install", help="print the manifests that install Fairway in a cluster")
    verb.add_argument(
        "--print", action="store_true", required=True, dest="printed", help="to standard output; nothing is applied"
    )
    verb.add_argument("-n", "--namespace", default="fairway", metavar="NAME", help="where (default: %(default)s)")
    verb.add_argument(
        "--registry", default="", metavar="HOST/PATH", help="where its images lie (default: on nodes)"
    )
    verb.add_argument(
        "--mode",
        choices=("observe", "audit", "enforce"),
        default="observe",
        help="of namespaces without the label fairway.dev/mode (default: %(default)s)",
    )
    verb.add_argument(
        "--without-tls", action="store_true", help="without a new certificate: the Secret fairway-hub-tls is there"
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The chart's own manifests, and a certificate that is new each time."""
    import yaml

    from fairway.kit.errors import UsageError
    from fairway.kube.install import manifests

    if not _NAME.fullmatch(arguments.namespace):
        raise UsageError(
            f"--namespace `{arguments.namespace}` is no name; write lower-case letters, digits and `-`"
        )
    objects = manifests(
        arguments.namespace, registry=arguments.registry, mode=arguments.mode, tls=not arguments.without_tls
    )
    yaml.safe_dump_all(objects, sys.stdout, sort_keys=False, width=120)
    return 0
