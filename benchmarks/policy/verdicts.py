"""How many probes a second does `fairway policy verdicts` judge, from JSON lines to digits, in one thread?

Random small clusters: 5 pods, 5 policies, 700 probes each. Beside them, on the same lines: the slow way, which
`verdicts` itself takes for what is unusual (every object read with care, rows compiled), and `decide`, probe by
probe. All three must agree. Prints one JSON object; times are CPU time, for each case the best of several rounds.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from small_clusters import KINDS, PODS, POLICIES, PROBES, lines

from fairway.policy.cases import Case, PlainCase
from fairway.policy.decide import decide
from fairway.policy.directory import Directory
from fairway.policy.read import read_cluster, read_policy_set
from fairway.policy.read_plain import plain_cluster, plain_policies
from fairway.policy.verdicts import judge, judge_line
from fairway.wire.endpoint import Endpoint, Kind
from fairway.wire.words import Posture

Object = dict[str, Any]
_PLAIN = msgspec.json.Decoder(PlainCase)


def verdicts(line: bytes) -> str:
    """As the command does it."""
    return judge_line(line, "case")


def slowly(line: bytes) -> str:
    """Every object read with care, rows compiled."""
    return judge(msgspec.json.decode(line, type=Case), "case")


def plainly(line: bytes) -> str:
    """`decide`, probe by probe; not for Services."""
    given = msgspec.json.decode(line, type=Case)
    kinds = (("Namespace", given.namespaces), ("Node", given.nodes), ("Pod", given.pods))
    cluster = read_cluster(("case", {"kind": kind, **o}) for kind, objects in kinds for o in objects).cluster
    policies = read_policy_set(("case", o) for o in given.policies)
    directory = Directory(cluster)

    def end(text: str) -> Endpoint:
        pod = directory.pod(*text.split("/")) if "/" in text else None
        address = pod.addresses[0] if pod else text
        return directory.at(address) or Endpoint(kind=Kind.EXTERNAL, address=address)

    return "".join(
        str(int(decide(policies, cluster.namespaces, end(p.src), end(p.dst), p.port, p.proto).allowed))
        for p in given.probes
    )


def decoded(line: bytes) -> PlainCase:
    """The first stage of `verdicts`."""
    return _PLAIN.decode(line)


def read(line: bytes) -> object:
    """The first two stages."""
    case = decoded(line)
    return plain_cluster(case.namespaces, case.nodes, case.pods, case.services), plain_policies(
        case.policies, Posture.ALLOW
    )


def seconds(way: Callable[[bytes], object], given: list[bytes], rounds: int) -> float:
    """CPU seconds for all lines."""
    best = [float("inf")] * len(given)
    for _ in range(rounds):
        for index, line in enumerate(given):
            started = time.thread_time()
            way(line)
            best[index] = min(best[index], time.thread_time() - started)
    return sum(best)


def compared(kind: str, count: int, rounds: int) -> Object:
    """The ways to judge cases of one kind, in probes a second, and the shares of `verdicts`' stages in its time."""
    given = lines(kind, count)
    ways: dict[str, Callable[[bytes], str]] = {"verdicts": verdicts, "slow way": slowly}
    if kind != KINDS[2]:
        ways["decide"] = plainly
    for line in given[:5]:
        assert len({way(line) for way in ways.values()}) == 1, "the ways disagree"
    some = {name: given if way is verdicts else given[: max(1, count // 10)] for name, way in ways.items()}
    rates = {name: PROBES * len(some[name]) / seconds(way, some[name], rounds) for name, way in ways.items()}
    result: Object = {name: round(rate) for name, rate in rates.items()}
    result["ratio to the slow way"] = round(rates["verdicts"] / rates["slow way"], 1)
    if "decide" in rates:
        result["ratio to decide"] = round(rates["verdicts"] / rates["decide"], 1)
    first, second, whole = (seconds(way, given, rounds) for way in (decoded, read, verdicts))
    shares = {"decode": first, "read": second - first, "judge": whole - second}
    result["shares"] = {stage: round(took / whole, 2) for stage, took in shares.items()}
    return result


def command(given: list[bytes]) -> float:
    """CPU seconds of one run of the command on a file of these lines, its start included."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(b"\n".join(given))
        file.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = [sys.executable, "-m", "fairway.cli.main", "policy", "verdicts", "--cases", file.name]
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def growth(counts: tuple[int, ...]) -> Iterator[Object]:
    """The whole command on ever more cases."""
    for count in counts:
        given = lines(KINDS[0], count)
        took = min(command(given) for _ in range(5))
        yield {"cases": count, "CPU seconds": round(took, 3), "probes a second": round(count * PROBES / took)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100, help="of each kind (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=10, help="best of so many (default: %(default)s)")
    arguments = parser.parse_args()
    count, rounds = arguments.cases, arguments.rounds
    result = {
        "benchmark": "policy verdicts",
        "unit": "probes a second, one thread, CPU time",
        "case": {"pods": PODS, "policies": POLICIES, "probes": PROBES, "bytes": len(lines(KINDS[0], 1)[0])},
        "kinds": {kind: compared(kind, count, rounds) for kind in KINDS},
        "growth": list(growth((max(1, count // 10), count, count * 10))),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
