"""An answer that took long, told again: by a clock of its own, each line is what one who asks does and is told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from threading import Event

import pytest

from fairway.hub.api import lately
from fairway.hub.api.desk import Desk
from fairway.hub.api.lately import Lately
from fairway.hub.api.tags import Told


class Makes:
    """Makes answer after answer, each when it is let."""

    def __init__(self) -> None:
        self.made = 0
        self.let = Event()

    def __call__(self) -> Told:
        assert self.let.wait(30)
        self.made += 1
        return Told(str(self.made).encode(), "")


def run(talk: Callable[[Lately, Makes], Awaitable[None]], now: Callable[[], float] = time.monotonic) -> None:
    async def main() -> None:
        desk = Desk()
        try:
            await asyncio.wait_for(talk(Lately(desk, now), Makes()), 60)
        finally:
            desk.close()

    asyncio.run(main())


async def nothing_being_made(asked: Lately) -> None:
    while asked._making:
        await asyncio.sleep(0.001)


def test_the_last_one_is_told_while_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "LONG", 0.0)
    monkeypatch.setattr(lately, "REST", 0.0)

    async def talk(asked: Lately, make: Makes) -> None:
        make.let.set()
        assert (await asked("map", 60, make)).content == b"1"
        make.let.clear()
        for _ in range(3):
            assert (await asked("map", 60, make)).content == b"1", "made already"
        make.let.set()
        await nothing_being_made(asked)
        assert make.made == 2, "once for all three"
        assert (await asked("map", 60, make)).content == b"2"
        assert (await asked("another", 60, make)).content in (b"3", b"4"), "nobody is told another's"

    run(talk)


@pytest.mark.parametrize(
    ("patience", "times"),
    [(60, (0.0, 4.0, 4.1, 6.0)), (5, (0.0, 3.0, 3.1, 6.0))],
    ids=["four times as long", "before it is too old"],
)
def test_the_longer_one_takes_the_later_the_next_is_begun(patience: int, times: tuple[float, ...]) -> None:
    moment = 0.0

    async def talk(asked: Lately, make: Makes) -> None:
        nonlocal moment

        def slow() -> Told:
            nonlocal moment
            moment += 1.0
            return make()

        make.let.set()
        told = []
        for at in times:
            moment = at
            told.append((await asked("map", patience, slow)).content)
            await nothing_being_made(asked)
        assert told == [b"1", b"1", b"1", b"2"], "the second is begun at the third asking"
        assert make.made == 2

    run(talk, lambda: moment)


def test_who_does_not_say_so_is_told_what_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "LONG", 0.0)

    async def talk(asked: Lately, make: Makes) -> None:
        make.let.set()
        await asked("map", 60, make)
        assert (await asked("map", 0, make)).content == b"2"

    run(talk)


def test_what_is_quick_or_too_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 0.0

    async def talk(asked: Lately, make: Makes) -> None:
        nonlocal moment
        make.let.set()
        monkeypatch.setattr(lately, "LONG", 60.0)
        assert [(await asked("map", 60, make)).content for _ in range(2)] == [b"1", b"2"]
        monkeypatch.setattr(lately, "LONG", 0.0)
        await asked("map", 60, make)
        moment = 61.0
        assert (await asked("map", 60, make)).content == b"4"

    run(talk, lambda: moment)


def test_an_error_is_told_to_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "LONG", 0.0)
    monkeypatch.setattr(lately, "REST", 0.0)

    async def talk(asked: Lately, make: Makes) -> None:
        def fails() -> Told:
            raise ValueError("no")

        make.let.set()
        await asked("map", 60, make)
        assert (await asked("map", 60, fails)).content == b"1"
        await nothing_being_made(asked)
        with pytest.raises(ValueError, match="no"):
            await asked("map", 60, fails)
        assert (await asked("map", 60, make)).content == b"2"

    run(talk)
