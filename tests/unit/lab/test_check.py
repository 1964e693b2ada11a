import socket
import threading

import pytest

from fairway.kit.errors import UsageError
from fairway.lab import check
from fairway.lab.check import Question


def names(topology_pages: bool) -> list[str]:
    return [question.name for question in check.questions("x", topology_pages, 1.0)]


def test_the_pages_that_make_ui_call_orders_are_left_out_when_told() -> None:
    assert {"GET /topology", "GET /proxy/orders"} == set(names(True)) - set(names(False))


def test_every_pod_is_probed_and_every_question_has_its_own_name() -> None:
    asked = names(True)
    assert len([name for name in asked if name.startswith("probe ")]) == 17
    assert len(set(asked)) == len(asked)


def test_pages_are_opened_by_users_and_probes_come_from_the_pods_node() -> None:
    by_name = {question.name: question.netns for question in check.questions("x", True, 1.0)}
    assert by_name["GET /"] == "fairway-x-internet"
    assert by_name["probe catalog/catalog-mysql-0"] == "fairway-x-node-a"
    assert by_name["DNS over TCP from a pod"].startswith("fairway-x-pod-ui-ui-")


def test_a_namespace_that_is_gone_fails_the_question_and_no_other() -> None:
    results = check.ask([Question("gone", "fairway-nowhere", lambda: "")], 2.0)
    assert [(r.name, r.ok) for r in results] == [("gone", False)]
    assert "No such file" in results[0].detail


@pytest.mark.parametrize("timeout", [0.0, -1.0, 61.0, float("nan")])
def test_a_timeout_that_cannot_be_meant_is_refused(timeout: float) -> None:
    with pytest.raises(UsageError, match="give 1 to 60 seconds"):
        check.check("x", True, timeout)


def answer_once(link: socket.socket, address: str, tcp: bool) -> None:
    def serve() -> None:
        if tcp:
            peer, _ = link.accept()
            query = peer.recv(512)[2:]
            reply = query + socket.inet_aton(address)
            peer.sendall(len(reply).to_bytes(2, "big") + reply)
            peer.close()
        else:
            query, client = link.recvfrom(512)
            link.sendto(query + socket.inet_aton(address), client)

    threading.Thread(target=serve, daemon=True).start()


def ask(address: str, tcp: bool) -> str:
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as link:
        link.bind(("127.0.0.1", 0))
        if tcp:
            link.listen()
        answer_once(link, address, tcp)
        return check.look_up("127.0.0.1", tcp, 2.0, port=link.getsockname()[1])


def test_a_dns_answer_must_hold_the_services_address() -> None:
    for tcp in (False, True):
        assert ask("10.96.0.22", tcp) == ""
        assert "has not the Service's address" in ask("10.96.0.23", tcp)
