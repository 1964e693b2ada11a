"""`fairway install`: the manifests of Fairway itself, for `kubectl apply -f -`."""

import argparse
import re
import sys
from typing import Final

from fairway.cli.cluster_access import add_access
from fairway.kit.errors import FairwayError, UsageError

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    verb = verbs.add_parser("install", help="print the manifests that install Fairway in a cluster")
    verb.add_argument(
        "--print", action="store_true", required=True, dest="printed", help="to standard output; nothing is applied"
    )
    add_access(verb, namespace="fairway")
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
        "--without-tls",
        action="store_true",
        help="without a certificate: the Secret fairway-hub-tls is there (looked for, where a cluster answers)",
    )
    verb.add_argument(
        "--without-volume", action="store_true", help="no volume for the hub: its history ends with its pod"
    )
    verb.add_argument(
        "--mount-bpf", action="store_true", help="mount the BPF file system on nodes that have not, as in kind"
    )
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """The chart's own manifests, and a new certificate unless the cluster has one: again it changes nothing."""
    import yaml

    from fairway.kube.install import Choices, manifests

    if not _NAME.fullmatch(arguments.namespace):
        raise UsageError(
            f"--namespace `{arguments.namespace}` is no name; write lower-case letters, digits and `-`"
        )
    choices = Choices(
        arguments.namespace,
        arguments.registry,
        arguments.mode,
        tls=not (arguments.without_tls or _has_certificate(arguments)),
        volume=not arguments.without_volume,
        mount_bpf=arguments.mount_bpf,
    )
    yaml.safe_dump_all(manifests(choices), sys.stdout, sort_keys=False, width=120)
    return 0


def _has_certificate(arguments: argparse.Namespace) -> bool:
    """Of the cluster that `kubectl apply` would go to. Where none is to be reached the manifests are for later."""
    from fairway.kube.access import find_access
    from fairway.kube.install import has_certificate

    try:
        access = find_access(arguments.kubeconfig, arguments.context)
    except UsageError:
        if arguments.kubeconfig or arguments.context:
            raise
        return False
    try:
        return has_certificate(access, arguments.namespace)
    except FairwayError as error:
        sys.stderr.write(f"fairway: with a new certificate, whether there is one cannot be seen: {error}\n")
        return False
