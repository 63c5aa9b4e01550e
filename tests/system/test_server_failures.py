"""The embedded server when something dies, is full, is broken or belongs to somebody else."""

import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pymongo
import pytest
from processes import USER, Command, is_alive, parent_of
from pymongo.errors import PyMongoError
from test_store import simulation
from waiting import wait_for

import minion
from minion import server
from minion.errors import ServerError, StoreFull
from minion.server import Server

pytestmark = pytest.mark.system

WRITER = """
import sys
import pymongo
from pathlib import Path
from minion.server import Server
with Server.use(Path(sys.argv[1])) as server:
    client = pymongo.MongoClient(server.uri, w=1, journal=True, serverSelectionTimeoutMS=1000)
    number = 0
    try:
        while True:
            client.test.written.insert_one({"_id": number, "filling": "x" * int(sys.argv[2])})
            print(number, server.pid, flush=True)
            number += 1
    except pymongo.errors.PyMongoError:
        client.close()
"""


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of 64 MB; skipped where one may not be mounted."""
    folder = home / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot mount a small disk: {tried.stderr.strip()}")
    yield folder
    try:
        ended(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def ended(home: Path) -> None:
    wait_for(lambda: not server.status(home).running, 20, "the end of the server")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid), 10, f"the end of process {pid}")


def supervisor_of(home: Path) -> int:
    """The process that watches over mongod, whether it has started it or adopted it."""
    command = ["ps", "-axww", "-o", "pid=", "-o", "args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    mine = [line for line in listed.stdout.splitlines() if f"supervisor.py {home}/run " in line]
    (line,) = mine
    return int(line.split()[0])


def written(home: Path) -> set[int]:
    with Server.use(home) as used, pymongo.MongoClient(used.uri) as client:
        return set(client.test.written.distinct("_id"))


def write(home: Path, number: int) -> None:
    with Server.use(home) as used, pymongo.MongoClient(used.uri, journal=True) as client:
        client.test.written.insert_one({"_id": number})


def refusal(home: Path) -> str:
    with pytest.raises(ServerError) as caught:
        Server.use(home)
    message = str(caught.value)
    assert "\n" not in message
    return message


# What is killed


def test_killed_mongod_has_kept_all_that_it_acknowledged(home: Path) -> None:
    with Command(WRITER, home, 1000) as writer:
        lines = [writer.line() for _ in range(300)]
        kill(int(lines[-1].split()[1]))
        lines += writer.finish().splitlines()
    acknowledged = {int(line.split()[0]) for line in lines}
    # A write that was on its way may be there as well.
    assert acknowledged <= written(home) <= acknowledged | {len(acknowledged)}


def test_killed_writer_has_lost_nothing(home: Path) -> None:
    with Command(WRITER, home, 1000) as writer:
        acknowledged = {int(writer.line().split()[0]) for _ in range(300)}
        writer.kill()
    assert acknowledged <= written(home)


def test_next_use_starts_a_killed_mongod_under_those_who_are_left(home: Path) -> None:
    with Server.use(home) as first:
        kill(first.pid)
        with Server.use(home) as second:
            assert second.uri == first.uri
            assert second.pid != first.pid
        with pymongo.MongoClient(first.uri, serverSelectionTimeoutMS=5000) as client:
            assert client.admin.command("ping")["ok"] == 1
    ended(home)


def test_killed_supervisor_is_replaced_by_the_next_use(home: Path) -> None:
    with Server.use(home) as first:
        supervisor = parent_of(first.pid)
        kill(supervisor)
        with Server.use(home) as second:
            assert second.pid == first.pid
            assert is_alive(supervisor_of(home))
            with Command(USER, home) as other:
                assert other.server() == (first.pid, first.uri)
                other.finish()
        assert is_alive(first.pid)
    wait_for(lambda: not is_alive(first.pid), 20, "the end of mongod")


@pytest.mark.parametrize("way", ["close", "stop"])
def test_orphaned_mongod_is_ended(home: Path, way: str) -> None:
    used = Server.use(home)
    kill(parent_of(used.pid))
    if way == "stop":
        stopped = server.stop(home)
        assert (stopped.running, stopped.in_use) == (True, True)
    used.close()
    wait_for(lambda: not is_alive(used.pid), 20, "the end of mongod")


def test_orphan_without_users_is_ended_by_stop(home: Path) -> None:
    with Command(USER, home) as command:
        pid, _ = command.server()
        kill(parent_of(pid))
        command.kill()
    assert is_alive(pid)
    assert server.status(home).pid == pid
    assert not server.stop(home).running
    assert not is_alive(pid)


def test_orphaned_mongod_is_still_kept(home: Path) -> None:
    pid = server.start(home).pid
    kill(parent_of(pid))
    with Server.use(home) as used:
        assert used.pid == pid
    assert server.status(home).kept
    assert is_alive(pid)
    server.stop(home)


def test_all_killed_at_once_leave_only_stale_files(home: Path) -> None:
    write(home, 1)
    with Command(USER, home) as command:
        pid, _ = command.server()
        kill(parent_of(pid))
        kill(pid)
        command.kill()
    assert list((home / "run").glob("*.sock"))
    ended(home)
    status = server.status(home)
    assert (status.running, status.in_use, status.pid) == (False, False, None)
    assert written(home) == {1}


def test_supervisor_that_is_asked_to_end_ends_mongod(home: Path) -> None:
    with Server.use(home) as used:
        os.kill(parent_of(used.pid), signal.SIGTERM)
        wait_for(lambda: not is_alive(used.pid), 20, "the end of mongod")
    log = server.status(home).log.read_text().splitlines()
    assert any('"Now exiting"' in line for line in log)


# Disks


def test_full_disk_loses_nothing_and_is_named(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with Command(WRITER, small_disk, 100_000) as writer:
        lines = [writer.line()]
        free = server.Home.of(small_disk).free_bytes()
        ballast.write_bytes(bytes(max(0, free - 8 * 2**20)))
        lines += writer.finish().splitlines()
    acknowledged = {int(line.split()[0]) for line in lines}
    ended(small_disk)
    message = refusal(small_disk)
    assert f"the disk of {small_disk} is full" in message
    assert "free some space" in message
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=256m", small_disk], check=True)
    assert acknowledged <= written(small_disk)


def test_too_little_space_to_start(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(60 * 2**20))
    message = refusal(small_disk)
    assert f"the disk of {small_disk} is full (4.0 MB free, at least 32 MB needed)" in message
    assert not list((small_disk / "data").iterdir())


def test_disk_without_a_byte_left(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(64 * 2**20))
    assert f"the disk of {small_disk} is full" in refusal(small_disk)


def test_disk_that_is_full_when_mongod_starts(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What mongod itself says of a full disk, where the look before did not see it."""
    write(small_disk, 1)
    ended(small_disk)
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    monkeypatch.setattr(server, "LEAST_FREE", 0)
    assert f"the disk of {small_disk} is full" in refusal(small_disk)
    ballast.unlink()
    assert written(small_disk) == {1}


