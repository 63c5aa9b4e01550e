"""The keys of the collector's configuration, and what each may hold."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ingest.collecting.trust import is_place
from minion.errors import InvalidData, SettingsError
from minion.model import Role
from minion.selection import words
from minion.settings import DURATION_FORM, parse_duration

Kind = Callable[[Any], Any]  # a value as it is used; ValueError: what is allowed

LISTEN = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})", flags=re.ASCII)
SECRETS = ("password", "token", "proxy")
AGENT_PREFIX = "MINION_AGENT_"
MOST_PARALLEL = 1_000


def _seconds(most: str) -> Kind:
    """Seconds above 0, at most so many: what waits for longer would wait for ever."""

    def kind(value: Any) -> float:
        if isinstance(value, str):
            try:
                value = parse_duration(value)
            except SettingsError:
                value = None
        good = type(value) in (int, float) and 0 < value <= parse_duration(most)
        if not good:
            raise ValueError(f"a number of seconds above 0, or {DURATION_FORM}; at most {most}")
        return float(value)

    return kind


def _age(value: Any) -> float:
    """Seconds; a bare number could be days as well, and what is older is removed."""
    try:
        age = parse_duration(_name(value))
    except (SettingsError, ValueError):
        age = 0.0
    if not age:
        raise ValueError(DURATION_FORM)
    return age


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_PARALLEL:
        raise ValueError(f"a whole number from 1 to {MOST_PARALLEL}")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  one way to say what is allowed
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a text")
    return value


def _text(value: Any) -> str:
    """A text; an empty one says: none, whatever [agents] says."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("a text")
    return value


def _names(value: Any) -> tuple[str, ...]:
    """Names as a comma between them would have them: without blanks at the ends, none twice."""
    good = isinstance(value, list) and all(
        isinstance(each, str) and each.strip() and each.isprintable() and "," not in each
        for each in value
    )
    if not good:
        raise ValueError("a list of texts, none of them empty or with a comma")
    return words(each.strip() for each in value)


def _places(value: Any) -> tuple[str, ...]:
    """Networks and names; a network that is none would never be one that is trusted."""
    found = _names(value)
    wrong = [each for each in found if not is_place(each)]
    if wrong:
        wanted = "a list of networks such as 10.0.0.0/24, and of names"
        raise ValueError(f"{wanted}; {wrong[0][:40]} is none")
    return found


def _one_of(*allowed: str) -> Kind:
    def kind(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"one of: {', '.join(allowed)}")
        return str(value)

    return kind


def _listen(value: Any) -> str:
    found = LISTEN.fullmatch(value) if isinstance(value, str) else None
    if value != "" and (found is None or int(found[2]) > 65_535):
        raise ValueError("HOST:PORT such as 127.0.0.1:8766, or an empty text for none")
    return str(value)


def _role(value: Any) -> Role:
    try:
        return Role.parse(_name(value))
    except (InvalidData, ValueError):
        raise ValueError(f"one of: {', '.join(Role)}") from None


def _variable(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_]\w*|", value, flags=re.ASCII):
        raise ValueError("the name of a variable of the environment")
    return value


GENERAL: Mapping[str, Kind] = {
    "interval": _seconds("1d"),
    "parallel": _count,
    "patience": _seconds("365d"),
    "charts": _names,
    "pull": _one_of("auto", "netdata-pandas", "direct"),
    "listen": _listen,
    "correct_clocks": _switch,
    "experiment": _name,
    "log": _one_of("text", "json"),
    "trusted": _places,
}
RETENTION: Mapping[str, Kind] = {"older_than": _age, "experiments": _names}
AGENT: Mapping[str, Kind] = {
    "user": _text,
    "password_file": _text,
    "password_env": _variable,
    "token_file": _text,
    "token_env": _variable,
    "ca_file": _text,
    "certificate_file": _text,
    "key_file": _text,
    "proxy": _text,
    "proxy_file": _text,
    "proxy_env": _variable,
    "timeout": _seconds("1h"),
}
HOST: Mapping[str, Kind] = {"url": _text, "role": _role, "charts": _names, **AGENT}
PLAIN_SECRETS: Mapping[str, Kind] = {"password": _text, "token": _text}


