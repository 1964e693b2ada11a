"""The console: its built files, the same for everybody and for whoever asks; what they ask needs a token."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from fairway.hub.api.problems import problem
from fairway.hub.signin import BACK

BUILT: Final = Path(__file__).parent.parent / "console"
"""Where `make console` puts them, and the wheel has them."""
PAGES: Final = (
    *("/", "/map", "/flows", "/policies", "/rollouts", "/zones", "/agents", "/anomalies", "/investigate"),
    BACK,
)
"""Each is the same document, which looks at its address."""
_DOCUMENT: Final = "index.html"
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "font")),
        "img-src 'self' data: blob:",
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_SMALL: Final = 512
"""Bytes that are not worth packing."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent. `packed` is its gzip form, None where that gains nothing; `lasting`: its name changes
    with its content, so that nobody has to ask for it twice."""

    content: bytes
    packed: bytes | None
    kind: str
    tag: str
    lasting: bool

    @classmethod
    def of(cls, path: Path, lasting: bool) -> "Asset":
        content = path.read_bytes()
        packed = gzip.compress(content, 9, mtime=0) if len(content) > _SMALL else content
        return cls(
            content=content,
            packed=packed if len(packed) < len(content) else None,
            kind=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            tag=f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"',
            lasting=lasting,
        )


Console = Mapping[str, Asset]
"""Assets by their path in the address, without the first slash."""


def read_console(folder: Path = BUILT) -> Console:
    """All that was built; empty if nothing was."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in files}
    return {name: Asset.of(path, name.startswith("assets/")) for path, name in names.items()}


@get(list(PAGES), include_in_schema=False, exclude_from_auth=True)
async def document(request: Request[Any, Any, Any], console: NamedDependency[Console]) -> Response[bytes]:
    """The page, whichever it is."""
    return _sent(request, console, _DOCUMENT)


@get("/icon.svg", include_in_schema=False, exclude_from_auth=True)
async def icon(request: Request[Any, Any, Any], console: NamedDependency[Console]) -> Response[bytes]:
    """For the browser's tab."""
    return _sent(request, console, "icon.svg")


@get("/assets/{name:str}", include_in_schema=False, exclude_from_auth=True)
async def asset(
    request: Request[Any, Any, Any], console: NamedDependency[Console], name: FromPath[str]
) -> Response[bytes]:
    """What the page loads."""
    return _sent(request, console, f"assets/{name}")


def _sent(request: Request[Any, Any, Any], console: Console, name: str) -> Response[bytes]:
    found = console.get(name)
    if found is None:
        missing = "the console is not built; run `make console`, then start the hub again"
        return problem(404, "not here", f"`{name}` is no file of the console" if console else missing)
    lasting = "public, max-age=31536000, immutable"
    headers = {**_HEADERS, "ETag": found.tag, "Cache-Control": lasting if found.lasting else "no-cache"}
    if found.tag in request.headers.get("If-None-Match", ""):
        return Response(b"", status_code=304, headers=headers)
    packed = found.packed if "gzip" in request.headers.get("Accept-Encoding", "") else None
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(found.content if packed is None else packed, media_type=found.kind, headers=headers)
