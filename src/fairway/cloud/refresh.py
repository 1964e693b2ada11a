"""Fetch a provider's published ranges anew, from an address that a person gives: none is built in."""

import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fairway.cloud.published import MAX_FILE_BYTES, Published, parse
from fairway.kit.errors import EnvironmentLacksError, UsageError
from fairway.kit.files import write_atomically

SCHEMES: Final = ("https", "http", "file")
PIECE: Final = 1 << 20


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follows redirects between web addresses only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """None refuses; the answer is then the redirect itself, an error."""
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before == "https" and after == "http"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def refresh(url: str, out: Path, timeout: float = 30.0) -> Published:
    """Put what `url` answers at `out`, if it is a list of ranges; what was there stays if anything fails.

    `timeout` is in seconds, for the whole. UsageError: the address, or what it answers; EnvironmentLacksError: the
    way there.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in SCHEMES:
        raise UsageError(f"`{url}` is no http, https or file address; give the provider's, from its documentation")
    content = _fetched(url, timeout)
    published = parse(content, url)
    if not published.networks:
        raise UsageError(f"{url}: lists no network; what was in {out} stays")
    write_atomically(out, content)
    return published


def _fetched(url: str, timeout: float) -> bytes:
    opener = urllib.request.build_opener(_SameKind)
    deadline = time.monotonic() + timeout
    pieces, size = [], 0
    try:
        with opener.open(url, timeout=timeout) as answer:
            while piece := answer.read(PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_FILE_BYTES:
                    raise UsageError(f"{url}: answers more than {MAX_FILE_BYTES >> 20} MiB, no list of ranges")
                if time.monotonic() > deadline:
                    raise EnvironmentLacksError(f"{url}: did not answer within {timeout:.0f} s; try again")
    except urllib.error.HTTPError as error:
        raise EnvironmentLacksError(f"{url}: answers {error.code} {error.reason}; check the address") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise EnvironmentLacksError(f"{url}: cannot be reached: {reason}; try again") from error
    return b"".join(pieces)
