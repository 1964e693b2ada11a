"""ETags: who has an answer already is told so, instead of the answer."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from litestar import MediaType, Request, Response

S = TypeVar("S", bound=msgspec.Struct)
_TIMES: Final = ("since", "until")


class Told(NamedTuple):
    """An answer as JSON, and its tag."""

    content: bytes
    tag: str


def told(answer: msgspec.Struct) -> Told:
    """Written once, for its tag and to be sent. The time asked about moves on by itself, and is not part of the
    tag."""
    content = lasting = msgspec.json.encode(answer)
    for moment in _moments(answer):
        lasting = lasting.replace(moment, b"", 1)
    return Told(content, f'"{hashlib.blake2b(lasting, digest_size=12).hexdigest()}"')


def answered(request: Request[Any, Any, Any], told: Told) -> Response[Any]:
    """The answer, or 304 if its tag is what If-None-Match says."""
    headers = {"ETag": told.tag, "Cache-Control": "private, no-cache"}
    if told.tag in request.headers.get("If-None-Match", ""):
        return Response(None, status_code=304, headers=headers)
    return Response(told.content, media_type=MediaType.JSON, headers=headers)


def tagged(request: Request[Any, Any, Any], answer: S) -> Response[S]:
    """The same of an answer that is not written yet."""
    return answered(request, told(answer))


def _moments(answer: msgspec.Struct) -> Iterator[bytes]:
    """What moves on by itself, as it is written, of an answer and of its parts."""
    for name in answer.__struct_fields__:
        value = getattr(answer, name)
        if name in _TIMES:
            yield msgspec.json.encode({name: value})[1:-1]
        elif isinstance(value, msgspec.Struct):
            yield from _moments(value)
