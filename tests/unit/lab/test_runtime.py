import subprocess
from dataclasses import replace

import pytest

from fairway.lab import runtime, shop
from fairway.lab.config import LabConfig

CONFIG = LabConfig("x")
PROGRAMS = ["service", "database", "outside", "balancer", "users", "prometheus", "export", "intruder"]


def test_a_command_in_a_node_keeps_the_machines_sys() -> None:
    assert runtime.in_netns("fairway-x-node-a", ["ls"]) == [
        "nsenter",
        "--net=/run/netns/fairway-x-node-a",
        "--",
        "ls",
    ]


def test_a_command_in_a_pod_gets_the_pods_etc() -> None:
    pod = next(p for p in shop.pods() if p.name == "catalog-mysql-0")
    assert runtime.in_pod(CONFIG, pod, ["ls"])[:4] == [
        "ip",
        "netns",
        "exec",
        "fairway-x-pod-catalog-catalog-mysql-0",
    ]


@pytest.mark.parametrize("program", [f"apps.{name}" for name in PROGRAMS] + ["controller"])
def test_programs_need_the_standard_library_alone(program: str) -> None:
    *python, module = runtime.python(program)
    code = f"import importlib, sys; importlib.import_module('{module}'); print('numpy' in sys.modules)"
    done = subprocess.run(
        [*python[:-1], "-c", code], env=dict(runtime.ENVIRONMENT), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def test_every_pod_has_a_command() -> None:
    for pod in (*shop.pods(), replace(shop.pods()[0], workload=shop.INTRUDER)):
        assert runtime.command(CONFIG, pod)
