"""What manifests say that pods will call: environment, arguments, ConfigMaps as environment and as files."""

from typing import Any

import pytest

from fairway.policy.fields import Field
from fairway.policy.read_declared import MAX_LINES, declared_by
from support.objects import cluster, pod

APP = "# http://comment\nhost: db\nurl: http://orders:80/x\n"
OTHER = "[x]\n; no\nq = 'mq'\n"
MAPS = {
    ("a", "env"): {"DB": "postgres://db", "MODE": "fast"},
    ("a", "files"): {"app.yaml": APP, "other.ini": OTHER},
    ("b", "env"): {"DB": "postgres://elsewhere"},
}
OF_APP = ("host: db", "db", "url: http://orders:80/x")
OF_OTHER = ("[x]", "q = 'mq'", "mq")


def spec(volumes: list[Any] | None = None, *, mounted: bool = True, **container: Any) -> dict[str, Any]:
    mounts = [{"name": "v", "mountPath": "/x"}] if mounted else []
    return {
        "containers": [{"name": "c", "volumeMounts": mounts, **container}],
        "volumes": [{"name": "v", **volume} for volume in volumes or []],
    }


def declared(given: dict[str, Any], maps: Any = MAPS) -> tuple[str, ...]:
    problems: list[str] = []
    found = declared_by(Field(given, "$", "", problems), "a", maps)
    assert problems == []
    return found


def env(kind: str) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": {kind: {"name": "env", "key": "DB"}}}]


def only(key: str) -> dict[str, Any]:
    return {"configMap": {"name": "files", "items": [{"key": key, "path": "x"}]}}


FILES = {"configMap": {"name": "files"}}
PROJECTED = {"projected": {"sources": [{"secret": {"name": "files"}}, only("other.ini")]}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (spec(env=[{"name": "X", "value": "v"}], command=["run"], args=["--x"]), ("v", "run", "--x")),
        (spec(env=env("configMapKeyRef")), ("postgres://db",)),
        (spec(env=env("secretKeyRef")), ()),
        (spec(envFrom=[{"configMapRef": {"name": "env"}}]), ("postgres://db", "fast")),
        (spec(envFrom=[{"secretRef": {"name": "env"}}]), ()),
        (spec([FILES]), (*OF_APP, *OF_OTHER)),
        (spec([only("app.yaml")]), OF_APP),
        (spec([PROJECTED]), OF_OTHER),
        (spec([FILES], mounted=False), ()),
        (spec([{"secret": {"secretName": "files"}}]), ()),
        (spec([{"configMap": {"name": "gone"}}]), ()),
    ],
)
def test_what_is_declared(given: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert declared(given) == expected


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("host: db", "db"),
        ("db.host=db", "db"),
        ('"host": "db.orders",', "db.orders"),
        ("host = 'db';", "db"),
        ("host: db and more", None),
        ("host: http://db", None),
        ("just words", None),
    ],
)
def test_a_name_alone_behind_a_key_is_a_value_of_its_own(line: str, name: str | None) -> None:
    found = declared(spec([{"configMap": {"name": "m"}}]), {("a", "m"): {"f": line}})
    assert found == ((line,) if name is None else (line, name))


def test_a_long_file_is_read_in_part() -> None:
    lines = "\n".join(f"line {i}" for i in range(MAX_LINES + 5))
    assert len(declared(spec([{"configMap": {"name": "m"}}]), {("a", "m"): {"f": lines}})) == MAX_LINES


def test_jobs_and_pods_of_manifests_have_them() -> None:
    config = {"kind": "ConfigMap", "metadata": {"name": "m", "namespace": "a"}, "data": {"f": "url=http://db"}}
    own = spec([{"configMap": {"name": "m"}}])
    one = pod("a/p", "10.0.0.1")
    one["spec"] |= own
    job = {"kind": "CronJob", "metadata": {"name": "j", "namespace": "a"}}
    found = cluster(config, one, {**job, "spec": {"jobTemplate": {"spec": {"template": {"spec": own}}}}})
    assert found.pods[0].declared == found.cron_jobs[0].declared == ("url=http://db",)
