"""The proxy spoils what goes through it as it says, and nothing else."""

import hashlib
import socket
import socketserver
import subprocess
import threading
import time
from functools import cache
from itertools import pairwise

import pymongo
import pytest
import requests
from cutting_proxy import CuttingProxy
from netdata_agents import free_port
from pymongo.errors import AutoReconnect, PyMongoError
from waiting import wait_for

from minion.server import find_mongod

PATIENCE_S = 10


class Teller(socketserver.StreamRequestHandler):
    """Answers a line with so many bytes as it says, the same each time; `close` ends."""

    def handle(self):
        while (line := self.rfile.readline()).strip():
            self.wfile.write(told(int(line)))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_):
        """A connection that was cut is no news."""


@cache
def told(count):
    """Text that tells each of its places from the others."""
    blocks = (hashlib.sha256(place.to_bytes(4)).hexdigest() for place in range(count // 64 + 1))
    return "".join(blocks).encode()[:count]


@pytest.fixture(scope="module")
def server():
    with Server(("127.0.0.1", 0), Teller) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def proxy(server):
    with CuttingProxy(*server.server_address) as running:
        yield running


class Client:
    """One connection; `ask` gives what comes until all is there or the other side ends."""

    def __init__(self, proxy):
        self.socket = socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S)

    def ask(self, count):
        self.socket.sendall(b"%d\n" % count)
        come = b""
        while len(come) < count:
            part = self.socket.recv(65536)
            if not part:
                break
            come += part
        return come

    def ask_until_the_end(self, count):
        """What comes, and how it ends."""
        self.socket.sendall(b"%d\n" % count)
        come = b""
        try:
            while part := self.socket.recv(65536):
                come += part
        except ConnectionResetError:
            return come, "rst"
        return come, "fin"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def test_everything_goes_through_as_it_is(proxy):
    with Client(proxy) as one, Client(proxy) as other:
        for count in (1, 1000, 3_000_000):
            assert one.ask(count) == other.ask(count) == told(count)
    assert proxy.counts.connections == 2
    assert proxy.counts.down == 2 * 3_001_001
    assert proxy.counts.up == 2 * len("1\n1000\n3000000\n")
    assert proxy.counts.cuts == proxy.counts.garbled == 0


def test_an_end_of_the_server_is_the_clients_end(proxy):
    with Client(proxy) as client:
        client.socket.sendall(b"\n")
        assert client.socket.recv(10) == b""


def test_an_end_of_the_client_lets_the_answer_come(proxy):
    with Client(proxy) as client:
        client.socket.sendall(b"100000\n\n")
        client.socket.shutdown(socket.SHUT_WR)
        with client.socket.makefile("rb") as come:
            assert come.read() == told(100_000)


def test_refused_and_there_again_on_the_same_port(proxy):
    port = proxy.port
    with Client(proxy) as before:
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            Client(proxy)
        assert before.ask(10) == told(10)
    proxy.heal()
    assert proxy.port == port
    with Client(proxy) as after:
        assert after.ask(10) == told(10)


def test_a_server_that_is_away_breaks_the_connection():
    with CuttingProxy("127.0.0.1", free_port()) as proxy:
        assert meets(proxy) == "rst"


def test_stalled_nothing_comes_and_healed_it_does(proxy):
    with Client(proxy) as before:
        assert before.ask(10) == told(10)
        proxy.stall()
        with Client(proxy) as during:
            for client in (before, during):
                client.socket.sendall(b"20\n")
                client.socket.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.socket.recv(1)
            proxy.heal()
            for client in (before, during):
                client.socket.settimeout(PATIENCE_S)
                with client.socket.makefile("rb") as come:
                    assert come.read(20) == told(20)


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_cut_now(proxy, how):
    with Client(proxy) as one, Client(proxy) as other:
        for client in (one, other):
            assert client.ask(10) == told(10)
        assert proxy.cut(how) == 2
        for client in (one, other):
            assert end(client) == how
    with Client(proxy) as after:
        assert after.ask(10) == told(10)
    assert proxy.counts.cuts == 2


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_cut_at_connect(proxy, how):
    proxy.cut_at_connect(how)
    for _ in range(3):
        assert meets(proxy) == how
    proxy.heal()
    with Client(proxy) as client:
        assert client.ask(10) == told(10)
    assert proxy.counts.connections == 4
    assert proxy.counts.cuts == 3


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("after", [1, 1000, 200_000])
def test_cut_in_the_middle_of_an_answer(proxy, how, after):
    proxy.cut_after(after, how)
    with Client(proxy) as client:
        come, ended = client.ask_until_the_end(300_000)
        assert ended == how
        assert come == told(300_000)[:after] or (how == "rst" and told(after).startswith(come))
    assert proxy.counts.down == after


def test_a_cut_counts_all_answers_of_a_connection(proxy):
    proxy.cut_after(25)
    with Client(proxy) as client:
        assert client.ask(10) == client.ask(10) == told(10)
        come, ended = client.ask_until_the_end(10)
        assert told(5).startswith(come)
        assert ended == "rst"
    assert proxy.counts.down == 25


def end(client):
    """How the connection ends; nothing more comes before."""
    try:
        assert client.socket.recv(1) == b""
    except ConnectionResetError:
        return "rst"
    return "fin"


def meets(proxy):
    """How a new connection ends; a reset may come before it is whole."""
    try:
        with Client(proxy) as client:
            return end(client)
    except ConnectionResetError:
        return "rst"


def test_delayed_both_ways(proxy):
    proxy.delay(0.2)
    with Client(proxy) as client:
        began = time.monotonic()
        assert client.ask(10) == told(10)
        assert 0.4 <= time.monotonic() - began < PATIENCE_S


def test_throttled(proxy):
    proxy.throttle(100_000)
    with Client(proxy) as client:
        began = time.monotonic()
        assert client.ask(50_000) == told(50_000)
        assert 0.4 <= time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize(("every", "mask"), [(1, 0x80), (7, 0x01), (100, 0xFF)])
def test_garbled(proxy, every, mask):
    proxy.garble(every, mask=mask)
    with Client(proxy) as client:
        come = client.ask(150_000) + client.ask(333)
    was = told(150_000) + told(333)
    assert len(come) == len(was)
    changed = [place for place, pair in enumerate(zip(come, was, strict=True)) if len({*pair}) == 2]
    assert changed == list(range(every - 1, len(was), every))
    assert all(come[place] == was[place] ^ mask for place in changed)
    assert proxy.counts.garbled == len(changed)


def test_garbled_on_the_way_up(proxy):
    proxy.garble(2, way="up", mask=ord("1") ^ ord("2"))
    with Client(proxy) as client:
        client.socket.sendall(b"11\n")  # becomes 12
        with client.socket.makefile("rb") as come:
            assert come.read(12) == told(12)


def test_switches_add_up_until_healed(proxy):
    proxy.delay(0.1)
    proxy.garble(10)
    proxy.cut_after(30)
    with Client(proxy) as client:
        began = time.monotonic()
        come, ended = client.ask_until_the_end(40)
        assert time.monotonic() - began >= 0.2
        assert ended == "rst"
        assert come[9:10] in (b"", bytes([told(10)[9] ^ 0x80]))
    assert proxy.counts.garbled == 4  # of the 40 that came, 30 went on
    proxy.heal()
    with Client(proxy) as client:
        assert client.ask(40) == told(40)


def test_many_clients_while_switches_change(proxy):
    """Whatever happens, what a client has got whole is right, and nobody hangs."""
    stop, wrong, whole = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            try:
                with Client(proxy) as client:
                    come = client.ask(20_000)
            except OSError:
                continue
            if come == told(20_000):
                whole.append(1)
            elif come != told(20_000)[: len(come)]:
                wrong.append(come)

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    for _ in range(10):
        for switch in (proxy.cut, proxy.refuse, proxy.heal, proxy.stall, proxy.cut, proxy.heal):
            switch()
            stop.wait(0.01)
        proxy.cut_after(10_000)
        stop.wait(0.01)
        proxy.heal()
    wait_for(lambda: len(whole) > 20, PATIENCE_S, "answers after all")
    stop.set()
    for client in clients:
        client.join(PATIENCE_S)
        assert not client.is_alive()
    assert not wrong


def test_closed_it_refuses_and_breaks(server):
    proxy = CuttingProxy(*server.server_address)
    with Client(proxy) as client:
        assert client.ask(1) == told(1)
        proxy.close()
        assert end(client) == "rst"
        with pytest.raises(ConnectionRefusedError):
            Client(proxy)
    proxy.close()


@pytest.fixture(scope="module")
def mongod(tmp_path_factory):
    """A real mongod on a port of loopback."""
    folder, port = tmp_path_factory.mktemp("mongod"), free_port()
    options = ["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25"]
    process = subprocess.Popen(
        [find_mongod(), "--dbpath", folder, "--port", str(port), *options],
        stdout=subprocess.DEVNULL,
    )
    with pymongo.MongoClient("127.0.0.1", port) as client:
        client.admin.command("ping")
    yield port
    process.terminate()
    process.wait(60)


def test_mongod_behind_it(mongod):
    with CuttingProxy("127.0.0.1", mongod) as proxy:
        address = f"mongodb://127.0.0.1:{proxy.port}/?retryWrites=false&retryReads=false"
        options = {"serverSelectionTimeoutMS": 1000, "socketTimeoutMS": 1000}
        with pymongo.MongoClient(address, **options) as client:
            collection = client.test.numbers
            collection.insert_many([{"_id": n} for n in range(1000)])
            proxy.cut_after(5000)
            with pytest.raises(AutoReconnect):
                list(collection.find())
            proxy.heal()
            proxy.cut()
            wait_for(lambda: answers(client), PATIENCE_S, "mongod after a cut")
            assert len(list(collection.find())) == 1000
            for spoil in (proxy.stall, proxy.refuse, lambda: proxy.garble(5)):
                spoil()
                proxy.cut()
                with pytest.raises(PyMongoError):
                    [collection.find_one() for _ in range(5)]
                proxy.heal()
                wait_for(lambda: answers(client), PATIENCE_S, "mongod behind a healed proxy")
            assert sorted(one["_id"] for one in collection.find()) == list(range(1000))


def answers(client):
    try:
        return client.admin.command("ping")
    except PyMongoError:
        return None


def test_http_behind_it(two_agents):
    agent, _ = two_agents
    with CuttingProxy("127.0.0.1", agent.port) as proxy:
        address = f"http://127.0.0.1:{proxy.port}/api/v1/info"
        # Itself first; behind it those that other tests let stream to it.
        assert requests.get(address, timeout=PATIENCE_S).json()["mirrored_hosts"][0] == "node-a"
        proxy.cut_after(700)  # behind its headers
        with pytest.raises(requests.exceptions.RequestException):
            requests.get(address, timeout=PATIENCE_S)
        proxy.heal()
        assert requests.get(address, timeout=PATIENCE_S).ok


def test_told_tells_places_apart():
    pieces = [told(10_000)[place : place + 16] for place in range(0, 10_000, 16)]
    assert all(one != two for one, two in pairwise(sorted(pieces)))
