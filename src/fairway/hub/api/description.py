"""The API's description of itself, OpenAPI 3.1, at /schema/openapi.json: clients are generated from it."""

from collections.abc import Iterable
from typing import Any, Final

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    Reference,
    Schema,
    SecurityScheme,
)

import fairway
from fairway.hub.api.downloads import FORMS
from fairway.hub.api.export import EXPORT_PATH, TYPES
from fairway.hub.api.problems import PROBLEM
from fairway.wire.protocol import FLOWS_PATH

_ABOUT: Final = """What the hub saw, who may talk to whom, and what policies would do. Errors are problem+json:
`detail` says what, where, and what to do next. Times without a zone are UTC."""
_METHODS: Final = ("get", "post", "put", "delete", "patch")


def configuration() -> OpenAPIConfig:
    """What the framework needs to know to make it."""
    token = SecurityScheme(type="http", scheme="bearer", description="a token that the hub knows")
    return OpenAPIConfig(
        title="Fairway",
        version=fairway.__version__,
        description=_ABOUT,
        components=Components(security_schemes={"token": token}),
        security=[{"token": []}],
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, _, __: _camel(handler.handler_name),
    )


def complete(application: Litestar) -> None:
    """Say of each operation what its errors look like, and which files it sends."""
    problem = OpenAPIResponse(
        description="what went wrong; a 304 has no body",
        content={PROBLEM: OpenAPIMediaType(schema=_problem())},
    )
    for path in (application.openapi_schema.paths or {}).values():
        for operation in _operations(path):
            responses = operation.responses = operation.responses or {}
            responses.pop("400", None)
            responses["default"] = problem
    _files(application, FLOWS_PATH, FORMS.values())
    _files(application, EXPORT_PATH, TYPES.values())


def _files(application: Litestar, path: str, kinds: Iterable[str]) -> None:
    """A GET that answers with files of these kinds, too."""
    operation = (application.openapi_schema.paths or {})[path].get
    answer: Any = ((operation and operation.responses) or {})["200"]
    binary = Schema(type=OpenAPIType.STRING, description="all flows, as a file")
    answer.content.update({kind.partition(";")[0]: OpenAPIMediaType(schema=binary) for kind in kinds})


def _problem() -> Schema:
    text, number = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)
    fields: dict[str, Reference | Schema] = dict.fromkeys(("type", "title", "detail", "error"), text)
    fields["status"] = number
    return Schema(
        type=OpenAPIType.OBJECT, title="Problem", required=["title", "status", "detail"], properties=fields
    )


def _operations(path: PathItem) -> list[Operation]:
    found = (getattr(path, method) for method in _METHODS)
    return [operation for operation in found if operation is not None]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others if word)
