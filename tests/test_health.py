"""The health page of a collector, before those who ask badly."""

import socket
import threading
import urllib.request

import pytest
from waiting import wait_for

from ingest.collecting import health
from ingest.collecting.health import MOST_AT_ONCE, Health
from ingest.collecting.journal import Figures


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(health, "ANSWERED_S", 0.5)
    monkeypatch.setattr(health._Quiet, "timeout", 0.5)
    with Health(Figures(looked=1e12), "127.0.0.1:0") as running:
        yield running


def healthy(page):
    try:
        with urllib.request.urlopen(f"http://{page.address}/healthz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def ask(page):
    return socket.create_connection(("127.0.0.1", int(page.address.rpartition(":")[2])), 5)


def test_one_that_asks_nothing_is_not_waited_for(page, capfd):
    with ask(page) as silent:
        silent.settimeout(5)
        assert silent.recv(1) == b""
    assert healthy(page)
    assert capfd.readouterr() == ("", "")


def test_one_that_asks_a_letter_now_and_then_is_not_waited_for_either(page):
    with ask(page) as slow:

        def closed():
            try:
                slow.sendall(b"G")
                slow.settimeout(0.1)
                return slow.recv(1) == b""
            except TimeoutError:
                return healthy(page) and False
            except OSError:
                return True

        wait_for(closed, 10, "the end of its patience")


def test_many_at_once_are_no_more_threads_than_there_are_places(page):
    before = threading.active_count()
    asking = [ask(page) for _ in range(4 * MOST_AT_ONCE)]
    most = 0

    def over():
        nonlocal most
        most = max(most, threading.active_count() - before)
        return healthy(page)

    wait_for(over, 10, "an answer in spite of them")
    assert most <= MOST_AT_ONCE
    for each in asking:
        each.close()


def test_it_listens_on_an_ipv6_address():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    with Health(Figures(looked=1e12), "[::1]:0") as running:
        assert running.address.startswith("[::1]:")
        assert healthy(running)
