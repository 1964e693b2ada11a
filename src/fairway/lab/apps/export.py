"""`export`: the batch job that copies orders to S3, in parts, each on connections of its own."""

import os
import sys
import time
from typing import Final

from fairway.lab.apps import lines
from fairway.lab.apps.web import fetch

PARTS: Final = 4
TRIES: Final = 3
PAUSE_SECONDS: Final = 1.0


def copy(part: int) -> None:
    """Copy one part; OSError if it cannot be read or written."""
    host, _, port = os.environ["SOURCE_ENDPOINT"].rpartition(":")
    row = lines.ask(host, int(port), "GET order", 2.0)
    status, _ = fetch(
        f"{os.environ['TARGET_BUCKET']}/part-{part}", method="PUT", body=row.encode() * 50, timeout=2.0
    )
    if status != 200:
        raise ConnectionError(f"the bucket answered {status}")


def main() -> int:
    """0 when all parts were copied; each part is tried several times."""
    for part in range(PARTS):
        for left in range(TRIES - 1, -1, -1):
            time.sleep(PAUSE_SECONDS)
            try:
                copy(part)
            except OSError as error:
                sys.stdout.write(f"part {part}: {error}; {left} tries left\n")
                if not left:
                    return 1
            else:
                sys.stdout.write(f"part {part}: copied\n")
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
