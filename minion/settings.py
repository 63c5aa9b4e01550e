"""What the environment says: read in this one place.

MINION_HOME              where the embedded database lives (default: the user's data folder)
MINION_MONGODB_URI       a MongoDB server instead of the embedded one
MINION_MONGODB_URI_FILE  a file with that URI, for one that holds a password
MINION_DATABASE          the database's name (default: minion)
MINION_EXPERIMENT        what is written to when no experiment is named (default: default)
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from minion.errors import SettingsError

DEFAULT_EXPERIMENT = "default"
DEFAULT_DATABASE = "minion"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    home: folder of the embedded database; it need not exist yet.
    uri: MongoDB URI, or None for the embedded server.
    database: name of the database.
    experiment: what MINION_EXPERIMENT says, or None.
    """

    home: Path
    uri: str | None
    database: str
    experiment: str | None

    @property
    def writes_to(self) -> str:
        """The experiment that is written to when none is named."""
        return self.experiment or DEFAULT_EXPERIMENT

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings that an environment (default: the process's own) asks for.

        An empty variable counts as not set.

        Raises:
            SettingsError: the file of MINION_MONGODB_URI_FILE cannot be read, or is empty.
        """
        variables = os.environ if environment is None else environment

        def get(name: str) -> str | None:
            return variables.get(name) or None

        home = get("MINION_HOME")
        return cls(
            home=Path(home).expanduser().absolute() if home else _data_folder(variables),
            uri=get("MINION_MONGODB_URI") or _content(get("MINION_MONGODB_URI_FILE")),
            database=get("MINION_DATABASE") or DEFAULT_DATABASE,
            experiment=get("MINION_EXPERIMENT"),
        )


def _content(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"MINION_MONGODB_URI_FILE {path} cannot be read: {error}") from error
    if not text:
        raise SettingsError(f"MINION_MONGODB_URI_FILE {path} is empty; write the URI into it")
    return text


def _data_folder(variables: Mapping[str, str]) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "minion"
    base = variables.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "minion"
