"""What the environment says."""

from pathlib import Path

import pytest

from minion.errors import SettingsError
from minion.settings import Settings


def test_nothing_set():
    settings = Settings.read({"XDG_DATA_HOME": "/data", "MINION_EXPERIMENT": ""})
    assert settings.uri is None
    assert settings.database == "minion"
    assert settings.experiment is None
    assert settings.writes_to == "default"
    assert settings.home.name == "minion"


def test_everything_set(tmp_path):
    secret = tmp_path / "uri"
    secret.write_text("mongodb://u:p@h\n")
    settings = Settings.read(
        {
            "MINION_HOME": "~/m",
            "MINION_MONGODB_URI_FILE": str(secret),
            "MINION_DATABASE": "d",
            "MINION_EXPERIMENT": "e",
        }
    )
    assert settings == Settings(Path.home() / "m", "mongodb://u:p@h", "d", "e")
    named = {"MINION_MONGODB_URI": "mongodb://x", "MINION_MONGODB_URI_FILE": str(secret)}
    assert Settings.read(named).uri == "mongodb://x"


@pytest.mark.parametrize("content", [None, "", " \n", b"\xff\xfe"])
def test_a_file_that_has_no_uri(tmp_path, content):
    path = tmp_path / "uri"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=r"MINION_MONGODB_URI_FILE .*(cannot be read|is empty)"):
        Settings.read({"MINION_MONGODB_URI_FILE": str(path)})
