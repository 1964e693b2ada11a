"""ETags: who has an answer already is told so, instead of the answer."""

import hashlib
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request, Response

S = TypeVar("S", bound=msgspec.Struct)
_TIMES: Final = ("since", "until")


def tagged(request: Request[Any, Any, Any], answer: S) -> Response[S]:
    """The answer, or 304 if its digest is what If-None-Match says. The time asked about moves on by itself, and is
    not part of the digest."""
    tag = f'"{hashlib.blake2b(msgspec.json.encode(_lasting(answer)), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(None, status_code=304, headers=headers)  # type: ignore[arg-type]
    return Response(answer, headers=headers)


def _lasting(answer: msgspec.Struct) -> dict[str, Any]:
    """What does not move on by itself, of an answer and of its parts."""
    told = {name: getattr(answer, name) for name in answer.__struct_fields__ if name not in _TIMES}
    return {name: _lasting(part) if isinstance(part, msgspec.Struct) else part for name, part in told.items()}
