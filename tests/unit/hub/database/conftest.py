"""Two ClickHouse nodes for all tests here, each test file with a database of its own on them."""

from collections.abc import Iterator

import pytest

from support.clickhouse import Node, nodes


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with nodes(tmp_path_factory.mktemp("shards"), 2) as found:
        yield found
