"""What the environment says: read in this one place.

MINION_HOME              where the embedded database lives (default: the user's data folder)
MINION_MONGODB_URI       a MongoDB server instead of the embedded one
MINION_MONGODB_URI_FILE  a file with that URI, for one that holds a password
MINION_DATABASE          the database's name (default: minion)
MINION_EXPERIMENT        what is written to when no experiment is named (default: default,
                         of an import the importer's own: kns, gadget, ...)
MINION_SERVE_TOKEN       the token of those who may exclude runs on the page of `minion serve`
MINION_CONFIG            the collector's configuration, a TOML file

What stands in that file, one by one, where a variable wins over the file:

MINION_HOSTS             hosts: NAME=ROLE@URL, with commas between
MINION_CHARTS            patterns of contexts or charts, with commas between
MINION_INTERVAL          the longest window while a run is live: 60, 90s, 5m
MINION_PARALLEL          how many agents are asked at once
MINION_PATIENCE          how long an agent may be away after a run's end before it counts as gone
MINION_PULL              auto, netdata-pandas or direct
MINION_LISTEN            HOST:PORT of the collector's own health
MINION_CORRECT_CLOCKS    yes or no
MINION_RETENTION         the age that `minion prune` removes: 90d, 12h
MINION_LOG               text or json
MINION_TRUSTED           patterns of the hosts that may be sent the secrets of all, with commas
MINION_AGENT_USER        of basic authentication at the agents; of a host that names none itself,
                         as with all that follow
MINION_AGENT_PASSWORD    and its password; MINION_AGENT_PASSWORD_FILE names a file with it
MINION_AGENT_TOKEN       a bearer token; MINION_AGENT_TOKEN_FILE names a file with it
MINION_AGENT_CA_FILE     the certificates that an agent's is trusted by
MINION_AGENT_CERTIFICATE_FILE, MINION_AGENT_KEY_FILE  a certificate of our own, and its key
MINION_AGENT_PROXY       an HTTP proxy's address; MINION_AGENT_PROXY_FILE names a file with it
MINION_AGENT_TIMEOUT     seconds that an agent's answer may take
"""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from minion.errors import SettingsError

DEFAULT_EXPERIMENT = "default"
DEFAULT_DATABASE = "minion"
DURATION_FORM = "a number and its unit: 8w, 90d, 12h, 30m or 45s"
_UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    home: folder of the embedded database; it need not exist yet.
    uri: MongoDB URI, or None for the embedded server.
    database: name of the database.
    experiment: what MINION_EXPERIMENT says, or None.
    serve_token: what MINION_SERVE_TOKEN says, or None.
    config: the file that MINION_CONFIG names, or None.
    """

    home: Path
    uri: str | None = field(repr=False)  # it may hold a password
    database: str
    experiment: str | None
    serve_token: str | None = field(default=None, repr=False)
    config: Path | None = None

    @property
    def writes_to(self) -> str:
        """The experiment that is written to when none is named."""
        return self.experiment or DEFAULT_EXPERIMENT

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings that an environment (default: the process's own) asks for.

        An empty variable counts as not set.

        Raises:
            SettingsError: the file of MINION_MONGODB_URI_FILE cannot be read, or is empty; a path
                names the home of a user who is not there.
        """
        known = variables(environment)
        home, config = known.get("MINION_HOME"), known.get("MINION_CONFIG")
        return cls(
            home=expanded(home, "MINION_HOME").absolute() if home else _data_folder(known),
            uri=known.get("MINION_MONGODB_URI") or _content(known.get("MINION_MONGODB_URI_FILE")),
            database=known.get("MINION_DATABASE") or DEFAULT_DATABASE,
            experiment=known.get("MINION_EXPERIMENT"),
            serve_token=known.get("MINION_SERVE_TOKEN", "").strip() or None,
            config=expanded(config, "MINION_CONFIG").absolute() if config else None,
        )


def variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of an environment (default: the process's own) that are not empty."""
    found = os.environ if environment is None else environment
    return {name: value for name, value in found.items() if value}


def parse_duration(text: str) -> float:
    """The seconds of `8w`, `90d`, `12h`, `30m` or `45s`.

    Raises:
        SettingsError: it is no duration.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([wdhms])", text.strip(), flags=re.ASCII)
    if found is None:
        raise SettingsError(f"{text[:40]!r} is no duration; write {DURATION_FORM}")
    return float(found[1]) * _UNITS[found[2]]


def expanded(path: str | os.PathLike[str], name: str) -> Path:
    """A path whose `~` and `~user` are the homes that they stand for.

    Args:
        path: the path.
        name: what names it, for the message.

    Raises:
        SettingsError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SettingsError(f"{name} {path}: there is no such user; name another path") from None


def read_secret(path: str | os.PathLike[str], name: str) -> str:
    """What a file holds, without the blanks and line ends around it.

    Args:
        path: the file.
        name: what names it, for the message.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{name} {path} cannot be read: it is no UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{name} {path} cannot be read: {reason}") from None
    if not text:
        raise SettingsError(f"{name} {path} is empty; write what is secret into it")
    return text


def _content(path: str | None) -> str | None:
    return None if path is None else read_secret(path, "MINION_MONGODB_URI_FILE")


def _data_folder(known: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return expanded("~/Library/Application Support/minion", "the data folder")
    base = known.get("XDG_DATA_HOME") or "~/.local/share"
    return expanded(base, "the data folder") / "minion"
