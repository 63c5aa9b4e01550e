"""Small files read whole, as text; and which files of a folder are meant."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.importing import distinct, existing
from minion.errors import InvalidData, NotFound


def text_of(path: Path) -> str:
    """What a text file holds, gzipped or not, with or without a byte order mark.

    Raises:
        NotFound: it is a folder, or may not be read.
        InvalidData: it is empty, cut off, or not UTF-8; the line is named.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidData(f"{path}: the gzipped file is broken: {error}") from error
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror or error}; name files") from error
    if not content.strip():
        raise InvalidData(f"{path} is empty")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidData(f"{path}:{line}: this is not text in UTF-8: {error.reason}") from error


def files_of(given: Sequence[str | Path], known: Callable[[str], bool], what: str) -> list[Path]:
    """The files that are meant: each of them once, and those of a kind in folders.

    Args:
        given: files and folders.
        known: whether the text of a file is one of those that are looked for in a folder.
        what: these are, for the message.

    Raises:
        NotFound: there is no such file, or none of that kind in a folder.
    """
    found: list[Path] = []
    for path in map(existing, given):
        if not path.is_dir():
            found.append(path)
            continue
        inside = [file for file in sorted(path.iterdir()) if file.is_file() and _is(file, known)]
        if not inside:
            raise NotFound(f"{path}: no file in this folder is {what}; name the files")
        found += inside
    return distinct(found)


def _is(path: Path, known: Callable[[str], bool]) -> bool:
    try:
        return known(text_of(path))
    except InvalidData:  # something else, which is not ours to read
        return False
