"""The embedded server: who shares it, when it ends, what it leaves open to others."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pymongo
import pytest
from processes import USER, Command, is_alive, parent_of
from waiting import wait_for

from minion import server
from minion.server import Server

pytestmark = pytest.mark.system


@pytest.fixture
def deep(home: Path) -> Iterator[Path]:
    """A home whose path is too long for a socket in it."""
    folder = home / ("d" * 100) / ("e" * 100)
    yield folder
    wait_for(lambda: not server.status(folder).running, 20, "the end of the deep server")


def gone(pid: int) -> None:
    wait_for(lambda: not is_alive(pid), 20, f"the end of process {pid}")


def ended(home: Path) -> None:
    wait_for(lambda: not server.status(home).running, 20, "the end of the server")


def socket_of(uri: str) -> Path:
    (host,) = pymongo.uri_parser.parse_uri(uri)["nodelist"]
    return Path(host[0])


def ask(uri: str, command: str) -> dict:
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000) as client:
        return client.admin.command(command)


# Sharing


def test_uses_of_one_process_share_a_mongod_that_ends_with_the_last(home: Path) -> None:
    first = Server.use(home)
    second = Server.use(home)
    assert (first.pid, first.uri) == (second.pid, second.uri)
    first.close()
    first.close()
    assert ask(second.uri, "ping")["ok"] == 1
    second.close()
    gone(second.pid)


def test_commands_that_start_at_once_share_a_mongod(home: Path) -> None:
    with ExitStack() as stack:
        commands = [stack.enter_context(Command(USER, home)) for _ in range(5)]
        assert len({command.server() for command in commands}) == 1
        for command in commands[:-1]:
            command.finish()
        pid = server.status(home).pid
        assert is_alive(pid)
        commands[-1].finish()
        gone(pid)


def test_use_starts_again_while_the_last_one_is_ending(home: Path) -> None:
    for _ in range(5):
        with Server.use(home) as used:
            assert ask(used.uri, "ping")["ok"] == 1
    ended(home)


def test_data_outlive_the_server(home: Path) -> None:
    with Server.use(home) as used, pymongo.MongoClient(used.uri, journal=True) as client:
        client.test.kept.insert_one({"_id": 1})
    ended(home)
    with Server.use(home) as used, pymongo.MongoClient(used.uri) as client:
        assert client.test.kept.find_one() == {"_id": 1}


# The end of users


def test_killed_user_leaves_nothing_behind(home: Path) -> None:
    with Command(USER, home) as command:
        pid, _ = command.server()
        command.kill()
        gone(pid)
    ended(home)
    with Server.use(home) as used:
        assert ask(used.uri, "ping")["ok"] == 1


def test_user_killed_while_it_starts_leaves_nothing_behind(home: Path) -> None:
    with Command(USER, home) as command:
        wait_for(lambda: server.status(home).running, 20, "a supervisor")
        command.kill()
    ended(home)
    with Server.use(home) as used:
        assert ask(used.uri, "ping")["ok"] == 1


def test_children_of_a_user_do_not_keep_it(home: Path) -> None:
    children = """
import os, subprocess, sys, time
from pathlib import Path
from minion.server import Server
server = Server.use(Path(sys.argv[1]))
program = subprocess.Popen(["sleep", "60"], close_fds=False, stdin=0, stdout=2)
forked = os.fork()
if not forked:
    os.close(1)
    time.sleep(60)
    os._exit(0)
print(server.pid, program.pid, forked, flush=True)
sys.stdin.read()
"""
    with Command(children, home) as command:
        pid, *others = map(int, command.line().split())
        assert all(map(is_alive, [pid, *others]))
        command.kill()
        gone(pid)
        assert all(map(is_alive, others))
        for other in others:
            os.kill(other, signal.SIGKILL)


def test_forked_child_does_not_end_its_parents_use(home: Path) -> None:
    parent = """
import os, sys
from pathlib import Path
from minion.server import Server
server = Server.use(Path(sys.argv[1]))
if not os.fork():
    server.close()
    os._exit(0)
