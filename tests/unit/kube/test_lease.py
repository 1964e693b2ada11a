"""Two hubs at once: one leads, and when it goes the other does."""

import asyncio
from collections.abc import Iterator

import pytest

from fairway.kube.lease import Lease
from support.apiserver import ApiServerReplay, api_server


@pytest.fixture
def server() -> Iterator[ApiServerReplay]:
    with api_server(for_hub=True) as running:
        yield running


async def until(lease: Lease, wanted: bool) -> None:
    async with asyncio.timeout(20):
        while lease.leads is not wanted:
            await asyncio.sleep(0.01)


def lease(server: ApiServerReplay, name: str, lines: list[str], duration: int = 2) -> Lease:
    return Lease(server.access, "fairway", name, log=lines.append, renew=0.05, duration=duration)


def test_one_of_two_leads_and_the_other_follows_when_it_lets_go(server: ApiServerReplay) -> None:
    async def play() -> None:
        lines: list[str] = []
        first, second = lease(server, "a", lines, 60), lease(server, "b", lines, 60)
        one = asyncio.create_task(first.run())
        await until(first, True)
        two = asyncio.create_task(second.run())
        async with asyncio.timeout(20):
            while second.holder != "a":
                await asyncio.sleep(0.01)
        assert not second.leads
        one.cancel()
        await asyncio.wait([one])
        assert not first.leads
        await until(second, True)  # at once: a lease of 60 seconds was let go
        two.cancel()
        await asyncio.wait([two])
        assert lines == ["lease: this hub leads", "lease: this hub leads"]

    asyncio.run(play())
    [kept] = server.objects["leases"].values()
    assert kept["spec"]["leaseTransitions"] == 1


def test_one_that_died_is_followed_when_its_lease_has_not_moved_by_our_own_clock(server: ApiServerReplay) -> None:
    """The dead one's clock was an hour ahead: its lease says that it was renewed in the future."""
    spec = {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2099-01-01T00:00:00.000000Z"}
    server.put("leases", {"metadata": {"name": "fairway-hub", "namespace": "fairway"}, "spec": spec})

    async def play() -> None:
        follower = lease(server, "b", [])
        task = asyncio.create_task(follower.run())
        async with asyncio.timeout(20):
            while follower.holder != "dead":
                await asyncio.sleep(0.01)
        assert not follower.leads
        await until(follower, True)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(play())


def test_who_cannot_renew_stops_to_lead_in_time(server: ApiServerReplay) -> None:
    async def play() -> None:
        lines: list[str] = []
        leader = lease(server, "a", lines, 1)
        task = asyncio.create_task(leader.run())
        await until(leader, True)
        server.stop()
        await until(leader, False)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(play())
