"""The collector's configuration: one TOML file, and the environment's word over it.

    interval = 60                           # seconds, or "90s"; the longest window while live
    parallel = 32                           # agents that are asked at once
    patience = "2h"                         # with an agent that is away at a run's end
    charts = ["system.cpu", "cgroup_*.cpu"]
    pull = "auto"                           # auto, netdata-pandas, direct
    listen = "127.0.0.1:8766"               # the collector's own health; "" for none
    correct_clocks = false
    experiment = "k8s"                      # collect only of this one
    log = "text"                            # text, json
    trusted = ["10.0.0.0/24", "*.lab"]      # who is sent the secrets of [agents]; [] for none

    [retention]
    older_than = "90d"
    experiments = ["k8s"]

    [agents]                                # of every host that says nothing else
    token_file = "agent-token"              # relative to this file
    ca_file = "ca.pem"

    [hosts.worker1]
    url = "http://10.0.0.5:19999"
    role = "worker"
    user = "minion"
    password_env = "WORKER1_PASSWORD"

The environment's variables stand in `minion.settings`. A secret stands in neither of them by
itself where other people read: it is in a file, or in a variable, that the file names.
"""

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.agents.access import ANONYMOUS, Access
from ingest.collecting.agent_tables import (
    Source,
    access_of,
    hosts_of_table,
    layered,
    of_environment,
)
from ingest.collecting.configuration_keys import (
    GENERAL,
    LISTEN,
    RETENTION,
    VARIABLES,
    check_variables,
    convert,
    read_table,
)
from ingest.collecting.trust import is_trusted
from ingest.hosts import parse_address, parse_hosts
from minion.errors import InvalidData, SettingsError
from minion.model import Host
from minion.settings import expanded, variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What `minion prune` removes.

    older_than_s: simulations that ended longer ago than so many seconds; None: none for its age.
    experiments: only of these; empty: of all.
    """

    older_than_s: float | None = None
    experiments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How the collector works. Its text never shows a secret.

    interval: seconds; the longest window while a run is live.
    parallel: how many agents are asked at once.
    patience: seconds that an agent may be away after a run's end before it counts as gone.
    charts: patterns of contexts or ids; empty: the collector's default.
    pull: `auto`, `netdata-pandas` or `direct`.
    listen: HOST:PORT of the collector's own health, or empty.
    correct_clocks: whether times are corrected by the skew of an agent's clock.
    experiment: collect only of this one; None: of all.
    log: `text` or `json`.
    trusted: networks (10.0.0.0/24) and names (`*.lab`; a star is one label) of the hosts that the
        secrets of [agents] are sent to; empty: none; None: every agent that a simulation names.
    retention: what is removed when.
    hosts: those that are named.
    access: how an agent is reached of which nothing else is said.
    accesses: and those of which something is, by their addresses.
    host_charts: the patterns of hosts that have their own.
    """

    interval: float = 60.0
    parallel: int = 32
    patience: float = 7200.0
    charts: tuple[str, ...] = ()
    pull: str = "auto"
    listen: str = "127.0.0.1:8766"
    correct_clocks: bool = False
    experiment: str | None = None
    log: str = "text"
    trusted: tuple[str, ...] | None = None
    retention: Retention = field(default_factory=Retention)
    hosts: tuple[Host, ...] = ()
    access: Access = ANONYMOUS
    accesses: Mapping[str, Access] = field(default_factory=dict)
    host_charts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def listen_address(self) -> tuple[str, int] | None:
        """Host and port of `listen`; None without."""
        found = LISTEN.fullmatch(self.listen)
        return (found[1].strip("[]"), int(found[2])) if found else None

    def access_of(self, url: str) -> Access:
        """How the agent at an address is reached: as its host says, else as all.

        A secret of [agents] goes only to those that are `trusted`, where that is said: a
        simulation may name any address. One of [hosts.NAME] goes to that host alone.
        """
        with suppress(InvalidData):
            url = parse_address("", url)
        if url in self.accesses:
            return self.accesses[url]
        if self.trusted is None or is_trusted(url, self.trusted):
            return self.access
        return self.access.without_secrets()

    def charts_of(self, hostname: str) -> tuple[str, ...]:
        """The patterns of a host: its own, else those of all; empty: the collector's default."""
        return self.host_charts.get(hostname, self.charts)


def hosts_of(text: str | None) -> tuple[Host, ...]:
    """The hosts of a command line, else those of the configuration; see `ingest.hosts`.

    Raises:
        InvalidData: they cannot be read, or there are none.
    """
    named = () if text is not None else read_configuration().hosts
    return named or parse_hosts(text or "")


def read_configuration(
    path: str | os.PathLike[str] | None = None, environment: Mapping[str, str] | None = None
) -> Configuration:
    """What a file and the environment say.

    Args:
        path: a TOML file; without one that of MINION_CONFIG, and without that none.
        environment: default: the process's own. An empty variable counts as not set.

    MINION_AGENT_* take the place of [agents]; what a [hosts.NAME] says for itself stays. With
    MINION_HOSTS only those hosts are named; a table of the same name still says how one is reached.

    Raises:
        SettingsError: something is unknown, of the wrong type, or cannot be read; the message names
            file, key, what was found and what is allowed, and holds no secret.
    """
    known = variables(environment)
    check_variables(known)
    named = path or known.get("MINION_CONFIG")
    name = "the configuration" if path else "MINION_CONFIG"
    file = None if named is None else expanded(named, name)
    source = Source(str(file), Path() if file is None else file.absolute().parent, known)
    document = {} if file is None else _document(file)
    tables = {key: document.pop(key, {}) for key in ("retention", "agents", "hosts")}
    general = read_table(document, GENERAL, source.file, [*GENERAL, *tables])
    retention = read_table(tables["retention"], RETENTION, f"{source.file} [retention]")
    for name, (key, of_text) in VARIABLES.items():
        if name in known:
            place, kinds = (retention, RETENTION) if key in RETENTION else (general, GENERAL)
            place[key] = convert(kinds[key], of_text(known[name]), name)
    if retention and "older_than" not in retention:
        raise SettingsError(
            f"{source.file} [retention] experiments alone deletes nothing; add older_than, such as"
            ' "90d"'
        )
    agents = layered(source.agents(tables["agents"], "[agents]"), of_environment(known))
    written = hosts_of_table(tables["hosts"], source)
    hosts = tuple(each.host for each in written.values())
    if "MINION_HOSTS" in known:
        try:
            hosts = parse_hosts(known["MINION_HOSTS"])
        except InvalidData as error:
            raise SettingsError(f"MINION_HOSTS: {error}") from None
    accesses: dict[str, Access] = {}
    for host in hosts:
        own = written.get(host.hostname)
        if own is None or host.url is None:
            continue
        access = access_of(layered(agents, own.agent), f"{source.file} [hosts.{host.hostname}]")
        if accesses.setdefault(host.url, access) != access:
            raise SettingsError(
                f"{source.file} [hosts.{host.hostname}]: another host has the address {host.url},"
                " too, and asks it differently"
            )
    where = f"{source.file} [agents], MINION_AGENT_*" if file else "MINION_AGENT_*"
    return Configuration(
        **general,
        retention=Retention(
            older_than_s=retention.get("older_than"), experiments=retention.get("experiments", ())
        ),
        hosts=hosts,
        access=access_of(agents, where),
        accesses=accesses,
        host_charts={name: own.charts for name, own in written.items() if own.charts is not None},
    )


def _document(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingsError(f"{file} cannot be read: it is no UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"{file} cannot be read: its tables or lists nest too deep") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{file} cannot be read: {reason}") from None
