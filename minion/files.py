"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minion.errors import OutputError


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
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise OutputError(f"{target} is a folder; name a file")
    if target.exists() and not target.is_file():
        raise OutputError(f"{target} cannot be written: it is no ordinary file")


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
