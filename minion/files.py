"""Files that are written whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from minion.errors import AlreadyExists, OutputError
from minion.locks import Lock


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well.

    Args:
        path: the file; its folder is made when it lacks.

    Raises:
        OutputError: the folder or the file cannot be written.
    """
    target = Path(path)
    with _explained(target):
        _prepare(target)
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(number)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_file(path: str | Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file to write, beside `path` as `path`.part; it takes the name when the block ends well.

    It is on the disk by then. Only its owner may read it. Whatever goes wrong, nothing of it is
    left; what a killed process left is written over.

    Args:
        path: the file; its folder is made when it lacks.
        force: a file that exists is replaced.

    Raises:
        AlreadyExists: the file exists, or another process writes it just now.
        OutputError: it cannot be written; a full disk is such a case.
    """
    target = Path(path)
    with _explained(target):
        _prepare(target)
        _check_free(target, force=force)
        part = target.with_name(f"{target.name}.part")
        with ExitStack() as stack:
            if sys.platform != "win32":
                lock = stack.enter_context(Lock(part))
                if not lock.take():
                    raise AlreadyExists(f"{part} is being written by another process; wait for it")
            stack.callback(part.unlink, missing_ok=True)
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _check_free(target, force=force)
            part.replace(target)
            _settle(target.parent)


def check_writable(path: str | Path) -> None:
    """Try whether a file can be written, before the work is done; leaves nothing behind.

    Raises:
        OutputError: it cannot.
    """
    target = Path(path)
    with _explained(target):
        _prepare(target)
        with tempfile.TemporaryFile(dir=target.parent):
            pass


def _prepare(target: Path) -> None:
    if str(target) == "-":
        raise OutputError("- is no file; nothing is written to standard output: name a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file")
    if target.exists() and not target.is_file():
        raise OutputError(f"{target} cannot be written: it is no ordinary file")


def _check_free(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise AlreadyExists(f"{target} exists already; name another file, or add --force")


def _settle(folder: Path) -> None:
    """Bring the new name itself to the disk."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