def number_of(text: str) -> int | float | str:
    """The number that a text holds; another text as it is."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _yes(text: str) -> bool | str:
    yes = {"yes": True, "true": True, "on": True, "1": True}
    return (yes | {"no": False, "false": False, "off": False, "0": False}).get(text.lower(), text)


# Variable to key, and how its text becomes what a TOML file would hold.
VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "MINION_INTERVAL": ("interval", number_of),
    "MINION_PARALLEL": ("parallel", number_of),
    "MINION_PATIENCE": ("patience", number_of),
    "MINION_CHARTS": ("charts", lambda text: list(words(text))),
    "MINION_PULL": ("pull", str),
    "MINION_LISTEN": ("listen", str),
    "MINION_CORRECT_CLOCKS": ("correct_clocks", _yes),
    "MINION_RETENTION": ("older_than", str),
    "MINION_LOG": ("log", str),
    "MINION_TRUSTED": ("trusted", lambda text: list(words(text))),
}

# Those that something else reads.
_OTHERS = """
    MINION_CONFIG MINION_DATABASE MINION_EXPERIMENT MINION_HOME MINION_HOSTS MINION_MONGODB_URI
    MINION_MONGODB_URI_FILE MINION_SERVE_TOKEN MINION_SIM
""".split()


def check_variables(names: Iterable[str]) -> None:
    """Refuse a variable whose name is nearly that of one that there is.

    Others of MINION_ are somebody else's: a service of that name in Kubernetes has dozens.

    Raises:
        SettingsError: there is such a one.
    """
    keys = [key for key in (*AGENT, *PLAIN_SECRETS) if not key.endswith("_env")]
    agents = [AGENT_PREFIX + key.upper() for key in keys]
    known = {name.removeprefix("MINION_"): name for name in (*VARIABLES, *_OTHERS, *agents)}
    for name in names:
        own = name.removeprefix("MINION_")
        if own == name or own in known or name.startswith(AGENT_PREFIX):
            continue
        if meant := difflib.get_close_matches(own, known, n=1, cutoff=0.8):
            raise SettingsError(
                f"unknown variable {name}; did you mean {known[meant[0]]}? Unset it, or rename it"
            )


def read_table(
    table: object,
    kinds: Mapping[str, Kind] | None,
    where: str,
    keys: Iterable[str] = (),
) -> dict[str, Any]:
    """The values of a table by key.

    Args:
        table: as TOML has it.
        kinds: the keys there are, and their values; None: any key, and its value as it is.
        where: file and table, for messages.
        keys: all keys to suggest; default: those of `kinds`.

    Raises:
        SettingsError: an unknown key, a value that cannot be, a secret in plain sight.
    """
    if not isinstance(table, dict):
        head = where.rpartition(" ")[2]
        raise SettingsError(f"{where} is no table; write its keys below a line {head}")
    if kinds is None:
        return table
    read = {}
    for key, value in table.items():
        plain = key in PLAIN_SECRETS and f"{key}_file" in kinds
        if plain or (key == "proxy" and isinstance(value, str) and "@" in value):
            raise SettingsError(
                f"{where} {key}: a secret does not belong into this file; put it into a file and"
                f" name that in {key}_file, or into a variable and name that in {key}_env"
            )
        if key not in kinds:
            hint = near(key, list(keys) or list(kinds))
            if isinstance(value, dict) and "[hosts." in where:
                hint = '; a name with dots needs quotes: [hosts."a.b"]'
            raise SettingsError(f"{where}: unknown key {key[:40]!r}{hint}")
        read[key] = convert(kinds[key], value, f"{where} {key}")
    return read


def convert(kind: Kind, value: Any, name: str) -> Any:
    """The value as it is used.

    Raises:
        SettingsError: it is not allowed; the message names it, what was found, what is allowed.
    """
    try:
        return kind(value)
    except ValueError as allowed:
        quiet = any(word in name.lower() for word in (*SECRETS, "url"))
        found = "not that" if quiet else _found(value)
        raise SettingsError(f"{name} is {found}; allowed: {allowed}") from None


def near(key: str, keys: Iterable[str]) -> str:
    """What somebody who wrote the key may have meant."""
    known = list(keys)
    found = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {found[0]}?" if found else f"; there are: {', '.join(known)}"


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return "a huge number" if abs(value) > 1e40 else str(value)
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a date or time"
