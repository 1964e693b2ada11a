"""What TCP tells of itself, against what the sockets say: refused, lost, cut, late. Losses are made by nftables."""

import contextlib
import json
import os
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fairway.agent import kernel as kernels
from fairway.agent.kernel import Kernel
from fairway.agent.sockets import SocketEvents
from support.watched import PORT, Watched, client, echo, running, watch


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watched]:
    with watch(kernel) as watched:
        events = SocketEvents(kernel, None)
        assert not events.missing
        yield watched
        events.close()


def test_a_connection_that_is_well(watched: Watched) -> None:
    with echo(watched.server):
        client(watched.client, f"s.connect(('{watched.server.v4}', {PORT})); s.send(b'x'); s.recv(1); s.close()")
    for pod in ("pod0", "pod1"):
        flow = watched.flow(pod)
        assert (flow["connections"], flow["established"]) == (1, 1)
        assert 0 < flow["connect_us"] < 1_000_000
        ends = ("failed", "resets", "severed", "timeouts", "handshake_timeouts", "retransmitted")
        assert [flow[name] for name in ends] == [0] * len(ends)


def test_a_refused_connection_failed(watched: Watched) -> None:
    assert "Refused" in client(watched.client, f"s.connect(('{watched.server.v4}', {PORT}))")
    for pod in ("pod0", "pod1"):
        flow = watched.flow(pod)
        assert [flow[name] for name in ("connections", "established", "failed", "resets", "severed")] == [
            1,
            0,
            1,
            0,
            0,
        ]


@pytest.mark.parametrize("family", ["v4", "v6"])
def test_a_connection_that_nobody_answers_failed_too(watched: Watched, family: str) -> None:
    watched.lose(f"tcp dport {PORT}")
    dial = f"socket.create_connection(('{getattr(watched.server, family)}', {PORT}), timeout=1.5)"
    assert "imeout" in client(watched.client, dial)
    flow = watched.flow()
    assert [flow[name] for name in ("connections", "failed", "resets", "severed")] == [1, 1, 0, 0]
    again = ("handshake_retransmitted", "retransmitted", "handshake_timeouts", "timeouts")
    assert len({flow[name] for name in again}) == 1
    assert flow["timeouts"] == flow["tx_packets"] - 1 >= 1, "the SYN came again"


def test_a_client_without_the_patience_for_a_second_syn_failed_as_well(watched: Watched) -> None:
    watched.lose(f"tcp dport {PORT}")
    client(watched.client, f"s.settimeout(0.2); s.connect(('{watched.server.v4}', {PORT}))")
    flow = watched.flow()
    assert [flow[name] for name in ("connections", "failed", "tx_packets", "timeouts")] == [1, 1, 1, 0]


def test_a_connection_that_a_reset_ends(watched: Watched) -> None:
    linger = "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))"
    with echo(watched.server):
        client(
            watched.client,
            f"{linger}; s.connect(('{watched.server.v4}', {PORT})); s.send(b'x'); s.recv(1); s.close()",
        )
    for pod in ("pod0", "pod1"):
        flow = watched.flow(pod)
        assert [flow[name] for name in ("established", "failed", "resets", "severed")] == [1, 0, 1, 0]


def test_a_connection_that_dies_of_silence_is_severed(watched: Watched) -> None:
    patience = "s.setsockopt(socket.IPPROTO_TCP, 18, 1500)"  # TCP_USER_TIMEOUT, ms
    code = f"{patience}; s.connect(('{watched.server.v4}', {PORT})); s.send(b'x'); s.recv(1)\n"
    code += "print('on', flush=True)\nsys.stdin.readline()\ns.send(b'y')\nprint(s.recv(1))"
    with echo(watched.server):
        start = f"import socket, sys\ns = socket.socket()\n{code}"
        with running(watched.client, sys.executable, "-u", "-c", start, ready="on") as process:
            watched.lose(f"tcp dport {PORT}")
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout
            assert "imed out" in process.stdout.read()
    flow = watched.flow()
    assert [flow[name] for name in ("established", "failed", "resets", "severed")] == [1, 0, 0, 1]
    assert flow["timeouts"] >= 2
    assert flow["retransmitted"] >= flow["timeouts"], "a probe of the tail is no timeout"
    assert flow["handshake_timeouts"] == flow["handshake_retransmitted"] == 0


def test_handshakes_that_lose_a_packet(watched: Watched) -> None:
    """The first SYN, then the first SYN-ACK: whose retransmission it is, and how long it took."""
    lost = "numgen inc mod 1000 < 1"
    with echo(watched.server), echo(watched.server, PORT + 1):
        watched.lose(f"tcp dport {PORT} tcp flags syn / syn,ack {lost}")
        client(watched.client, f"s.connect(('{watched.server.v4}', {PORT}))")
        watched.lose_nothing()
        watched.lose(f"tcp sport {PORT + 1} tcp flags syn,ack / syn,ack {lost}")
        client(watched.client, f"s.connect(('{watched.server.v4}', {PORT + 1})); s.send(b'x'); s.recv(1)")
    flow = watched.flow()
    assert (flow["connections"], flow["established"], flow["failed"]) == (1, 1, 0)
    assert [flow[n] for n in ("handshake_retransmitted", "handshake_timeouts", "timeouts", "retransmitted")] == [
        1
    ] * 4
    assert flow["connect_us"] > 900_000, "from the first SYN on"
    late = watched.flow("pod1", PORT + 1)
    assert late["handshake_retransmitted"] >= 1
    assert late["retransmitted"] == late["handshake_retransmitted"]
    assert late["established"] == 1


