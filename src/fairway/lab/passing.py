"""`passing PORT NETNS... -- COMMAND`: listens on the loopback of other network namespaces, and becomes COMMAND.

The sockets are passed as a service manager passes them (sd_listen_fds(3)). So the hub has the same address on every
node of the lab, and nothing of it is among the traffic that is looked at.
"""

import fcntl
import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final, NoReturn

from fairway.lab import namespaces

LOOPBACK: Final = "127.0.0.1"
_FIRST: Final = 3


def become(port: int, netns: Sequence[str], command: Sequence[str]) -> NoReturn:
    """Listen in each namespace, then run the command in place of this process."""
    sockets: list[socket.socket] = []
    for name in netns:
        namespaces.inside(name, partial(_listen, port, sockets))
    # Out of the way first: one may sit where another has to go.
    high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST + len(sockets)) for one in sockets]
    for place, descriptor in enumerate(high, start=_FIRST):
        os.dup2(descriptor, place, inheritable=True)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(high))}
    os.execv(command[0], list(command))  # noqa: S606  # the command is the lab's own


def _listen(port: int, sockets: list[socket.socket]) -> None:
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((LOOPBACK, port))
    one.listen(128)
    sockets.append(one)


if __name__ == "__main__":
    split = sys.argv.index("--")
    become(int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :])
