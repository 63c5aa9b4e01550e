"""The script that draws charts in a browser, kept for whoever needs it next."""

import hashlib
import sys
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import vl_convert

from minion.errors import OutputError
from minion.files import written_whole
from minion.settings import variables


@lru_cache(maxsize=1)
def runtime() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script (0.9 MB), safe inside a script element.

    Putting it together takes nearly two seconds, so it is kept for the next process in the folder
    for what can be made again (XDG_CACHE_HOME), where that can be written.
    """
    kept = _cache_folder() / f"vega-{metadata.version('vl-convert-python')}.js"
    script = _intact(kept)
    if script is None:
        bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub forgets the default
        script = bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
        # Nobody asked for that file: without it everything works, and later.
        with suppress(OutputError), written_whole(kept) as part:
            part.write_bytes(_sealed(script))
    return script


def _cache_folder() -> Path:
    named = variables().get("XDG_CACHE_HOME")
    if named:
        return Path(named) / "minion"
    base = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / base / "minion"


def _sealed(script: str) -> bytes:
    """A script behind a line that tells whether it is whole."""
    content = script.encode()
    return f"// {hashlib.sha256(content).hexdigest()}\n".encode() + content


def _intact(path: Path) -> str | None:
    """The script that a file holds; None for a file that lacks, or is not as it was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    script = content.partition(b"\n")[2].decode(errors="replace")
    return script if _sealed(script) == content else None
