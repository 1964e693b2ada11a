"""What Parquet keeps comes back as it was."""

import datetime as dt

import pyarrow as pa
import pytest

from fairway.hub.columns import END
from fairway.hub.rows import endpoint_of, rows_of


def test_rows_are_those_of_to_pylist() -> None:
    at = dt.datetime(2026, 11, 22, 1, 2, 3, 4, tzinfo=dt.UTC)
    table = pa.table(
        {
            "word": pa.array(["b", "a", "b"]).dictionary_encode(),
            "time": pa.array([at] * 3, pa.timestamp("us", "UTC")),
            "count": pa.array([1, 2, 2**64 - 1], pa.uint64()),
            "known": pa.array([True, False, True]),
        }
    )
    twice = pa.concat_tables([table, table]).unify_dictionaries()
    assert list(rows_of(twice)) == twice.to_pylist()
    assert list(rows_of(table.slice(1, 1))) == table.slice(1, 1).to_pylist()
    assert list(rows_of(table.slice(0, 0))) == []


@pytest.mark.parametrize("end", ["client", "server"])
def test_an_endpoint_of_a_row(end: str) -> None:
    values = [
        "pod",
        "10.0.0.1",
        "ui",
        "ui-1",
        "Deployment/ui",
        '{"b":"2","a":"1"}',
        '[["http","TCP",8080]]',
        "n",
        "z",
    ]
    row = {f"{side}_{name}": "" for side in ("client", "server") for name in END}
    row |= {f"{end}_{name}": value for name, value in zip(END, values, strict=True)}
    found = endpoint_of(row, end)
    assert (found.title, found.group, found.zone) == ("ui/ui-1", "ui/ui", "z")
    assert found.labels == (("a", "1"), ("b", "2"))
    assert found.ports[0].number == 8080
