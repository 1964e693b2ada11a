"""A part's steps, one after the other, and what is told of them: each trouble once, and its end."""

from collections.abc import Callable

from fairway.hub.trying import Trying
from fairway.kit.errors import UsageError


def raising(error: Exception) -> Callable[[], object]:
    def step() -> object:
        raise error

    return step


def test_a_transcript() -> None:
    told: list[str] = []
    trying = Trying(told.append)
    full = raising(UsageError("the disk is full\nand more\nand more"))

    def attempt(step: Callable[[], object]) -> tuple[list[str], dict[str, str]]:
        told.clear()
        trying.attempt("database", step)
        return list(told), dict(trying.troubles)

    full_disk = {"database": "the disk is full (and 2 more)"}
    assert attempt(lambda: True) == ([], {})
    assert attempt(full) == (["database: the disk is full (and 2 more); the last good state stays"], full_disk)
    assert attempt(full) == ([], full_disk), "told once"
    assert attempt(lambda: 0) == ([], full_disk), "it did nothing, and so proved nothing"
    assert attempt(lambda: 1) == (["database: fine again"], {})
    assert trying.failures == {}

    lines, troubles = attempt(raising(ZeroDivisionError("oh")))
    assert troubles == {"database": "ZeroDivisionError: oh; this is a mistake in fairway, the log has its place"}
    assert len(lines) == 1
    assert "Traceback" in lines[0]
    assert attempt(raising(ZeroDivisionError("oh")))[0] == [], "told once, and counted each time"
    assert trying.failures == {"database": 2}
    assert trying.works("database")
    assert not trying.works("database")
