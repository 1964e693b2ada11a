"""Watching a running lab until there is nothing new to see, and completing what users did not do by themselves."""

import time
from typing import Final

from fairway.kit.errors import EnvironmentLacksError
from fairway.lab.crew import Crew
from fairway.lab.story import Observation

AT_LEAST: Final = 15.0
AT_MOST: Final = 45.0
QUIET: Final = 6.0
"""Seconds without a new edge, after which the picture is taken for whole."""


def observe_for(crew: Crew) -> Observation:
    """Look until no new edge came for QUIET seconds, within AT_LEAST to AT_MOST."""
    started = changed = time.monotonic()
    known = 0
    while True:
        edges = crew.edges()
        now = time.monotonic()
        if len(edges) != known:
            known, changed = len(edges), now
        if now - started >= AT_MOST or (now - started >= AT_LEAST and now - changed >= QUIET):
            return Observation(edges, crew.cluster())
        time.sleep(1.0)


def complete(crew: Crew) -> Observation:
    """Open the page that nobody opens and run the job that has not run; wait until both are in the store."""
    status = crew.lab.visit("/topology")
    if status != 200:
        raise EnvironmentLacksError(f"/topology answered {status}; see {crew.lab.config.logs}")
    job = crew.run_job()
    if not job.ok:
        raise EnvironmentLacksError(f"the batch job failed: {job.output.strip()[-200:]}")
    deadline = time.monotonic() + 10 * crew.interval + 5
    while True:
        edges = crew.edges()
        clients = {(e.client.group, e.server.group) for e in edges if e.connections}
        wanted = {("ui/ui", "orders/orders"), ("batch/orders-export", "S3")}
        if wanted <= clients:
            return Observation(edges, crew.cluster())
        if time.monotonic() > deadline:
            raise EnvironmentLacksError(f"never seen: {sorted(wanted - clients)}; see {crew.lab.config.logs}")
        time.sleep(0.5)
