"""What agents tell of a pod's rest has no two ends, so that it tells of no endpoints."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairway.hub.database.endpoints import endpoints_of
from fairway.hub.database.flows import stored
from support.flows import random_flows


def test_rows_without_two_ends_tell_of_none() -> None:
    flows = random_flows(3, 300)
    rest = flows.filter(pc.equal(flows["kind"].cast(pa.string()), "rest"))
    assert len(rest)
    assert len(endpoints_of(stored(rest, np.ones(len(rest), bool)))) == 0
    assert len(endpoints_of(stored(flows.slice(0, 0), np.ones(0, bool)))) == 0


def test_each_endpoint_is_told_once_for_each_side() -> None:
    told = endpoints_of(stored(random_flows(3, 300), np.ones(300, bool)))
    who = [tuple(row.values())[:-2] for row in told.to_pylist()]
    assert len(who) < 300
    assert max(map(who.count, who)) == 2
