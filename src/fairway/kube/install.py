"""Install: the chart's manifests without Helm, with a certificate made here."""

import datetime
from importlib.resources import files
from typing import Any, Final

import yaml

from fairway.kit.errors import UsageError
from fairway.kube.access import Access
from fairway.kube.api import Api
from fairway.kube.certificate import SECRET, certificate_secret
from fairway.kube.resources import object_path

PLACE: Final = "namespace-of-fairway"
REGISTRY: Final = "registry-of-images/"
_PATIENCE: Final = 5.0
"""Seconds for a cluster that may not be there at all."""


def has_certificate(access: Access, namespace: str) -> bool:
    """Whether the cluster has one from before, which agents trust; errors as of `Api.ask`."""
    with Api(access, _PATIENCE) as api:
        return api.find(object_path("v1", "secrets", namespace, SECRET)) is not None


def manifests(
    namespace: str, *, registry: str = "", mode: str = "observe", tls: bool = True
) -> list[dict[str, Any]]:
    """Everything that Fairway needs in a cluster, in the order to apply it; `registry` is where its images lie.
    With `tls` there is a new certificate among it, without it the Secret must be there."""
    text = files("fairway.kube").joinpath("install.yaml").read_text(encoding="utf-8")
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    text = text.replace(PLACE, namespace).replace(REGISTRY, prefix).replace("--mode=observe", f"--mode={mode}")
    objects = [value for value in yaml.load_all(text, Loader=yaml.CSafeLoader) if value]
    if not any(value["kind"] == "Namespace" for value in objects):
        raise UsageError("the package's own manifests are damaged; install Fairway again")
    if tls:
        first = next(i for i, value in enumerate(objects) if value["kind"] == "ServiceAccount")
        objects.insert(first, certificate_secret(namespace, datetime.datetime.now(datetime.UTC)))
    return objects
