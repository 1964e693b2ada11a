"""Install: the chart's manifests without Helm, with a certificate made here."""

import datetime
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Choices:
    """What differs between installations. `registry` is where its images lie; with `tls` there is a new
    certificate, without it the Secret must be there; without a `volume` the history ends with the hub's pod;
    `mount_bpf` is for nodes that have no BPF file system mounted."""

    namespace: str
    registry: str = ""
    mode: str = "observe"
    tls: bool = True
    volume: bool = True
    mount_bpf: bool = False


def manifests(choices: Choices) -> list[dict[str, Any]]:
    """Everything that Fairway needs in a cluster, in the order to apply it."""
    text = files("fairway.kube").joinpath("install.yaml").read_text(encoding="utf-8")
    prefix = f"{choices.registry.rstrip('/')}/" if choices.registry else ""
    text = text.replace(PLACE, choices.namespace).replace(REGISTRY, prefix)
    text = text.replace("--mode=observe", f"--mode={choices.mode}")
    objects = [value for value in yaml.load_all(text, Loader=yaml.CSafeLoader) if value]
    try:
        specs = {value["kind"]: value["spec"] for value in objects if value["kind"] in ("StatefulSet", "DaemonSet")}
        hub, agent = specs["StatefulSet"], specs["DaemonSet"]["template"]["spec"]
        if not choices.mount_bpf:
            del agent["initContainers"]
        if not choices.volume:
            del hub["volumeClaimTemplates"]
            hub["template"]["spec"]["volumes"].append({"name": "state", "emptyDir": {}})
    except KeyError:
        raise UsageError("the package's own manifests are damaged; install Fairway again") from None
    if choices.tls:
        first = next(i for i, value in enumerate(objects) if value["kind"] == "ServiceAccount")
        objects.insert(first, certificate_secret(choices.namespace, datetime.datetime.now(datetime.UTC)))
    return objects
