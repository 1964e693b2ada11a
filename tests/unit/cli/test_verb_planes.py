"""Where flow logs of the cloud's network and what was seen at the pods disagree, from records to the table."""

import json
from pathlib import Path

import pytest

from fairway.cli.main import main
from support import records
from support.records import Conn
from support.shop import objects

UI, UI2, ORDERS, DB, INTRUDER, WORLD = (
    *("10.0.1.131", "10.0.2.131", "10.0.1.141", "10.0.1.160", "10.0.2.190"),
    "203.0.113.9",
)
BOTH = Conn(UI, ORDERS, 8080)
AT_PODS = [BOTH, Conn(UI2, DB, 5432, answered=False), Conn(INTRUDER, DB, 5432, denied=True)]
IN_THE_NETWORK = [
    BOTH,
    Conn(UI2, DB, 5432, denied=True),  # a security group
    Conn(WORLD, ORDERS, 22, denied=True),
    Conn(INTRUDER, UI, 8080),  # nobody looks at the intruder's node, nor at this one of ui's
    Conn("10.0.1.10", "10.0.2.10", 10250),  # between nodes: none of the agents' business
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """What the cloud's network logged, and what was seen at the pods."""
    cluster = tmp_path / "cluster.json"
    cluster.write_text(json.dumps({"kind": "List", "items": objects()}))
    made = []
    for name, lines in (("network", records.vpc(IN_THE_NETWORK)), ("pods", records.netobserv(AT_PODS))):
        source = records.written(tmp_path / name, lines)
        made.append(str(tmp_path / f"{name}.parquet"))
        assert main(["import", "auto", str(source), "--cluster", str(cluster), "--out", made[-1]]) == 0
    return made[0], made[1]


def test_each_disagreement_is_named_and_nothing_else(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["planes", *files, "--output", "json"]) == 1
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    assert {what: (one["client"], one["server"], one["port"]) for what, one in found.items()} == {
        "refused": ("ui/ui", "orders/orders-postgresql", 5432),
        "never came": (WORLD, "orders/orders", 22),
        "unseen": ("dev/intruder", "ui/ui", 8080),
    }
    assert found["unseen"]["nodes"] == ["n1", "n2"]
    assert main(["planes", *files]) == 1
    assert "refused: the agents let it pass, the cloud's network rejected it" in capsys.readouterr().out
    assert main(["planes", *files, "--filter", "dst.port=22"]) == 1
    assert "ui/ui" not in capsys.readouterr().out


def test_where_both_say_the_same_the_answer_is_short(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["planes", files[1], files[1]]) == 0
    assert capsys.readouterr().out == "the cloud's network and the agents agree\n"


NAT, LB = "10.0.1.220", "10.0.2.77"
FIELDS = (
    "srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol packets bytes start end action interface-id"
)
INTERFACES = [
    {"NetworkInterfaceId": "eni-nat", "InterfaceType": "nat_gateway", "Description": "Interface for NAT nat-1",
     "PrivateIpAddresses": [{"PrivateIpAddress": NAT, "Association": {"PublicIp": "198.51.100.1"}}]},
    {"NetworkInterfaceId": "eni-lb", "InterfaceType": "interface", "Description": "ELB app/web/1a2b",
     "PrivateIpAddresses": [{"PrivateIpAddress": LB}]},
    {"NetworkInterfaceId": "eni-pod", "InterfaceType": "interface", "Description": "aws-K8S-i-1",
     "PrivateIpAddresses": [{"PrivateIpAddress": UI}, {"PrivateIpAddress": INTRUDER}]},
]  # fmt: skip


def test_gateways_and_load_balancers_in_between_are_named(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def logged(path: str, source: str, target: str, packet: str, at: str, way: int) -> str:
        return f"{source} {target} {source} {packet} {path} 6 9 900 1790000000 1790000009 ACCEPT {at} {way}"

    source = records.written(
        tmp_path / "nat",
        [
            f"{FIELDS} traffic-path",
            logged("40001 443", INTRUDER, WORLD, WORLD, "eni-pod", 1),
            logged("40001 443", INTRUDER, NAT, WORLD, "eni-nat", 8),
            logged("40002 8080", LB, UI2, UI2, "eni-pod", "-"),
        ],
    )
    logs, cluster = str(tmp_path / "nat.parquet"), str(tmp_path / "cluster.json")
    assert main(["import", "vpc-flow-log", str(source), "--cluster", cluster, "--out", logs]) == 0
    capsys.readouterr()

    def told(*more: str) -> dict[str, tuple[str, list[str]]]:
        assert main(["planes", logs, files[1], "--output", "json", *more]) == 1
        found = json.loads(capsys.readouterr().out)
        return {one["server"]: (one["client"], one["hops"]) for one in found}

    assert told() == {
        WORLD: ("dev/intruder", [f"NAT ({NAT} eni-nat)", "another resource of the VPC", "internet gateway"]),
        "ui/ui": (LB, []),
    }
    described = tmp_path / "interfaces.json"
    described.write_text(json.dumps({"NetworkInterfaces": INTERFACES}))
    assert told("--interfaces", str(described)) == {
        WORLD: (
            "dev/intruder",
            [f"Interface for NAT nat-1 ({NAT} eni-nat)", "another resource of the VPC", "internet gateway"],
        ),
        "ui/ui": (f"{LB} (ELB app/web/1a2b)", []),
    }
    described.write_text("[]")
    assert main(["planes", logs, files[1], "--interfaces", str(described)]) == 2
    assert "give what `aws ec2 describe-network-interfaces` prints" in capsys.readouterr().err