SEND = """
import fcntl, socket, struct, subprocess, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
s.setsockopt(socket.IPPROTO_TCP, 13, b"cubic")
for _ in range(int(sys.argv[3])):
    s.sendall(bytes(1 << 16))
while struct.unpack("i", fcntl.ioctl(s, 0x5411, bytes(4)))[0]:  # SIOCOUTQ: not acknowledged yet
    time.sleep(0.01)
port = str(s.getsockname()[1])
print(subprocess.run(["ss", "-tinHO", "sport", port], capture_output=True, text=True).stdout, end="", flush=True)
sys.stdin.readline()
"""


def test_figures_are_those_of_the_socket(watched: Watched) -> None:
    """Two of a hundred packets lost, as ss tells it: segments sent again, bytes sent, round-trip time."""
    with echo(watched.server):
        watched.lose(f"tcp dport {PORT} meta length > 1000 numgen inc mod 100 < 2")
        command = (sys.executable, "-c", SEND, watched.server.v4, str(PORT), "200")
        with running(watched.client, *command) as process:
            assert process.stdout
            told = process.stdout.readline()
        flow = watched.flow()  # the socket's figures are read once a tick, and at its end: here a reset
    again, sent = re.search(r" retrans:0/(\d+)", told), re.search(r" bytes_sent:(\d+)", told)
    assert again, told
    assert sent, told
    assert int(again[1]) > 10, "losses were made"
    assert flow["retransmitted"] == int(again[1])
    assert flow["tx_bytes"] - 52 * flow["tx_packets"] - 8 == pytest.approx(int(sent[1]), rel=1e-5)
    assert flow["srtt_us"] > 0


def test_figures_are_those_of_iperf3(watched: Watched) -> None:
    """A sender of its own, by its own account: bytes, and with losses what it sent again."""
    for lost in ("tcp dport 9", "tcp dport 5201 meta length > 1000 numgen inc mod 500 < 1"):
        watched.lose(lost)
        with running(watched.server, "iperf3", "-s", "-1", "-p", "5201", "--forceflush", ready="listening"):
            sent = watched.client.run("iperf3", "-c", watched.server.v4, "-n", "40M", "-J", "-C", "cubic")
        end = json.loads(sent.stdout)["end"]["streams"][0]
        told = end["sender"]
        keys, values = watched.kernel.tables["flows"].read()
        mine = values[(keys["ifindex"] == watched.interfaces["pod0"]) & (keys["remote_port"] == 5201)]
        flow = mine[np.argmax(mine["first"] * np.uint64(1 << 32) + mine["tx_bytes"])]
        # It looks for the last time before its buffer is empty: what was sent again after that only we tell.
        assert told["retransmits"] <= int(flow["retransmitted"]) <= told["retransmits"] * 1.5 + 10
        if "numgen" in lost:
            assert told["retransmits"] > 10
        else:
            # What waits in its buffer at the end it throws away, but counts.
            payload = int(flow["tx_bytes"]) - 52 * int(flow["tx_packets"]) - 1448 * told["retransmits"]
            assert end["receiver"]["bytes"] * 0.9999 <= payload <= told["bytes"] * 1.0001
        watched.lose_nothing()


def deltas(watched: Watched) -> NDArray[np.void]:
    """Of TCP, since the last look."""
    keys, _, moved = watched.drain.read()
    return moved[keys["protocol"] == 6]


def test_an_interval_has_what_ended_in_it(watched: Watched) -> None:
    """A connection that is given up moves no packet: it is told all the same."""
    watched.lose(f"tcp dport {PORT}")
    code = "import socket, sys\ns = socket.socket()\ns.setblocking(False)\n"
    code += f"s.connect_ex(('{watched.server.v4}', {PORT}))\nprint('on', flush=True)\nsys.stdin.readline()"
    with running(watched.client, sys.executable, "-u", "-c", code, ready="on") as process:
        first = deltas(watched)
        assert (first["connections"].sum(), first["failed"].sum()) == (1, 0)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(10)
    assert deltas(watched)["failed"].sum() == 1


def test_without_the_nodes_cgroup_a_reason_is_given(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairway.agent.sockets.unified_cgroup", lambda: None)
    assert SocketEvents(kernel, None).missing == "no cgroup2 file system is mounted"
    monkeypatch.setattr("fairway.agent.sockets.unified_cgroup", lambda: Path("/proc/self"))
    assert SocketEvents(kernel, None).missing == f"/proc/self: {os.strerror(9)}"


def section(elf: bytes, name: bytes) -> tuple[int, int]:
    """Offset and size of a section of a 64-bit little-endian ELF file."""
    (table,), (size, count, names) = struct.unpack_from("<Q", elf, 40), struct.unpack_from("<HHH", elf, 58)
    heads = [struct.unpack_from("<IIQQQQ", elf, table + size * index) for index in range(count)]
    titles = heads[names][4]
    for head in heads:
        if elf[titles + head[0] :].split(b"\0", 1)[0] == name:
            return head[4], head[5]
    raise KeyError(name)


def test_the_agent_does_without_a_program_that_the_kernel_refuses(
    kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = bytearray(kernels.OBJECT.read_bytes())
    start, _ = section(bytes(broken), b"sockops")
    broken[start : start + 8] = bytes(8)  # its first instruction is none
    (tmp_path / "fairway.bpf.o").write_bytes(broken)
    monkeypatch.setattr(kernels, "OBJECT", tmp_path / "fairway.bpf.o")
    with contextlib.closing(Kernel(sizes={"rules": 64})) as without:
        assert without.lacking == ("fairway_sockets",)
        assert SocketEvents(without, None).missing == "this kernel refuses its program"
        assert without.program("fairway_to_pod") > 0
