"""What a service account may do by the roles and bindings of rendered manifests, as RBAC has it."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from support.chart import Value, rendered


class Asked(NamedTuple):
    """A request; `resource` with what is below it, as in `pods/status`. Empty `namespace`: all, or none."""

    group: str
    resource: str
    verb: str
    namespace: str
    name: str


@cache
def chart(*, rollout: bool = True) -> tuple[Value, ...]:
    """The chart's objects in namespace `fairway`; with `rollout` the hub may carry those out."""
    return tuple(rendered({"rollout": {"objects": rollout, "nodeClasses": rollout}}))


def granted(objects: Iterable[Value], account: str) -> Callable[[Asked], bool]:
    """What `NAMESPACE/NAME` may."""
    objects = tuple(objects)
    namespace, _, name = account.partition("/")
    roles = {(value["kind"], value["metadata"].get("namespace", ""), value["metadata"]["name"]): value["rules"]
             for value in objects if value["kind"] in ("Role", "ClusterRole")}  # fmt: skip
    mine = []
    for value in objects:
        subjects = [(one["kind"], one.get("namespace"), one["name"]) for one in value.get("subjects") or ()]
        if ("ServiceAccount", namespace, name) in subjects:
            place = value["metadata"].get("namespace", "") if value["kind"] == "RoleBinding" else ""
            kind = value["roleRef"]["kind"]
            mine += [
                (place, rule) for rule in roles[kind, place if kind == "Role" else "", value["roleRef"]["name"]]
            ]
    return lambda asked: any(_allows(place, rule, asked) for place, rule in mine)


def _allows(place: str, rule: Value, asked: Asked) -> bool:
    return (
        place in ("", asked.namespace)
        and asked.group in rule["apiGroups"]
        and asked.resource in rule["resources"]
        and asked.verb in rule["verbs"]
        and ("resourceNames" not in rule or asked.name in rule["resourceNames"])
    )
