"""What generation tells besides the policies: the first few of each list, and how to see all."""

from typing import Any

import pytest
import yaml

from fairway.cli.policy_generated import FEW, SHOWN, Told, comments, tables
from fairway.policy.generate import Options, generate
from fairway.policy.review import review
from fairway.policy.width import width
from fairway.wire.edge import Edge
from support.objects import edge
from support.shop import shop, traffic

SHOP = shop()
UI, ORDERS, DB = "10.0.1.131", "10.0.1.141", "10.0.1.160"


def told(*edges: Edge, **options: Any) -> Told:
    made = generate(edges, SHOP, Options(**options))
    return Told.of(made, review(edges, SHOP), width(edges, [p.policy for p in made.policies], SHOP))


SCAN = [edge(SHOP, UI, DB, port, received_packets=0) for port in range(1000, 1000 + SHOWN + 2)]


def test_comments_below_the_manifests_leave_them_yaml() -> None:
    result = told(*traffic(SHOP), *SCAN)
    text = "---\n".join(result.files.values()) + comments(result)
    documents = [document for document in yaml.safe_load_all(text) if document]
    assert [d["metadata"]["name"] for d in documents] == [p["policy"].partition("/")[2] for p in result.policies]
    lines = comments(result).splitlines()
    assert all(line.startswith("# ") for line in lines)
    assert lines[:3] == [
        f"# no rule for: ui/ui -> orders/orders-postgresql TCP {port} (nobody answered)"
        for port in range(1000, 1003)
    ]
    assert lines[3] == f"# no rule for: and {len(SCAN) - FEW} more"
    assert "# all of it: --output json" in lines
    assert any(line.startswith("# look at: ui/ui -> ") for line in lines)
    assert any(line.startswith("# allowed between workloads: ") for line in lines)
    assert any(line.startswith("# allowed and not seen: ") for line in lines)
    assert any(line.startswith("# note: ") for line in lines)


def test_tables_show_the_first_of_each_list(capsys: pytest.CaptureFixture[str]) -> None:
    tables(told(*traffic(SHOP), *SCAN))
    out = capsys.readouterr().out
    assert out.count("nobody answered") == SHOWN
    assert "and 2 more of them: --output json" in out
    assert "allowed between workloads: " in out
    assert "they have rules; write what is not wanted into a file for --decisions" in out


def test_nothing_seen_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = told()
    assert "# allowed between workloads: 0 connections" in comments(nothing)
    tables(nothing)
    assert capsys.readouterr().out.startswith("no flow makes a rule\n")


def test_everything_is_in_the_plain_values() -> None:
    result = told(*traffic(SHOP), *SCAN)
    assert len(result.plain["left_out"]) == len(SCAN)
    assert result.plain.keys() == {"policies", "left_out", "notes", "review", "width"}
    assert result.plain["policies"][0].keys() == {"policy", "workload", "ingress", "egress", "file", "manifest"}
