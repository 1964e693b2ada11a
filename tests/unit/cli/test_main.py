"""The command line as a whole: help for everything, one line for every mistake, and its exit codes."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairway import cli
from fairway.cli.main import main, parser
from fairway.hub.names import Names
from fairway.hub.record import named
from fairway.hub.store import write_flows
from fairway.kit.documents import read_documents
from fairway.kit.show import Output
from fairway.policy.read import read_cluster
from fairway.wire import batch as wire
from fairway.wire.words import Initiator
from support.reports import DB, ORDERS, T0, report, write_cluster

ROOT = Path(__file__).parents[3]
FAIRWAY = (sys.executable, "-m", "fairway.cli.main")
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
"""The environment of a person's shell: what is printed may wait in a buffer until the end."""
TELLS_NO_TABLE = {
    *("fairway", "fairway agent", "fairway demo", "fairway enforce", "fairway hub", "fairway login"),
    "fairway observe",
    *(
        "fairway lab",
        "fairway lab apply",
        "fairway lab down",
        "fairway lab exec",
        "fairway lab job",
        "fairway lab record",
    ),
    *("fairway lab up", "fairway lab visit", "fairway policy", "fairway policy verdicts", "fairway stage"),
    "fairway rollout",
    *("fairway ranges", "fairway ranges refresh"),
    *("fairway store", "fairway store compact", "fairway store export", "fairway store import"),
    "fairway store migrate",
    *("fairway install", "fairway policy apply", "fairway promote", "fairway withdraw"),
}


def parsers(of: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its verbs, at any depth."""
    yield of
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


VERBS = {verb.prog: verb for verb in parsers(parser())}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_explains_each_argument(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*verb.split()[1:], "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {verb} ")
    silent = [action.dest for action in VERBS[verb]._actions if not action.help and action.metavar != "VERB"]
    assert silent in ([], ["==SUPPRESS=="]), "the choice of a verb explains itself"


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - TELLS_NO_TABLE))
def test_every_table_is_also_there_as_json_and_yaml(verb: str) -> None:
    (output,) = (action for action in VERBS[verb]._actions if action.dest == "output")
    assert list(output.choices or ()) == list(Output)
    assert output.default == Output.TABLE


def test_verbs_without_a_table_have_no_format_to_choose() -> None:
    assert [verb for verb in TELLS_NO_TABLE if "--output" in VERBS[verb].format_help()] == []


def test_the_reference_has_every_verb_and_flag_as_it_is_now() -> None:
    done = subprocess.run([sys.executable, "scripts/cli-reference", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "docs/cli.md is out of date: run scripts/cli-reference"
    page = (ROOT / "docs" / "cli.md").read_text()
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")}
    missing = [
        (name, flag)
        for name, verb in VERBS.items()
        for action in verb._actions
        for flag in action.option_strings
        if action.dest != "help" and f"`{flag}" not in sections[name]
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "the following arguments are required: VERB; see `fairway --help`"),
        ("policy", "the following arguments are required: VERB; see `fairway policy --help`"),
        ("sound", "invalid choice: 'sound'"),
        ("policy sound", "invalid choice: 'sound'"),
        ("edges --sound", "unrecognized arguments: --sound"),
        ("edges --sta somewhere", "unrecognized arguments: --sta"),
        ("edges --output xml", "argument --output: invalid choice: 'xml'"),
        ("edges --limit 0", "argument --limit: `0` is no whole number from 1 on; see `fairway edges --help`"),
        (
            "flows --since yesterday",
            "`yesterday` is no duration; write 90s, 5m, 2h or 7d; see",
        ),
        ("agent --node a", "`spool` is missing: a folder where batches wait; or --stdout to print them"),
        ("agent --node a --spool s --interval 0", "--interval: `0`: expected `float` >= 0.2"),
        ("agent --node a --spool s --top 65537", "--top: `65537`: expected `int` <= 65536"),
        ("agent --node a --spool s --config nowhere", "nowhere: cannot be read: No such file or directory"),
        ("lab status --name UP", "lab name `UP`: use 1 to 16 lower-case letters and digits, a letter first"),
        ("edges --state nowhere", "`nowhere` is no state folder; give the --state DIR of `fairway hub`"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    out, error = capsys.readouterr()
    assert error.startswith("fairway: ")
    assert said in error
    assert (error.count("\n"), out) == (1, "")


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        ("AnswerIsNoError('no')", 1, "fairway: no\n"),
        ("UsageError('wrong')", 2, "fairway: wrong\n"),
        ("InputErrors(['a: wrong', 'b: wrong'])", 2, "fairway: a: wrong\nb: wrong\n"),
        ("EnvironmentLacksError('lacks')", 3, "fairway: lacks\n"),
        (
            "PermissionError(13, 'Permission denied', '/x')",
            3,
            "fairway: /x: Permission denied; run as root, or choose a place that is yours\n",
        ),
        ("OSError(28, 'No space left on device')", 3, "fairway: No space left on device\n"),
        ("KeyboardInterrupt()", 130, "fairway: interrupted\n"),
    ],
)
def test_what_a_verb_raises(
    raised: str,
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"raise{code}{len(told)}"
    (tmp_path / f"verb_{name}.py").write_text(
        "from fairway.kit.errors import *\n"
        f"def run(arguments): raise {raised}\n"
        f"def register(verbs): verbs.add_parser('{name}').set_defaults(run=run)\n"
    )
    monkeypatch.setattr(cli, "__path__", [*cli.__path__, str(tmp_path)])
    assert main([name]) == code
    assert capsys.readouterr().err == told


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "intent.json").mkdir()
    assert main(["observe", "--state", str(tmp_path)]) == 3
    assert capsys.readouterr().err == f"fairway: {tmp_path}/intent.json: Is a directory\n"


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 1,000 flows: far more than a pipe holds."""
    folder = tmp_path_factory.mktemp("flows")
    names = Names()
    names.observe(read_cluster(read_documents([write_cluster(folder / "cluster")])).cluster, T0)
    one = report(DB, ORDERS, 5432, Initiator.REMOTE, connections=1, tx_packets=3, rx_packets=3)
    rows = np.repeat(one.rows, 1000)
    rows["port"] = np.arange(1, 1001)
    write_flows(folder / "flows.parquet", named([wire.Batch(one.header, rows)], names))
    return folder / "flows.parquet"


@pytest.mark.parametrize("output", list(Output))
@pytest.mark.parametrize("verb", ["edges", "flows"])
def test_a_reader_that_has_seen_enough_is_no_mistake(flows: Path, verb: str, output: str) -> None:
    command = [*FAIRWAY, verb, str(flows), "--limit", "1000", "--output", output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=BUFFERED) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(20)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("words", [("--help",), ("observe", "--state", ".")])
def test_nor_is_one_that_reads_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*FAIRWAY, *words]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=BUFFERED, cwd=tmp_path, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_while_waiting_for_input(tmp_path: Path) -> None:
    """Ctrl-C where a verb has no handler of its own: here it reads from a pipe that nobody writes to."""
    fifo = tmp_path / "policies.yaml"
    os.mkfifo(fifo)
    (tmp_path / "state").mkdir()
    command = [*FAIRWAY, "stage", str(fifo), "--state", str(tmp_path / "state")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process, fifo.open("w"):  # opened as soon as the verb has opened it, too
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=20)
    assert (process.returncode, out, error) == (130, "", "fairway: interrupted\n")
