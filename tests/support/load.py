"""Run in a pod, without anything but the standard library: UDP echoes of which each is accounted for.

`load.py serve PORT...` echoes until killed; asked on stdin, it says how many datagrams each port got.
`load.py ask ADDRESS ALLOWED DENIED` asks the allowed port and waits for each answer, `up` after the first, and
throws datagrams at the denied one, until its stdin ends; then it says what it sent, what was lost and what leaked,
as JSON.
"""

import json
import select
import socket
import sys
import time

PATIENCE = 5.0
PER_SOCKET = 50
PAUSE = 0.0005


def serve(ports: list[int]) -> None:
    sockets = {}
    for port in ports:
        one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind(("::", port))
        sockets[one] = port
    got = dict.fromkeys(ports, 0)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while True:
        ready, _, _ = select.select([*sockets, sys.stdin], [], [])
        for one in ready:
            if one is sys.stdin:
                if not sys.stdin.readline():
                    return
                sys.stdout.write(json.dumps(got) + "\n")
                sys.stdout.flush()
                continue
            data, peer = one.recvfrom(2048)
            got[sockets[one]] += 1
            one.sendto(data, peer)


def ask(address: str, allowed: int, denied: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    refused = socket.socket(family, socket.SOCK_DGRAM)
    sent = lost = thrown = leaked = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        # New connections again and again: each is judged from the start.
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.settimeout(PATIENCE)
            one.connect((address, allowed))
            for _ in range(PER_SOCKET):
                one.send(b"ask")
                sent += 1
                try:
                    one.recv(64)
                except TimeoutError:
                    lost += 1
                if sent == 1:
                    sys.stdout.write("up\n")
                    sys.stdout.flush()
                refused.sendto(b"throw", (address, denied))
                thrown += 1
                leaked += bool(select.select([refused], [], [], 0)[0])
                time.sleep(PAUSE)
    json.dump({"sent": sent, "lost": lost, "thrown": thrown, "leaked": leaked}, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve([int(port) for port in sys.argv[2:]])
    else:
        ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
