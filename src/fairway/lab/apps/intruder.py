"""`intruder [HOST PORT FALLBACK]...`: tries to reach each server once, by its name or else its address.

Tells a JSON list of [host, port, address, reached, detail].
"""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

TIMEOUT_SECONDS: Final = 2.0


def attempt(host: str, port: int, fallback: str) -> tuple[str, int, str, bool, str]:
    """One connection and one greeting."""
    looked_up = ""
    try:
        address = str(socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        address, looked_up = fallback, f"no name ({error.strerror}), by address: "
    started = time.monotonic()
    try:
        with socket.create_connection((address, port), TIMEOUT_SECONDS) as link:
            greeting = link.recv(200).decode(errors="replace").strip()
    except OSError as error:
        waited = time.monotonic() - started
        reason = "timed out" if isinstance(error, TimeoutError) else error.strerror or str(error)
        return host, port, address, False, f"{looked_up}{reason} after {waited:.1f} s"
    return host, port, address, True, f"{looked_up}answered `{greeting}`"


def main(*arguments: str) -> None:
    """Try all at the same time."""
    targets = zip(arguments[::3], map(int, arguments[1::3]), arguments[2::3], strict=True)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda target: attempt(*target), targets))
    sys.stdout.write(json.dumps(results) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
