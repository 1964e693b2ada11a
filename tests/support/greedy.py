"""`python -m support.greedy FOLDER MEMORY`: many questions that want too much; prints its memory's peak."""

import json
import re
import sys
import threading
from pathlib import Path

import numpy as np

from fairway.hub.database.embedded import Embedded
from fairway.hub.database.errors import DatabaseError
from fairway.hub.database.flowbase import FlowBase
from fairway.hub.database.question import Question
from support.answers import QUESTIONS
from support.flows import random_flows

HOSTILE = (
    "SELECT length(groupArray(number)) FROM numbers_mt(300000000)",
    "SELECT uniqExact(cityHash64(number)) FROM numbers_mt(300000000)",
    "SELECT max(a) FROM (SELECT number AS a, toString(cityHash64(a)) AS b FROM numbers(100000000) ORDER BY b) "
    "WHERE b > ''",
    "SELECT count() FROM (SELECT number % 50000000 AS a FROM numbers_mt(300000000) GROUP BY a, toString(a))",
    "SELECT count() FROM numbers(100000000) AS a JOIN numbers(100000000) AS b ON a.number = b.number",
)

TOO_LONG = (159, 160)
"""What the database says where a busy machine has no time for a question, or will not have: it did not go on."""


def main(folder: Path, memory: int) -> None:
    """Each hostile question twice, in threads, and a map in between."""
    refused: list[bool] = []
    with Embedded(folder, memory) as database:
        base = FlowBase(database, memory // 2)
        base.open()
        base.append(random_flows(1, 2000), np.ones(2000, bool), "one")
        before = peak()

        def ask(statement: str) -> None:
            try:
                base.ask(Question(statement))
                refused.append(False)
            except DatabaseError as error:
                refused.append(error.out_of_memory or error.code in TOO_LONG)

        threads = [threading.Thread(target=ask, args=(statement,)) for statement in HOSTILE * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers = [len(base.ask(question)) > 0 for question in QUESTIONS.values()]
    json.dump({"refused": refused, "answers": answers, "before": before, "peak": peak()}, sys.stdout)


def peak() -> int:
    """The most this process ever had resident, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
