"""`users HOST...`: people who browse the shop, one after the other, over each of its addresses in turn.

They never open /topology or /proxy/orders: the paths that only an administrator knows.
"""

import itertools
import sys
import threading
import time
from typing import Final

from fairway.lab.apps.web import fetch

PAUSE_SECONDS: Final = 0.4
JOURNEY: Final = (
    ("GET", "/"),
    ("GET", "/catalog"),
    ("GET", "/catalog/{item}"),
    ("POST", "/cart"),
    ("GET", "/home"),
    ("GET", "/catalog/{item}"),
    ("POST", "/cart"),
    ("GET", "/cart"),
    ("GET", "/checkout"),
    ("POST", "/checkout/submit"),
)


def browse(host: str, first_item: int) -> None:
    """Browse for ever; what fails is told on standard output."""
    for item in itertools.count(first_item):
        for method, path in JOURNEY:
            path = path.format(item=item % 12 + 1)
            try:
                status, _ = fetch(
                    f"http://{host}{path}", method=method, body=b"{}" if method == "POST" else b"", timeout=4.0
                )
                problem = "" if status < 400 else str(status)
            except OSError as error:
                problem = str(error) or type(error).__name__
            if problem:
                sys.stdout.write(f"{time.strftime('%H:%M:%S')} {method} {path}: {problem}\n")
                sys.stdout.flush()
            time.sleep(PAUSE_SECONDS)


def main(*hosts: str) -> None:
    """One visitor per host until killed."""
    visitors = [threading.Thread(target=browse, args=(host, n)) for n, host in enumerate(hosts)]
    for visitor in visitors:
        visitor.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