os.wait()
print(server.pid, flush=True)
sys.stdin.read()
"""
    with Command(parent, home) as command:
        pid = int(command.line())
        status = server.status(home)
        assert (status.pid, status.in_use) == (pid, True)
        command.finish()
    gone(pid)


def test_ctrl_c_in_one_command_does_not_end_mongod_under_another(home: Path) -> None:
    with (
        Command(USER, home, start_new_session=True, stderr=subprocess.DEVNULL) as first,
        Command(USER, home) as second,
    ):
        pid, uri = first.server()
        assert second.server() == (pid, uri)
        assert os.getpgid(pid) not in (os.getpgid(first.pid), os.getpgid(0))
        assert os.getsid(pid) not in (os.getsid(first.pid), os.getsid(0))
        os.killpg(first.pid, signal.SIGINT)
        assert first.process.wait() != 0
        assert ask(uri, "ping")["ok"] == 1
        second.finish()
    gone(pid)


# Keeping


def test_start_keeps_it_without_users_until_stop(home: Path) -> None:
    started = server.start(home)
    assert (started.running, started.kept) == (True, True)
    assert server.start(home).pid == started.pid
    with Server.use(home) as used:
        assert used.pid == started.pid
    with Command(USER, home) as command:
        assert command.server() == (started.pid, started.uri)
        command.kill()
    wait_for(lambda: not server.status(home).in_use, 10, "the user's end")
    assert is_alive(started.pid)
    stopped = server.stop(home)
    assert (stopped.running, stopped.kept, stopped.pid) == (False, False, None)
    assert not is_alive(started.pid)


def test_stop_lets_others_finish(home: Path) -> None:
    server.start(home)
    with Server.use(home) as used:
        stopped = server.stop(home)
        assert (stopped.running, stopped.in_use, stopped.kept) == (True, True, False)
        assert ask(used.uri, "ping")["ok"] == 1
    gone(used.pid)


def test_start_after_stop_keeps_it_again(home: Path) -> None:
    for _ in range(3):
        started = server.start(home)
        with Server.use(home):
            server.stop(home)
            assert server.start(home).pid == started.pid
        assert is_alive(started.pid)
        assert not server.stop(home).running


def test_status(home: Path) -> None:
    nowhere = home / "nowhere"
    status = server.status(nowhere)
    assert (status.running, status.in_use, status.kept) == (False, False, False)
    assert (status.pid, status.uri, status.version) == (None, None, None)
    assert not server.stop(nowhere).running
    assert not nowhere.exists()
    with Server.use(home) as used:
        status = server.status(home)
        assert (status.running, status.in_use, status.kept) == (True, True, False)
        assert (status.pid, status.uri) == (used.pid, used.uri)
        assert status.version == ask(used.uri, "buildInfo")["version"]
        assert (status.data / "WiredTiger").exists()
        assert status.log.exists()


# What others can see of it


def test_only_its_owner_can_reach_it(home: Path) -> None:
    home.chmod(0o755)
    with Server.use(home) as used:
        socket = socket_of(used.uri)
        assert stat.S_ISSOCK(socket.stat().st_mode)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (socket, socket.parent)]
        assert modes == [0o600, 0o700]
        status = server.status(home)
        assert stat.S_IMODE(status.data.stat().st_mode) == 0o700
        assert stat.S_IMODE(status.log.stat().st_mode) == 0o600
    new = home / "new" / "home"
    with Server.use(new):
        assert stat.S_IMODE(new.stat().st_mode) == 0o700
    ended(new)


def sockets_of(pid: int) -> set[str]:
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            target = descriptor.readlink().name
            inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    return inodes


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_listens_on_one_unix_socket_alone(home: Path) -> None:
    with Server.use(home) as used:
        inodes = sockets_of(used.pid)
        for table in ("tcp", "tcp6", "udp", "udp6"):
            rows = Path(f"/proc/{used.pid}/net/{table}").read_text().splitlines()[1:]
            assert not inodes & {row.split()[9] for row in rows}, table
        unix = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
        listening = [row[7] for row in unix if row[6] in inodes and row[3] == "00010000"]
        assert listening == [str(socket_of(used.uri))]


def test_it_runs_as_asked(home: Path) -> None:
    with Server.use(home) as used, pymongo.MongoClient(used.uri, journal=True) as client:
        client.test.some.insert_one({})
        engine = client.admin.command("serverStatus")["wiredTiger"]
        assert engine["cache"]["maximum bytes configured"] == 512 * 2**20
        created = client.test.command("collStats", "some")["wiredTiger"]["creationString"]
        assert "block_compressor=zstd" in created
        data = server.status(home).data
        assert list((data / "journal").glob("WiredTigerLog.*"))
        assert not (data / "diagnostic.data").exists()


def test_client_needs_no_option_to_write(home: Path) -> None:
    with Server.use(home) as used, pymongo.MongoClient(used.uri) as client:
        assert client.options.retry_writes is False


def test_log_does_not_grow_for_ever(home: Path) -> None:
    log = server.status(home).log
    log.write_bytes(b"{}\n" * (4 * 2**20))
    with Server.use(home):
        assert log.stat().st_size < 2**20
    assert log.with_name("mongod.log.1").stat().st_size > 10 * 2**20


# Where its socket is


def test_deep_home_has_its_socket_elsewhere(deep: Path) -> None:
    with Server.use(deep) as used, Command(USER, deep, env=command_environment("/")) as command:
        # The other command has another folder for temporary files, and finds it all the same.
        assert command.server() == (used.pid, used.uri)
        socket = socket_of(used.uri)
        assert socket.parent.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert ask(used.uri, "ping")["ok"] == 1
        command.finish()
    ended(deep)
    assert not socket.parent.exists()


def command_environment(temporary: str) -> dict[str, str]:
    project = str(Path(server.__file__).parents[1])
    return os.environ | {"PYTHONPATH": project, "TMPDIR": temporary}


@pytest.mark.parametrize("way", ["link", "file"])
def test_folder_in_the_place_of_the_sockets_is_not_followed(deep: Path, way: str) -> None:
    with Server.use(deep) as used:
        folder = socket_of(used.uri).parent
    ended(deep)
    mine = deep / "mine"
    mine.mkdir()
    if way == "link":
        folder.symlink_to(mine)
    else:
        folder.touch()
    try:
        with pytest.raises(server.ServerError, match=f"{folder} is not a folder"):
            Server.use(deep)
        assert not list(mine.iterdir())
    finally:
        folder.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("which", ["socket", "run"])
def test_folder_of_another_user_is_not_used(deep: Path, which: str) -> None:
    with Server.use(deep) as used:
        folder = socket_of(used.uri).parent if which == "socket" else deep / "run"
    ended(deep)
    folder.mkdir(exist_ok=True)
    os.chown(folder, 65534, 65534)
    with pytest.raises(server.ServerError, match=f"{folder} belongs to another user"):
        Server.use(deep)
    os.chown(folder, 0, 0)
    if which == "socket":
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["with space", "comma,colon:100%25", "größe 測定"])
def test_home_may_have_any_name(home: Path, name: str) -> None:
    with Server.use(home / name) as used:
        assert ask(used.uri, "ping")["ok"] == 1
    ended(home / name)


# The module


def test_import_is_cheap() -> None:
    code = """
import sys
import minion.server
print(sorted({"pandas", "numpy", "pymongo", "requests", "fiftyone"} & sys.modules.keys()))
"""
    with Command(code) as command:
        assert command.line() == "[]"


def test_windows_gets_a_way_out() -> None:
    code = """
import pathlib, subprocess, sys, tempfile
sys.platform = "win32"
sys.modules["fcntl"] = None
from minion import server
for call in (server.Server.use, server.start, server.stop, server.status):
    try:
        call(pathlib.Path("home"))
    except server.ServerError as error:
        print(error)
"""
    with Command(code) as command:
        lines = command.finish().splitlines()
    assert len(lines) == 4
    assert all("Windows" in line and "MINION_MONGODB_URI" in line for line in lines)


def test_supervisor_is_mongods_parent_and_small(home: Path) -> None:
    with Server.use(home) as used:
        supervisor = parent_of(used.pid)
        assert supervisor not in (os.getpid(), 1)
        command = ["ps", "-o", "rss=", "-p", str(supervisor)]
        size = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        assert size < 20_000  # KiB
