"""A command line made safe for Fire, and help made readable.

Fire guesses: it turns 5000 into a number, drops what follows a `#`, takes the next word as the
value of a switch and `True` as the value of an option without one. Here every argument is held
against the command's signature first, and reaches Fire in a form that leaves nothing to guess.
"""

import difflib
import inspect
import textwrap
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, get_args

from minion.errors import UsageError

WIDTH = 88
MANY = tuple[str, ...]  # the annotation of a last argument that takes every word that is left
_BETWEEN = "\N{INFORMATION SEPARATOR TWO}"  # of those, in the one that reaches Fire


def normalize(name: str, function: Callable[..., Any], arguments: Sequence[str]) -> list[str]:
    """The arguments of one command, options as `--name=value`.

    Args:
        name: the command, for messages.
        function: what it calls; its annotations say what each argument is.
        arguments: the words after the command.

    Raises:
        UsageError: an unknown option, one without its value, too many or too few arguments.
    """
    parameters = inspect.signature(function).parameters
    wanted = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    options: dict[str, str] = {}
    positional: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            if word.startswith("-") and word[1:2].isalpha() and len(positional) >= len(wanted):
                raise UsageError(f"{name}: unknown option {word}{_near(word, parameters)}")
            positional.append(word)
            continue
        key, has_value, value = word[2:].partition("=")
        key = key.replace("-", "_")
        parameter, given = _option(name, word, key, parameters)
        if parameter.annotation is bool:
            if has_value:
                value = _switch(name, word, value)
            options[parameter.name] = value if has_value else str(given)
            continue
        if not has_value:
            if not words or words[0].startswith("--"):
                hint = f" (a value that begins with --: --{key}={words[0]})" if words else ""
                raise UsageError(f"{name}: option --{key.replace('_', '-')} needs a value{hint}")
            value = words.pop(0)
        options[parameter.name] = value
    positional = _gathered(wanted, positional)
    _check_count(name, wanted, positional, options)
    for parameter in parameters.values():
        required = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if required and parameter.name not in options:
            raise UsageError(f"{name}: {_head(parameter)} is required; see minion {name} --help")
    named = {p.name: word for p, word in zip(wanted, positional, strict=False)}
    return [f"--{key}={value}" for key, value in {**named, **options}.items()]


def parsers(function: Callable[..., Any]) -> dict[str, Callable[[str], Any]]:
    """How Fire shall read each argument, by its annotation."""
    kinds: dict[Any, Callable[[str, str], Any]] = {int: _integer, float: _number}

    def parser(name: str, kind: Any) -> Callable[[str], Any]:
        if kind == MANY:
            return lambda text: tuple(text.split(_BETWEEN))
        members = [member for member in get_args(kind) or (kind,) if member is not NoneType]
        read = kinds.get(members[0])
        return (lambda text: read(name, text)) if read else str

    parameters = inspect.signature(function).parameters
    return {
        name: parser(name, parameter.annotation)
        for name, parameter in parameters.items()
        if parameter.annotation is not bool
    }


def usage(name: str, function: Callable[..., Any]) -> str:
    """The help page of one command."""
    text, described = _parts(function)
    parameters = inspect.signature(function).parameters.values()
    arguments = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    required = [_head(p) for p in options if p.default is p.empty]
    more = ["[options]"] if len(options) > len(required) else []
    line = " ".join([f"minion {name}", *(_placeholder(p) for p in arguments), *required, *more])
    lines = [f"usage: {line}", "", *text]
    for title, group in (("arguments", arguments), ("options", options)):
        if group:
            lines += ["", f"{title}:"]
            for parameter in group:
                lines += _described(parameter, described.get(parameter.name, ""))
    return "\n".join(lines)


def first_line(function: Callable[..., Any]) -> str:
    """What a command does, in one line."""
    return (inspect.getdoc(function) or "").splitlines()[0]


def _option(name: str, word: str, key: str, parameters: Any) -> tuple[inspect.Parameter, bool]:
    """The parameter that an option names, and what a switch of that name says."""
    if key in parameters:
        return parameters[key], True
    positive = key.removeprefix("no").removeprefix("_")
    if key.startswith("no") and positive in parameters:
        parameter = parameters[positive]
        if parameter.annotation is bool:
            return parameter, False
    raise UsageError(f"{name}: unknown option {word.partition('=')[0]}{_near(word, parameters)}")


def _near(word: str, parameters: Any) -> str:
    known = [f"--{key.replace('_', '-')}" for key in parameters]
    near = difflib.get_close_matches(word.partition("=")[0], known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are: {' '.join(known)}"


def _switch(name: str, word: str, value: str) -> str:
    if value.lower() not in ("true", "false"):
        raise UsageError(f"{name}: {word}: a switch is given alone, or is true or false")
    return value.capitalize()


def _gathered(wanted: list[inspect.Parameter], given: list[str]) -> list[str]:
    """The words with those together that the last argument takes."""
    last = len(wanted) - 1
    if last < 0 or wanted[last].annotation != MANY or len(given) <= last:
        return given
    return [*given[:last], _BETWEEN.join(given[last:])]


def _check_count(
    name: str, wanted: list[inspect.Parameter], given: list[str], options: dict[str, str]
) -> None:
    if len(given) > len(wanted):
        raise UsageError(
            f"{name}: one argument too many: {given[len(wanted)]!r}; see minion {name} --help"
        )
    lacking = [
        p.name.upper()
        for p in wanted[len(given) :]
        if p.default is p.empty and p.name not in options
    ]
    if lacking:
        raise UsageError(f"{name}: {' and '.join(lacking)} missing; see minion {name} --help")


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--{name.replace('_', '-')} {text}: a whole number is wanted") from None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--{name.replace('_', '-')} {text}: a number is wanted") from None


def _placeholder(parameter: inspect.Parameter) -> str:
    text = parameter.name.upper() + ("..." if parameter.annotation == MANY else "")
    return text if parameter.default is parameter.empty else f"[{text}]"


def _head(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
        return parameter.name.upper()
    switch = f"--{parameter.name.replace('_', '-')}"
    return switch if parameter.annotation is bool else f"{switch} {parameter.name.upper()}"


def _described(parameter: inspect.Parameter, text: str) -> list[str]:
    head = _head(parameter)
    if parameter.kind is parameter.KEYWORD_ONLY:
        if parameter.default is parameter.empty:
            text += " Required."
        elif parameter.default not in (None, False):
            text += f" Default: {parameter.default}."
    indent = " " * 30
    body = textwrap.wrap(text, WIDTH - len(indent))
    first = f"  {head:<27} {body[0] if body else ''}".rstrip()
    if len(head) > 27:
        return [f"  {head}", *(indent + line for line in body)]
    return [first, *(indent + line for line in body[1:])]


def _parts(function: Callable[..., Any]) -> tuple[list[str], dict[str, str]]:
    """A docstring's text, and what its Args section says of each argument."""
    text, _, rest = (inspect.getdoc(function) or "").partition("\nArgs:\n")
    described: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, told = line.strip().partition(": ")
            described[name] = told
        elif line.strip() and name:
            described[name] += " " + line.strip()
    return text.strip().splitlines(), described
