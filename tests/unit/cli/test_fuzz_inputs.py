"""Files that the policy verbs read against hostile input: an answer, or one line each of what is wrong, exit 2.

Flows, decisions, names, cases and cluster-wide policies; `tests/unit/policy/test_fuzz_readers.py` has the other
manifests. FAIRWAY_FUZZ_EXAMPLES sets how much is tried; `make fuzz` tries about a minute's worth.
"""

import contextlib
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairway.cli.main import main
from fairway.hub.columns import SCHEMA
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.policy.read import read_cluster
from fairway.wire.words import Initiator
from support.cases.tiered import CASES, NAMES, PLACES
from support.hostile import HOSTILE, mutated, paths, plain
from support.reports import DB, ORDERS, ORDERS_SERVICE, T0, UI, report, write_cluster

EXAMPLES = int(os.environ.get("FAIRWAY_FUZZ_EXAMPLES", "150")) // 5
# What is found is small already; making it smaller by running verbs again and again takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
VALUES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.integers())
some_values = st.lists(VALUES, min_size=1, max_size=3)
any_random = st.randoms(use_true_random=False)


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and what was told of errors; an exception that gets out of `main` fails the test."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = main([str(argument) for argument in arguments])
    return code, told.getvalue()


def answered_or_told(name: Path, *arguments: object) -> None:
    code, told = run(*arguments)
    assert code in (0, 1, 2)
    if code == 2:
        plain(told, where=name.name)


class Desk:
    """A cluster, its flows and files beside them, written once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = write_cluster(folder / "cluster")
        names = Names()
        names.observe(read_cluster(read_documents([self.cluster])).cluster, T0)
        told = [
            named([report(UI, ORDERS_SERVICE, 80, Initiator.POD, connections=5)], names),
            named([report(ORDERS, UI, 8080, Initiator.REMOTE, connections=5, rx_packets=9, tx_packets=9)], names),
            named([report(DB, ORDERS, 5432, Initiator.REMOTE, connections=1, rx_packets=9, tx_packets=9)], names),
        ]
        self.rows = pa.concat_tables(told).to_pylist()
        self.flows = self.write_flows("good.parquet", self.rows)

    def write_flows(self, name: str, rows: list[dict[str, Any]]) -> Path:
        write_flows(self.folder / name, pa.Table.from_pylist(rows, schema=SCHEMA))
        return self.folder / name

    def write(self, name: str, value: Any) -> Path:
        file = self.folder / name
        file.write_text(json.dumps(value), "utf-8", "surrogatepass")
        return file


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("fuzz"))


def spoiled(seed: Any, rng: random.Random, values: list[Any]) -> Any:
    for value in values:
        seed = mutated(seed, rng.choice(paths(seed)), value)
    return seed


DECISIONS = {
    "decisions": [
        {"client": "ui/*", "server": "*", "decision": "deny", "reason": "no", "who": "ana", "until": "2026-12-31"},
        {"client": "10.0.0.0/8", "server": "::/0", "decision": "allow", "reason": "yes", "who": "bo", "port": 80},
    ]
}
MOMENTS = {"api.example.com": ["192.0.2.7", {"address": "192.0.2.8", "since": "2026-11-22T20:00:00Z"}]}


@FUZZ
@given(any_random, some_values)
def test_decisions(desk: Desk, rng: random.Random, values: list[Any]) -> None:
    file = desk.write("decisions.json", spoiled(DECISIONS, rng, values))
    what = "--cluster", desk.cluster, "--flows", desk.flows, "--decisions", file
    answered_or_told(file, "policy", "generate", *what)


@FUZZ
@given(any_random, some_values)
def test_names(desk: Desk, rng: random.Random, values: list[Any]) -> None:
    file = desk.write("names.json", spoiled(MOMENTS, rng, values))
    answered_or_told(file, "policy", "explain", UI, DB, "80", "--cluster", desk.cluster, "--names", file)


@FUZZ
@given(st.sampled_from([policy for case in CASES for policy in case.policies]), any_random, some_values)
def test_policies_of_all_kinds(desk: Desk, seed: Any, rng: random.Random, values: list[Any]) -> None:
    file = desk.write("policies.json", spoiled(seed, rng, values))
    answered_or_told(file, "policy", "explain", UI, DB, "80", "--cluster", desk.cluster, "--policies", file)


CASE = {
    **{key: [o for o in PLACES if o["kind"] == kind] for key, kind in
       (("namespaces", "Namespace"), ("nodes", "Node"), ("pods", "Pod"), ("services", "Service"))},
    "policies": [policy for case in CASES[:9] for policy in case.policies[:1]][:1],
    "names": NAMES,
    "probes": [{"src": "x/a", "dst": "x/b", "port": 80, "proto": "TCP"}, {"src": "10.0.0.1", "dst": "y/a"}],
}  # fmt: skip


@FUZZ
@given(any_random, some_values)
def test_cases(desk: Desk, rng: random.Random, values: list[Any]) -> None:
    file = desk.write("cases.jsonl", spoiled(CASE, rng, values))
    answered_or_told(file, "policy", "verdicts", "--cases", file)


@FUZZ
@given(st.one_of(st.binary(max_size=200), st.text(alphabet='{}[]:,"\\/ \n\taprobesu0-9e.\x00é', max_size=200)))
def test_lines_of_any_bytes(desk: Desk, content: bytes | str) -> None:
    file = desk.folder / "bytes.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    answered_or_told(file, "policy", "verdicts", "--cases", file)


@st.composite
def words(draw: st.DrawFn, field: pa.Field) -> Any:
    """A value that the column can hold."""
    if pa.types.is_dictionary(field.type):
        told = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        return draw(told | st.sampled_from([v for v in HOSTILE if isinstance(v, str) and v.isprintable()] + JSONS))
    if pa.types.is_boolean(field.type):
        return draw(st.booleans())
    if pa.types.is_timestamp(field.type):
        return draw(st.integers(-(2**63), 2**63 - 1))
    return draw(st.integers(0, 2**field.type.bit_width - 1))


JSONS = ["{", "[]", "{}", "null", '{"a": 1}', '[["a", "TCP", -1]]', '[["x", 70000]]', "[[[", '["', "1" * 40]


READERS = ("edges", "flows", "generate", "replay", "coverage")


@FUZZ
@given(st.sampled_from(READERS), any_random, st.data())
def test_flows_with_hostile_values(desk: Desk, verb: str, rng: random.Random, data: st.DataObject) -> None:
    rows = [dict(row) for row in desk.rows]
    for _ in range(data.draw(st.integers(1, 3))):
        field = SCHEMA.field(rng.randrange(len(SCHEMA)))
        rng.choice(rows)[field.name] = data.draw(words(field))
    file = desk.write_flows("hostile.parquet", rows)
    arguments = (
        (verb, file) if verb in READERS[:2] else ("policy", verb, "--cluster", desk.cluster, "--flows", file)
    )
    answered_or_told(file, *arguments)


@FUZZ
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.binary(max_size=8))
def test_flows_that_are_cut_and_patched(desk: Desk, start: int, end: int, patch: bytes) -> None:
    good = desk.flows.read_bytes()
    start, end = start % len(good), end % len(good)
    file = desk.folder / "cut.parquet"
    file.write_bytes(good[:start] + patch + good[end:])
    answered_or_told(file, "edges", file)
