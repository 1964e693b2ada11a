"""How verbs reach a cluster: the flags that `kubectl` has, under the same names."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairway.kube.access import Access


def add_access(parser: argparse.ArgumentParser, *, every: bool = False, namespace: str | None = None) -> None:
    """`--kubeconfig`, `--context`, `--namespace`, which is `namespace` or the context's, and with `every`
    `--all-namespaces`."""
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="how to reach the cluster")
    parser.add_argument("--context", metavar="NAME", help="which context of that file")
    usual = namespace or "the context's"
    parser.add_argument("-n", "--namespace", default=namespace, metavar="NAME", help=f"where (default: {usual})")
    if every:
        parser.add_argument("-A", "--all-namespaces", action="store_true", help="in all namespaces")


def access_of(arguments: argparse.Namespace) -> "tuple[Access, str]":
    """The API server, and the namespace that is meant; UsageError if none can be found."""
    from fairway.kube.access import find_access

    access = find_access(arguments.kubeconfig, arguments.context)
    return access, arguments.namespace or access.namespace
