"""Settings: one name each, one precedence, every mistake named with its place."""

import argparse
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml
from msgspec import Meta

from fairway.kit.errors import InputErrors
from fairway.kit.settings import Settled, add_flags, dump, settle


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Boat(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    name: Annotated[str, Meta(description="what it is called")] = ""
    top_speed: Annotated[int, Meta(description="in knots", ge=0, le=50)] = 7
    colour: Annotated[Colour, Meta(description="red or blue")] = Colour.RED
    log_file: Annotated[Path | None, Meta(description="where it writes")] = None
    anchored: Annotated[bool, Meta(description="does not move")] = False
    draught: Annotated[float, Meta(description="100 % of it", gt=0, le=100)] = 1.5


def read(flags: str = "", environment: Mapping[str, str] | None = None, file: Any = None) -> Settled[Boat]:
    parser = argparse.ArgumentParser()
    add_flags(parser, Boat)
    given = vars(parser.parse_args(flags.split()))
    return settle(Boat, flags=given, environment=environment or {}, prefix="BOAT_", file=file, path="boat.yaml")


@pytest.mark.parametrize(
    ("flags", "environment", "file", "speed", "source"),
    [
        ("", {}, None, 7, "default"),
        ("", {}, {"top-speed": 9}, 9, "boat.yaml: top-speed"),
        ("", {"BOAT_TOP_SPEED": "11"}, {"top-speed": 9}, 11, "BOAT_TOP_SPEED"),
        ("--top-speed 13", {"BOAT_TOP_SPEED": "11"}, {"top-speed": 9}, 13, "--top-speed"),
        ("--top-speed 0", {}, {"top-speed": 9}, 0, "--top-speed"),
        ("", {"BOAT_TOP_SPEED": ""}, {"top-speed": 9}, 9, "boat.yaml: top-speed"),
        ("", {}, {"top-speed": None}, 7, "default"),
    ],
)
def test_flags_win_over_the_environment_and_that_over_the_file(
    flags: str, environment: dict[str, str], file: Any, speed: int, source: str
) -> None:
    settled = read(flags, environment, file)
    assert settled.values.top_speed == speed
    assert settled.sources["top-speed"] == source


def test_every_type_from_every_source() -> None:
    wanted = Boat(name="x", colour=Colour.BLUE, log_file=Path("/a b"), anchored=True, draught=2.0)
    texts = {"name": "x", "colour": "blue", "log-file": "/a b", "anchored": "true", "draught": "2"}
    assert read(environment={f"BOAT_{k.upper().replace('-', '_')}": v for k, v in texts.items()}).values == wanted
    assert read(file={**texts, "anchored": True, "draught": 2}).values == wanted
    assert read("--anchored", file={**texts, "anchored": False}).values == wanted
    assert not read("--no-anchored", file=texts).values.anchored


def test_all_mistakes_are_told_at_once_each_with_its_place() -> None:
    with pytest.raises(InputErrors) as caught:
        read(
            "--draught deep --colour green",
            {"BOAT_TOP_SPEED": "51", "BOAT_SPED": "1"},
            {"top-sped": 1, "name": 7, "anchored": "maybe", 5: 6},
        )
    assert caught.value.problems == [
        "boat.yaml: top-sped: unknown setting; did you mean `top-speed`?",
        "boat.yaml: name: `7`: expected `str`, got `int`",
        "boat.yaml: anchored: `maybe`: expected `bool`, got `str`",
        "boat.yaml: 5: unknown setting; `--dump` lists all",
        "BOAT_SPED: unknown setting; did you mean `top-speed`?",
        "BOAT_TOP_SPEED: `51`: expected `int` <= 50",
        "--colour: `green`: invalid enum value 'green'",
        "--draught: `deep`: expected `float`, got `str`",
    ]


@pytest.mark.parametrize("file", [[1], "text", 7])
def test_a_file_of_another_shape(file: Any) -> None:
    with pytest.raises(InputErrors, match=r"boat.yaml: holds no settings; write one `name: value` per line"):
        read(file=file)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e999", "9" * 5000])
def test_numbers_without_a_measure_are_refused(value: str) -> None:
    with pytest.raises(InputErrors, match="--draught"):
        read(f"--draught={value}") if value != "9" * 5000 else read(f"--top-speed={value} --draught=x")


def test_what_kubernetes_puts_there_for_a_service_of_the_same_name_is_no_setting() -> None:
    links = ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_METRICS", "PORT", "PORT_9410_TCP", "PORT_9410_TCP_ADDR")
    assert read(environment={f"BOAT_{link}": "tcp://10.0.0.1:9410" for link in links}).values == Boat()


def test_a_dump_says_the_same_again() -> None:
    settled = read("--name a:b --anchored", {"BOAT_LOG_FILE": "/x"}, {"draught": 3})
    text = dump(settled)
    assert read(file=yaml.safe_load(text)).values == settled.values
    assert text.splitlines()[:2] == ['name: "a:b"  # --name', "top-speed: 7  # default"]


def test_help_has_every_meaning_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser(prog="boat")
    add_flags(parser, Boat)
    parser.print_help()
    shown = capsys.readouterr().out
    for part in ("--top-speed SPEED", "in knots (7)", "red or blue (red)", "100 % of it (1.5)", "--no-anchored"):
        assert part in shown