# Homes that cannot be used


def test_home_where_a_file_is(home: Path) -> None:
    (home / "file").touch()
    message = refusal(home / "file" / "home")
    assert f"cannot use {home / 'file' / 'home'}: Not a directory" in message
    assert "MINION_HOME" in message
    assert "File exists" in refusal(home / "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_home_that_the_user_cannot_write(home: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from minion import server
os.setgroups([])
os.setegid(65534)
os.seteuid(65534)
for call in (server.Server.use, server.start):
    try:
        call(Path(sys.argv[1]))
    except server.ServerError as error:
        print(error)
"""
    home.chmod(0o755)
    with Command(code, home) as command:
        lines = command.finish().splitlines()
    assert len(lines) == 2
    assert all("Permission denied" in line and "MINION_HOME" in line for line in lines)


def test_corrupt_data_are_named_in_mongods_words(home: Path) -> None:
    write(home, 1)
    ended(home)
    (home / "data" / "WiredTiger.wt").write_bytes(b"garbage" * 1000)
    message = refusal(home)
    assert "WiredTiger.wt is corrupted" in message
    assert f"(log: {home / 'mongod.log'})" in message
    assert "restore the folder from a copy" in message
    assert not server.status(home).running


@pytest.mark.parametrize("version", ["4.4", "8.0"])
def test_data_of_another_release(home: Path, version: str) -> None:
    with Server.use(home):
        pass
    ended(home)
    pretend_release(home / "data", "6.0", version)
    message = refusal(home)
    assert f'version: "{version}"' in message
    assert "open it with the MongoDB release that wrote it" in message
    assert f"(log: {home / 'mongod.log'})" in message


def test_foreign_mongod_on_the_data(home: Path) -> None:
    with Server.use(home):
        pass
    ended(home)
    socket = home / "foreign.sock"
    # fmt: off
    command = [
        server.find_mongod(), "--dbpath", home / "data",
        "--bind_ip", socket, "--nounixsocket", "--port", "0",
    ]
    # fmt: on
    foreign = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(socket.exists, 20, "the foreign mongod")
        message = refusal(home)
        assert "already running on the" in message
        assert "end that mongod first" in message
    finally:
        foreign.terminate()
        foreign.wait()
    write(home, 1)
    assert written(home) == {1}


def test_mongod_that_dies_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = home / "programs"
    programs.mkdir()
    broken = programs / "mongod"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] || kill -9 $$\n')
    broken.chmod(0o755)
    monkeypatch.setattr("minion.mongod.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    message = refusal(home)
    assert "mongod was killed by signal 9" in message
    assert "see whether memory ran out" in message
    assert not server.status(home).running


def test_failed_starts_of_two_commands_end_both(home: Path) -> None:
    write(home, 1)
    ended(home)
    saved = home / "saved"
    shutil.copytree(home / "data", saved)
    (home / "data" / "WiredTiger.wt").write_bytes(b"garbage" * 1000)
    with (
        Command(USER, home, stderr=subprocess.DEVNULL) as first,
        Command(USER, home, stderr=subprocess.DEVNULL) as second,
    ):
        assert first.process.wait() != 0
        assert second.process.wait() != 0
    shutil.rmtree(home / "data")
    saved.rename(home / "data")
    assert written(home) == {1}


def test_client_of_a_killed_mongod_hears_of_it(home: Path) -> None:
    with (
        Server.use(home) as used,
        pymongo.MongoClient(used.uri, serverSelectionTimeoutMS=300) as client,
    ):
        client.admin.command("ping")
        kill(used.pid)
        with pytest.raises(PyMongoError):
            client.admin.command("ping")
    ended(home)


# What mongod says of its own release stands in a page of a data file. The page has a checksum
# (CRC-32C), which its parent page has noted, too; so the page is changed in a way that keeps it.

PAGE = 4096
CHECKSUM = slice(32, 36)


def pretend_release(data: Path, old: str, new: str) -> None:
    """Write another featureCompatibilityVersion of the same length into mongod's data files."""
    changed = 0
    for path in data.glob("collection-*.wt"):
        content = bytearray(path.read_bytes())
        for begin in range(PAGE, len(content), PAGE):
            page = content[begin : begin + PAGE]
            key = page.find(b"featureCompatibilityVersion")
            value = page.find(old.encode(), key) if key >= 0 else -1
            if value < 0:
                continue
            checksum = page[CHECKSUM]
            page[CHECKSUM] = bytes(4)
            wanted = crc(page)
            assert struct.pack("<I", wanted ^ 0xFFFFFFFF) == checksum
            page[value : value + len(new)] = new.encode()
            # The page's end is unused.
            page[-4:] = struct.pack("<I", crc(page[:-4]) ^ crc_before(wanted, 4))
            assert crc(page) == wanted
            page[CHECKSUM] = checksum
            content[begin : begin + PAGE] = page
            changed += 1
        path.write_bytes(content)
    assert changed


def crc(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state = CRC_TABLE[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def crc_before(state: int, zeros: int) -> int:
    """The state from which that many zero bytes lead to `state`."""
    index_of = {entry >> 24: index for index, entry in enumerate(CRC_TABLE)}
    for _ in range(zeros):
        index = index_of[state >> 24]
        state = ((state ^ CRC_TABLE[index]) << 8) & 0xFFFFFFFF | index
    return state


def crc_entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (0x82F63B78 if index & 1 else 0)
    return index


CRC_TABLE = [crc_entry(index) for index in range(256)]


def test_a_disk_that_fills_is_named_and_nothing_acknowledged_is_lost(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINION_HOME", str(small_disk))
    monkeypatch.delenv("MINION_MONGODB_URI", raising=False)
    kept = []
    with minion.connect() as store, pytest.raises(StoreFull, match="is full; what was ackn"):
        for number in range(10_000):
            run = replace(simulation(str(number)), environment={"ballast": "x" * 500_000})
            store.add(run)
            kept.append(run.sim_id)
    assert kept
    room = ["mount", "-o", "remount,size=256m", small_disk]
    subprocess.run(room, check=True)
    with minion.connect() as store:
        assert set(kept) <= {found.sim_id for found in store.simulations()}
