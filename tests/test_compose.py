"""What can be said of the compose file and the Dockerfile without starting them."""

import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo.uri_parser import parse_uri

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MAJOR_MINOR = re.compile(r"[a-z][a-z/-]*:v?\d+\.\d+(-slim)?")
FILES = ("mongo-password", "minion-uri", "minion-uri-on-host")

project: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
services: dict[str, dict[str, Any]] = project["services"]
lasting = {name for name, service in services.items() if service["restart"] != "no"}
own = {name for name, service in services.items() if "build" in service}


def make_secrets(folder: Path, password: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program of the service `secrets` as it stands in the compose file."""
    environment = {**os.environ, "MINION_MONGO_PORT": "27017"}
    environment.pop("MONGO_PASSWORD", None)
    if password is not None:
        environment["MONGO_PASSWORD"] = password
    (script,) = services["secrets"]["command"]
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_services() -> None:
    assert set(services) == {"secrets", "mongo", "netdata", "collector"}
    assert lasting == {"mongo", "netdata", "collector"}
    assert own == {"secrets", "collector"}


@pytest.mark.parametrize("name", services)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert services[name].get("network_mode") != "host"
    for port in services[name].get("ports", []):
        assert port.startswith("127.0.0.1:"), port


@pytest.mark.parametrize("name", sorted(lasting))
def test_what_lasts_restarts_and_has_a_health_check(name: str) -> None:
    service = services[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])


def test_no_password_is_written_down() -> None:
    values = {
        key: value
        for service in services.values()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|URI|SECRET|TOKEN", key)
    }
    assert values == {
        "MONGO_PASSWORD": None,  # the caller's own, or none
        "MONGO_INITDB_ROOT_PASSWORD_FILE": "/run/minion/mongo-password",
        "MINION_MONGODB_URI_FILE": "/run/minion/minion-uri",
    }
    assert not re.search(r"PASSWORD\w*:?[-=?+]", COMPOSE.read_text() + DOCKERFILE)


def test_no_variable_has_to_be_set() -> None:
    for variable in re.findall(r"(?<!\$)\$(?!\$)(\S*)", COMPOSE.read_text()):
        assert re.match(r"\{MINION_\w+_PORT:-\d+\}", variable), variable


def test_images_are_pinned_to_major_and_minor() -> None:
    images = [s["image"] for s in services.values() if "image" in s]
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(images) == 2
    assert len(bases) == 2
    for image in images + bases:
        assert MAJOR_MINOR.fullmatch(image), image


def test_the_program_is_not_root_and_has_no_rights() -> None:
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    for name in own:
        service = services[name]
        assert "user" not in service
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert service["read_only"] is True
        assert "no-new-privileges:true" in service["security_opt"]
    assert not any(service.get("privileged") for service in services.values())


def test_only_the_service_secrets_writes_the_secrets() -> None:
    mounts = {
        name: mount
        for name, service in services.items()
        for mount in service.get("volumes", [])
        if mount.startswith("secrets:")
    }
    assert mounts == {
        "secrets": "secrets:/run/minion",
        "mongo": "secrets:/run/minion:ro",
        "collector": "secrets:/run/minion:ro",
    }
    assert services["secrets"]["network_mode"] == "none"


def test_what_is_mounted_of_the_machine_is_read_only() -> None:
    for service in services.values():
        for mount in service.get("volumes", []):
            source, *rest = mount.split(":")
            assert source in project["volumes"] or rest[-1] == "ro", mount
            assert "docker.sock" not in mount


def test_services_start_in_their_order() -> None:
    made = {"condition": "service_completed_successfully"}
    assert services["mongo"]["depends_on"] == {"secrets": made}
    assert services["collector"]["depends_on"] == {
        "secrets": made,
        "mongo": {"condition": "service_healthy"},
    }


def test_the_build_is_given_what_it_copies() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in line.split()
    }
    ignore = (ROOT / ".dockerignore").read_text().split("\n")
    given = {line[1:] for line in ignore if line.startswith("!")}
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "packages"
    ]
    assert "*" in ignore
    assert copied == given
    assert {name.partition(".")[0] for name in packages} <= copied
    for source in copied:
        assert (ROOT / source).exists(), source


def test_a_password_is_made_once_and_never_shown(tmp_path: Path) -> None:
    first = make_secrets(tmp_path)
    assert first.returncode == 0, first.stderr
    password = (tmp_path / "mongo-password").read_text()
    assert len(password) >= 32
    assert password not in first.stdout + first.stderr
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    again = make_secrets(tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert (tmp_path / "mongo-password").read_text() == password


def test_every_first_start_makes_another_password(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        make_secrets(folder)
    one, other = ((folder / "mongo-password").read_text() for folder in folders)
    assert one != other


@pytest.mark.parametrize("name", FILES)
def test_others_cannot_read_the_secrets(tmp_path: Path, name: str) -> None:
    make_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o440


@pytest.mark.parametrize("password", ["p@ss:/word%", "a b?#[]&+", "пароль", "%40"])
def test_a_password_of_ones_own_survives_the_uri(tmp_path: Path, password: str) -> None:
    assert make_secrets(tmp_path, password).returncode == 0
    assert (tmp_path / "mongo-password").read_text() == password
    inside = parse_uri((tmp_path / "minion-uri").read_text())
    outside = parse_uri((tmp_path / "minion-uri-on-host").read_text())
    assert (inside["username"], inside["password"]) == ("minion", password)
    assert (outside["username"], outside["password"]) == ("minion", password)
    assert inside["nodelist"] == [("mongo", 27017)]
    assert outside["nodelist"] == [("127.0.0.1", 27017)]


def test_another_password_later_changes_nothing_and_says_so(tmp_path: Path) -> None:
    make_secrets(tmp_path, "first")
    later = make_secrets(tmp_path, "second")
    assert later.returncode == 0
    assert "stays" in later.stdout
    assert "first" not in later.stdout.replace("first start", "")
    assert (tmp_path / "mongo-password").read_text() == "first"


def test_a_password_that_is_no_text_is_refused(tmp_path: Path) -> None:
    refused = make_secrets(tmp_path, "two\nlines")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
