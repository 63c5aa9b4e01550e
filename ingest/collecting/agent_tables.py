"""The parts of the configuration that say how agents are reached.

[agents] is for all, MINION_AGENT_* take its place, and a [hosts.NAME] says what is otherwise with
one. Secrets are fetched from the files and variables that are named there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.agents.access import Access
from ingest.collecting.configuration_keys import (
    AGENT,
    AGENT_PREFIX,
    HOST,
    PLAIN_SECRETS,
    SECRETS,
    convert,
    near,
    number_of,
    read_table,
)
from ingest.hosts import parse_address
from minion.errors import InvalidData, SettingsError
from minion.model import Host, Role
from minion.settings import expanded, read_secret

# What a nearer table says of the first takes away what a farther one says of the second.
_INSTEAD = (
    (("token",), ("user", "password")),
    (("user", "password"), ("token",)),
    (("certificate_file",), ("key_file",)),
)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration is read from: the file's name, its folder, the environment."""

    file: str
    folder: Path
    variables: Mapping[str, str]

    def agents(self, table: object, place: str) -> Values:
        """The values of one table of agents, its secrets fetched from where they are."""
        where = f"{self.file} {place}"
        return self.fetched(read_table(table, AGENT, where), lambda key: f"{where} {key}")

    def fetched(self, read: Mapping[str, Any], name: Callable[[str], str]) -> Values:
        """What was read, its secrets fetched; an empty text is None, which says: none.

        Args:
            read: the values by key.
            name: what a key is called in a message.
        """
        fetched: Values = {}
        for key, value in read.items():
            what, _, where = key.rpartition("_")
            if what not in SECRETS or where not in {"file", "env"}:
                what, where = key, ""
            if what in fetched:
                raise SettingsError(f"{name(key)}: {what} stands there already; name it once")
            if value == "":
                fetched[what] = None
            elif where == "env":
                if value not in self.variables:
                    raise SettingsError(f"{name(key)} names a variable that is not set")
                fetched[what] = self.variables[value]
            elif where == "file":
                fetched[what] = read_secret(self._path(value, name(key)), name(key))
            else:
                fetched[what] = self._path(value, name(key)) if what.endswith("_file") else value
        return fetched

    def _path(self, text: str, name: str) -> Path:
        return self.folder / expanded(text, name)


def of_environment(known: Mapping[str, str]) -> Values:
    """What MINION_AGENT_* say."""
    kinds = {key: kind for key, kind in AGENT.items() if not key.endswith("_env")}
    kinds |= PLAIN_SECRETS
    read = {}
    for name, text in known.items():
        if not name.startswith(AGENT_PREFIX):
            continue
        key = name.removeprefix(AGENT_PREFIX).lower()
        if key not in kinds:
            names = [AGENT_PREFIX + kind.upper() for kind in kinds]
            raise SettingsError(f"unknown variable {name}{near(name, names)}")
        value = number_of(text) if key == "timeout" else text
        read[key] = convert(kinds[key], value, name)
    here = Source("", Path(), known)
    return here.fetched(read, lambda key: AGENT_PREFIX + key.upper())


def layered(farther: Values, nearer: Values) -> Values:
    """The values of two tables, where the nearer one wins."""
    gone = {
        other
        for these, others in _INSTEAD
        if any(nearer.get(key) is not None for key in these)
        for other in others
    }
    return {key: value for key, value in farther.items() if key not in gone} | nearer


def access_of(values: Values, where: str) -> Access:
    """The access that the values say; its files are tried at once."""
    given = {key: value for key, value in values.items() if value is not None}
    with_unit = {"timeout_s" if key == "timeout" else key: v for key, v in given.items()}
    try:
        access = Access(**with_unit)
        if access.ca_file is not None or access.certificate_file is not None:
            access.tls()
    except (InvalidData, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from None
    return access


@dataclass(frozen=True, slots=True)
class NamedHost:
    """A host as the file has it."""

    host: Host
    charts: tuple[str, ...] | None
    agent: Values


def hosts_of_table(table: object, source: Source) -> dict[str, NamedHost]:
    """The hosts of [hosts], by their names."""
    names = read_table(table, None, f"{source.file} [hosts]")
    return {name: _host(name, entry, source) for name, entry in names.items()}


def _host(name: str, entry: object, source: Source) -> NamedHost:
    place = f"{source.file} [hosts.{name}]"
    if not name.isprintable() or not name.strip() or set(name) & set(",=@"):
        raise SettingsError(f"{source.file} [hosts]: {name[:40]!r} is no name of a host")
    read = read_table(entry, HOST, place)
    role, url = read.pop("role", None), read.pop("url", None)
    if role is None:
        raise SettingsError(f"{place} has no role; allowed: {', '.join(Role)}")
    if not url and role is not Role.CONTROLLER:
        raise SettingsError(f'{place} is a {role} and has no url = "http://HOST:19999"')
    charts = read.pop("charts", None)
    try:
        host = Host(hostname=name, role=role, url=parse_address(name, url) if url else None)
    except InvalidData as error:
        raise SettingsError(f"{place} url: {error}") from None
    return NamedHost(host, charts, source.fetched(read, lambda key: f"{place} {key}"))
