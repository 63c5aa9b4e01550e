"""The front door: `minion COMMAND ...`.

Commands come from the entry point group `minion.commands`, whose names are their paths with dots
(`ingest.netdata`), so that any installed package can add one. A command's module is loaded only
when it is called.
"""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial, wraps
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any

from minion.errors import MinionError, UsageError

GROUP = "minion.commands"
INTERRUPTED = 130
HELP = ("--help", "-h", "help")
# Fire ends a call at its separator, which is `-` unless it is told another.
SEPARATOR = "\N{SYMBOL FOR UNIT SEPARATOR}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program with these arguments (default: the process's own) and exit.

    The exit status is 0, or that of the error: see `minion.errors`.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ["PAGER"] = "cat"
    try:
        status = _run(words)
        sys.stdout.flush()
    except MinionError as error:
        from minion.console import plain  # noqa: PLC0415  not for a help page

        print(f"minion: {plain(error)}", file=sys.stderr)
        status = error.exit_status
    except BrokenPipeError:  # `minion ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except KeyboardInterrupt:
        status = INTERRUPTED
    _wait_for_nobody()
    sys.exit(status)


def _wait_for_nobody() -> None:
    """Leave without the driver's watchers, which look up only twice a second.

    Its connections are closed by then, and the watchers are daemons.
    """
    watching = sys.modules.get("pymongo.synchronous.monitor")
    if watching is not None:
        atexit.unregister(getattr(watching, "_shutdown_resources", print))


def commands() -> dict[str, EntryPoint]:
    """All commands, by name with spaces: `ingest netdata`."""
    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return {point.name.replace(".", " "): point for point in found}


def overview() -> str:
    """The help page of the program: every command with what it does."""
    from minion.arguments import first_line  # noqa: PLC0415

    known = commands()
    width = max(map(len, known))
    lines = [
        "usage: minion COMMAND [arguments] [options]",
        "",
        "Keep what repeated experiments measured, and compare it honestly.",
        "",
        "commands:",
        *(f"  {name:<{width}} {first_line(point.load())}" for name, point in known.items()),
        "",
        "minion COMMAND --help says more. Without --db or MINION_MONGODB_URI an embedded MongoDB",
        "under MINION_HOME is used. Exit status: 0; 1 an error; 2 a wrong call; 3 something that",
        "should be there could not be had.",
    ]
    return "\n".join(lines)


def call(name: str, *arguments: str) -> None:
    """Run another command, as a command that is made of several does.

    Raises:
        MinionError: what it raises.
        SystemExit: it ended with another status than 0.
    """
    status = _call(name, commands()[name].load(), list(arguments), [])
    if status:
        raise SystemExit(status)


def _run(words: list[str]) -> int:
    if not words or words[0] in HELP:
        print(overview())
        return 0
    if words[0] == "--version":
        print(f"minion {version('minion')}")
        return 0
    name, point, rest = _find(words)
    # What follows `--` is a program's own line; Fire would take it for its own flags.
    own, _, program = _split(rest)
    function = point.load()
    if any(word in HELP[:2] for word in own):
        from minion.arguments import usage  # noqa: PLC0415

        print(usage(name, function))
        return 0
    _note_password(own)
    return _call(name, function, own, program)


def _find(words: list[str]) -> tuple[str, EntryPoint, list[str]]:
    known = commands()
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in known:
            return name, known[name], words[length:]
    inside = [name for name in known if name.startswith(f"{words[0]} ")]
    if inside:
        if len(words) == 1 or words[1] in HELP:
            raise UsageError(f"{words[0]} is one of: {', '.join(inside)}")
        raise UsageError(f"unknown command {' '.join(words[:2])}; there are: {', '.join(inside)}")
    near = get_close_matches(words[0], known, n=1)
    hint = f"did you mean {near[0]}?" if near else "minion --help lists them"
    raise UsageError(f"unknown command {words[0]}; {hint}")


def _split(words: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in words:
        return words, "", []
    at = words.index("--")
    return words[:at], "--", words[at + 1 :]


def _note_password(words: list[str]) -> None:
    """Say it when a URI with a password stands on the line, where others can read it."""
    places = ((word, word.find("mongodb")) for word in words if "://" in word)
    uris = [word[at:] for word, at in places if at >= 0]
    if not uris:
        return
    from minion.uris import note_of_password  # noqa: PLC0415  only when it is needed

    for note in dict.fromkeys(filter(None, map(note_of_password, uris))):
        print(f"note: {note}", file=sys.stderr)


def _call(name: str, function: Callable[..., Any], own: list[str], program: list[str]) -> int:
    import fire  # noqa: PLC0415  only a command that runs pays for it

    from minion import console  # noqa: PLC0415
    from minion.arguments import normalize, parsers  # noqa: PLC0415

    takes_program = getattr(function, "takes_program", False)
    if program and not takes_program:
        raise UsageError(f"{name}: nothing may follow --; see minion {name} --help")
    line = normalize(name, function, own)
    ready = fire.decorators.SetParseFns(**parsers(function))(function)
    bound = wraps(ready)(partial(ready, program=program)) if takes_program else ready
    try:
        fire.Fire(
            bound,
            command=[*line, "--", f"--separator={SEPARATOR}"],
            name=f"minion {name}",
            serialize=console.run,
        )
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    main()
