"""An OpenID provider, as it is asked: what it says of itself, and JSON of it, bounded in size and time."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from joserfc.errors import JoseError

from fairway.hub.identity import ProviderDownError
from fairway.kit.errors import one_line

FAILURES: Final = (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, JoseError, ValueError, KeyError)
"""What may come of asking somebody who does not do as the specifications say."""
_MOST_BYTES: Final = 1 << 20
_TIMEOUT: Final = 5.0


@asynccontextmanager
async def asking(issuer: str, ca_file: Path | None, what: str) -> AsyncIterator[httpx.AsyncClient]:
    """A connection to a provider; ProviderDownError for whatever goes wrong while `what` is asked for."""
    verify: Any = issuer.startswith("https:")
    if ca_file is not None:
        verify = ssl.create_default_context(cafile=str(ca_file))
    try:
        async with httpx.AsyncClient(verify=verify, timeout=_TIMEOUT) as connection:
            yield connection
    except FAILURES as error:
        raise ProviderDownError(
            f"{issuer} does not tell {what}: {one_line(str(error)) or type(error).__name__}"
        ) from None


async def metadata(connection: httpx.AsyncClient, issuer: str) -> Mapping[str, Any]:
    """What it says of itself (OpenID Connect Discovery 1.0, 4); errors as of `told`, and FAILURES."""
    found = told(await connection.get(issuer.rstrip("/") + "/.well-known/openid-configuration"))
    if found.get("issuer") != issuer:
        raise ProviderDownError(f"{issuer} says that it is `{found.get('issuer')}`")
    return found


def told(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer that is fine; ProviderDownError if it is too large, FAILURES for what else."""
    answer.raise_for_status()
    if len(answer.content) > _MOST_BYTES:
        raise ProviderDownError(f"{answer.url} answers {len(answer.content)} bytes")
    return msgspec.json.decode(answer.content, type=dict[str, Any])
