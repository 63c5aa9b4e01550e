"""What the environment says."""

from pathlib import Path

import pytest

from minion.errors import SettingsError
from minion.settings import Settings, parse_duration


def test_nothing_set():
    settings = Settings.read({"XDG_DATA_HOME": "/data", "MINION_EXPERIMENT": ""})
    assert settings.uri is None
    assert settings.database == "minion"
    assert settings.experiment is None
    assert settings.writes_to == "default"
    assert settings.home.name == "minion"
    assert settings.serve_token is None
    assert settings.config is None


def test_everything_set(tmp_path):
    secret = tmp_path / "uri"
    secret.write_text("mongodb://u:p@h\n")
    settings = Settings.read(
        {
            "MINION_HOME": "~/m",
            "MINION_MONGODB_URI_FILE": str(secret),
            "MINION_DATABASE": "d",
            "MINION_EXPERIMENT": "e",
            "MINION_SERVE_TOKEN": " t0ken ",
            "MINION_CONFIG": "~/minion.toml",
        }
    )
    assert settings == Settings(
        Path.home() / "m", "mongodb://u:p@h", "d", "e", "t0ken", Path.home() / "minion.toml"
    )
    assert "u:p" not in repr(settings)
    assert "t0ken" not in repr(settings)
    named = {"MINION_MONGODB_URI": "mongodb://x", "MINION_MONGODB_URI_FILE": str(secret)}
    assert Settings.read(named).uri == "mongodb://x"


@pytest.mark.parametrize("name", ["MINION_HOME", "MINION_CONFIG", "XDG_DATA_HOME"])
def test_the_home_of_a_user_who_is_not_there(name):
    with pytest.raises(SettingsError, match=r"~nobody-here/x: there is no such user; name") as said:
        Settings.read({name: "~nobody-here/x"})
    assert str(said.value).startswith("the data folder" if name == "XDG_DATA_HOME" else name)


@pytest.mark.parametrize("content", [None, "", " \n", b"\xff\xfe"])
def test_a_file_that_has_no_uri(tmp_path, content):
    path = tmp_path / "uri"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=r"MINION_MONGODB_URI_FILE .*(cannot be read|is empty)"):
        Settings.read({"MINION_MONGODB_URI_FILE": str(path)})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8w", 4_838_400),
        ("90d", 7_776_000),
        ("12h", 43_200),
        ("30m", 1_800),
        (" 45 s ", 45),
        ("1.5h", 5_400),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1y", "1e3s", "1d2h", "\u0661d", "nan s"])
def test_what_is_no_duration(text):
    with pytest.raises(SettingsError, match="is no duration; write a number and its unit: 8w"):
        parse_duration(text)
