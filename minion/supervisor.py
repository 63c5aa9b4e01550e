"""The process that starts mongod, and ends it when its last user has left.

`minion.server` runs this file as a script with `python -I -S`, so that it starts in
milliseconds; it imports nothing of Minion. It reads what its files in the run folder say:

    users       locked shared by every user; whoever gets it alone knows that nobody is left
    supervisor  locked by the supervisor as long as it lives
    mongod      locked by mongod as long as it lives: it inherits the lock. Contains its process
                id and, on the second line, its socket
    keep        as long as this file exists, mongod runs without users, too
    wake        a FIFO; a byte in it says: look again whether `keep` exists

All locks are flock's, which the kernel drops when their holder dies.
"""

import _thread
import fcntl
import os
import resource
import signal
import sys
import time

END_TIMEOUT_S = 60.0
OPEN_FILES = 64000


def main(run: str, command: str, *arguments: str) -> None:
    """Supervise a mongod until it has ended.

    Args:
        run: the run folder.
        command: "start", or "adopt" for a mongod whose supervisor was killed.
        arguments: for "start" the socket's path and mongod's command line; for "adopt" mongod's
            process id and the socket's path.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    own = os.open(f"{run}/supervisor", os.O_RDWR | os.O_CREAT, 0o600)
    if not _take(own):
        sys.exit("another supervisor is there")
    if os.fork():
        os._exit(0)  # whoever started this one waits no longer, and has no child to reap
    child = None
    if command == "start":
        socket, *program = arguments
        pid = child = _start(run, socket, program)
    else:
        pid, socket = int(arguments[0]), arguments[1]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: _send(pid, signal.SIGTERM))
    _thread.start_new_thread(_finish_after, (run, child, socket))
    _wait_until_unused(run)
    _send(pid, signal.SIGTERM)
    # The other thread ends the process. What mongod has acknowledged is in its journal, so one
    # that cannot end by itself may be killed. This sleep is that time limit, and is hardly ever
    # slept to its end.
    time.sleep(END_TIMEOUT_S)
    _send(pid, signal.SIGKILL)
    while True:
        signal.pause()


def _take(lock: int) -> bool:
    # Someone may just look whether the lock is free, and hold it for an instant: tried again until
    # then, for a second at most, which a flock that waits could not promise.
    for _ in range(100):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def _start(run: str, socket: str, program: list[str]) -> int:
    """The process id of a new mongod."""
    lock = os.open(f"{run}/mongod", os.O_RDWR | os.O_CREAT, 0o600)
    if not _take(lock):
        _note("another mongod is there")
        os._exit(1)
    os.ftruncate(lock, 0)
    child = os.fork()
    if child:
        os.close(lock)
        return child
    try:
        os.write(lock, os.fsencode(f"{os.getpid()}\n{socket}"))
        os.set_inheritable(lock, True)
        _allow_many_files()
        os.execv(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        _note(f"cannot start {program[0]}: {error.strerror}")
    os._exit(127)


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            _note(f"the limit of open files stays at {soft}")


def _wait_until_unused(run: str) -> None:
    """Return with the users' lock held alone: nobody is left, and nothing keeps mongod."""
    users = os.open(f"{run}/users", os.O_RDWR | os.O_CREAT, 0o600)
    wake = os.open(f"{run}/wake", os.O_RDWR)
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        if not os.path.exists(f"{run}/keep"):  # noqa: PTH110 - pathlib loads slowly
            return
        fcntl.flock(users, fcntl.LOCK_UN)
        os.read(wake, 512)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it has ended, and the other thread is about to end this process


def _finish_after(run: str, child: int | None, socket: str) -> None:
    fcntl.flock(os.open(f"{run}/mongod", os.O_RDWR), fcntl.LOCK_EX)
    if child is not None:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status < 0:
            _note(f"mongod was killed by signal {-status} ({signal.strsignal(-status)})")
        elif status:
            _note(f"mongod ended with exit status {status}")
    folder = socket.rpartition("/")[0]
    try:
        if os.path.lexists(socket):
            os.unlink(socket)  # noqa: PTH108 - pathlib loads slowly
        if folder != run:
            os.rmdir(folder)  # noqa: PTH106 - pathlib loads slowly
    except OSError as error:
        _note(f"cannot remove {socket}: {error.strerror}")
    os._exit(0)


def _note(message: str) -> None:
    """One line in mongod's log, in its form."""
    text = message.replace("\\", "\\\\").replace('"', '\\"')
    line = f'{{"s":"E", "c":"SUPERVISOR", "msg":"{text}"}}\n'
    try:
        os.write(1, os.fsencode(line))
    except OSError:
        return  # the disk is full; whoever waits for mongod looks at the disk as well


if __name__ == "__main__":
    main(*sys.argv[1:])
