"""Certificate: the hub's own for TLS, taken up anew when its files change, as cert-manager renews them."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fairway.kit.errors import one_line

EVERY: Final = 10.0
"""Seconds between two looks at the files."""


async def kept_fresh(
    context: ssl.SSLContext, certificate: Path, key: Path, log: Callable[[str], None], every: float = EVERY
) -> None:
    """Until cancelled. Open connections go on; what cannot be used is told once, and the last one stays."""
    taken = seen = _state(certificate, key)
    while True:
        await asyncio.sleep(every)
        now = _state(certificate, key)
        if now == taken or now is None:
            continue
        try:
            # First elsewhere: a certificate without its key, half of a renewal, must not get into the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            if now != seen:
                log(f"certificate: {certificate}: {one_line(str(error))}; the one before stays")
            seen = now
            continue
        taken = seen = now
        log(f"certificate: {certificate} is new; taken up")


def _state(certificate: Path, key: Path) -> tuple[object, ...] | None:
    """What tells a file from the one before; None while one of them is missing."""
    with contextlib.suppress(OSError):
        found = [path.stat() for path in (certificate, key)]
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)
    return None
