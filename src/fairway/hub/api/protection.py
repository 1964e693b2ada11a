"""How far each workload is protected, and the policies that do it, over HTTP."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from litestar import Request, get
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath, QueryParameter

from fairway.hub.api.access import only
from fairway.hub.api.denials import policies_of
from fairway.hub.auth import Role
from fairway.hub.service import Hub
from fairway.kit.documents import SUFFIXES, documents_in
from fairway.kit.errors import EnvironmentLacksError
from fairway.policy.model import PolicySet
from fairway.policy.protection import Isolated, protection, workloads

Slot = Literal["active", "staged"]
Within = Annotated[str, QueryParameter(description="workloads of this namespace", max_length=253)]


class Protected(msgspec.Struct, frozen=True, kw_only=True):
    """A workload and the policies that isolate it: the cluster's own, those in force (`active`) and on trial."""

    workload: str
    pods: int
    cluster: Isolated
    active: Isolated
    staged: Isolated


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """By workload. Postures are of pods that no policy selects, null where a slot is empty."""

    workloads: list[Protected]
    active_posture: str | None
    staged_posture: str | None


class PolicyText(msgspec.Struct, frozen=True, kw_only=True):
    """Policies as they were written; empty for a posture alone."""

    policies: str


@get("/api/v1/protection", guards=[only(Role.VIEWER)], tags=["policy"], summary="Which policies protect whom")
async def protection_of(
    request: Request[Any, Any, Any], hub: NamedDependency[Hub], namespace: Within = ""
) -> Protection:
    """Of the workloads that the cluster has now, within what the asker may see."""
    mine = request.user.namespaces
    return await sync_to_thread(lambda: _protection(hub, mine, namespace))


@get(
    "/api/v1/intent/{slot:str}/policies",
    guards=[only(Role.VIEWER)],
    tags=["intent"],
    summary="The policies in force or on trial, as text",
)
async def policies_in(
    request: Request[Any, Any, Any], hub: NamedDependency[Hub], slot: FromPath[Slot]
) -> PolicyText:
    """For who sees all namespaces: a policy names others than its own."""
    if request.user.namespaces is not None:
        raise PermissionDeniedException("this is about the whole cluster; the token is bound to namespaces")
    choice = getattr(await sync_to_thread(hub.wanted.read), slot)
    path = Path(choice.policies) if choice and choice.policies else None
    return PolicyText(policies=await sync_to_thread(lambda: _text(path)) if path else "")


def _protection(hub: Hub, mine: tuple[str, ...] | None, namespace: str) -> Protection:
    cluster = hub.require_ready()
    sets = policies_of(hub)
    by = {slot: protection(cluster, one) for slot, one in sets.items() if one is not None}
    own = protection(cluster, PolicySet(cluster.policies))
    told = [
        Protected(
            workload=title,
            pods=pods,
            cluster=own.get(title, Isolated()),
            active=by.get("active", {}).get(title, Isolated()),
            staged=by.get("staged", {}).get(title, Isolated()),
        )
        for title, pods in workloads(cluster).items()
        if (mine is None or title.partition("/")[0] in mine) and namespace in ("", title.partition("/")[0])
    ]
    active, staged = (_posture(sets.get(slot)) for slot in ("active", "staged"))
    return Protection(workloads=told, active_posture=active, staged_posture=staged)


def _posture(policies: PolicySet | None) -> str | None:
    return None if policies is None else str(policies.posture)


def _yaml(file: Path, content: str) -> str:
    """A file as it was written, but JSON as the YAML that people read."""
    if file.suffix != ".json":
        return content
    documents = (document.value for document in documents_in(str(file), content))
    return "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in documents)


def _text(path: Path) -> str:
    files = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES) if path.is_dir() else [path]
    try:
        return "---\n".join(_yaml(file, file.read_text(encoding="utf-8")) for file in files)
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentLacksError(f"{path}: the policies cannot be read; put them in force again") from error
