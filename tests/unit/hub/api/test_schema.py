"""The API's own description: OpenAPI 3.1, complete, and true of what the hub answers to made-up questions."""

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fairway.hub.auth import Role
from support.hubs import Serving, serving
from support.traffic import tell

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
NOT_MADE_UP = ("/api/v1/live", "/api/v1/nodes/{node}/feed")
"""A stream that does not end, and a question that waits: tested by hand."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("hub")) as running:
        tell(running)
        yield running


@pytest.fixture(scope="module")
def description(hub: Serving) -> Any:
    token = hub.state.token(Role.OPERATOR).read_text()
    with httpx.Client(trust_env=False) as connection:
        told = connection.get(f"{hub.door.url}/schema/openapi.json", headers={"Authorization": f"Bearer {token}"})
    assert told.status_code == 200
    return told.json()


def operations(description: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_says_what_it_is(description: Any) -> None:
    assert description["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(names)) == len(names) > 20
    for path, method, operation in operations(description):
        assert operation["summary"], (path, method)
        assert operation["tags"], (path, method)
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] != "query" or parameter.get("description"), (path, parameter["name"])


EXAMPLES = int(os.environ.get("FAIRWAY_SCHEMA_EXAMPLES", "6"))
"""Questions for each operation; more find more."""


def test_the_hub_answers_as_described(hub: Serving, description: Any) -> None:
    """Made-up parameters and bodies, right and wrong: no failure of the hub's, nothing undescribed."""
    schema = schemathesis.openapi.from_dict(description)
    token = hub.state.token(Role.OPERATOR).read_text()
    asked, wrong = 0, []

    def put(case: Any) -> None:
        nonlocal asked
        answer = case.call(base_url=hub.door.url, headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=CHECKS)
        asked += 1

    bounded = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for made in schema.get_all_operations():
        operation = made.ok()
        if operation.path not in NOT_MADE_UP:
            try:
                bounded(given(case=operation.as_strategy())(put))()
            except BaseExceptionGroup as failed:
                wrong.append(str(failed))
    assert wrong == []
    assert asked > 50
