"""The mongod program: which one is taken, and why one cannot be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minion import mongod
from minion.errors import ServerError
from minion.mongod import advice, find_mongod, reason_of_end

pytestmark = pytest.mark.system

RUNS = "#!/bin/sh\necho db version v0\n"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for packages that is the only one, beside an empty PATH."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (tmp_path / "programs").mkdir()
    monkeypatch.setattr(sys, "path", [str(packages)])
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    return packages


def program(path: Path, content: str = RUNS, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


def in_wheel(packages: Path) -> Path:
    return packages / "fiftyone" / "db" / "bin" / "mongod"


def on_path(packages: Path) -> Path:
    return packages.parent / "programs" / "mongod"


def test_the_found_one_runs() -> None:
    found = find_mongod()
    shown = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("db version v")


def test_the_wheels_comes_before_the_one_on_the_path(wheels: Path) -> None:
    path = program(on_path(wheels))
    assert find_mongod() == path
    wheel = program(in_wheel(wheels))
    assert find_mongod() == wheel


def test_the_package_is_not_imported(wheels: Path) -> None:
    program(in_wheel(wheels))
    (wheels / "fiftyone" / "__init__.py").write_text("raise SystemError('imported')")
    assert find_mongod() == in_wheel(wheels)


@pytest.mark.usefixtures("wheels")
def test_without_any_there_is_a_way_out() -> None:
    with pytest.raises(ServerError) as caught:
        find_mongod()
    message = str(caught.value)
    assert "none is installed" in message
    assert "docker compose up -d mongo" in message
    assert "MINION_MONGODB_URI" in message


def test_one_that_cannot_run_is_passed_over(wheels: Path) -> None:
    program(in_wheel(wheels), mode=0o644)
    path = program(on_path(wheels))
    assert find_mongod() == path


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (RUNS, 0o644, "is not executable (chmod +x"),
        ("#!/nowhere/sh\n", 0o755, "does not run"),
        ("no program", 0o755, "does not run"),
        ("#!/bin/sh\necho wrong version >&2; exit 3\n", 0o755, "does not run (wrong version)"),
        ("#!/bin/sh\nkill -ILL $$\n", 0o755, "is not made for this processor"),
    ],
)
def test_what_is_wrong_is_said(wheels: Path, content: str, mode: int, reason: str) -> None:
    wheel = program(in_wheel(wheels), content, mode)
    with pytest.raises(ServerError) as caught:
        find_mongod()
    message = str(caught.value)
    assert f"{wheel} {reason}" in message
    assert "docker compose up -d mongo" in message
    assert "\n" not in message


@pytest.mark.skipif(sys.platform != "linux", reason="changes an ELF file")
def test_missing_libraries_are_named(wheels: Path) -> None:
    real = find_real()
    content = real.read_bytes()
    names = {b"libcurl.so.4\0": b"libcurl.so.9\0", b"libcrypto.so.3\0": b"libcrypto.so.8\0"}
    for name, other in names.items():
        assert content.count(name) == 1
        content = content.replace(name, other)
    wheel = in_wheel(wheels)
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(content)
    wheel.chmod(0o755)
    try:
        with pytest.raises(ServerError, match=r"lacks lib\w+\.so\.\d, lib\w+\.so\.\d \(") as caught:
            find_mongod()
    finally:
        shutil.rmtree(wheel.parent)
    assert "libcurl.so.9" in str(caught.value)
    assert "libcrypto.so.8" in str(caught.value)
    assert "apt-get install" in str(caught.value)


def find_real() -> Path:
    code = "from minion.mongod import find_mongod; print(find_mongod())"
    project = str(Path(mongod.__file__).parents[1])
    # This process looks for packages in an empty folder.
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": project},
        capture_output=True,
        text=True,
        check=True,
    )
    real = Path(found.stdout.strip())
    if b"libcurl.so.4\0" not in real.read_bytes():
        pytest.skip(f"{real} needs no libcurl")
    return real


def test_packages_of_the_libraries() -> None:
    assert {"libcurl.so.4", "libssl.so.3", "libcrypto.so.3"} <= mongod.PACKAGES.keys()


# The reason in its log


def test_first_error_is_the_reason() -> None:
    log = """
{"s":"I","c":"CONTROL","id":1,"msg":"starting"}
{"s":"F","c":"ASSERT","id":23089,"msg":"Fatal assertion","attr":{"msgid":1}}
{"s":"E","c":"STORAGE","id":2,"msg":"first","attr":{"error":{"errmsg":"no\\nway"}}}
{"s":"E","c":"STORAGE","id":3,"msg":"second","attr":{"error":"later"}}
"""
    assert reason_of_end(log) == "first: no way"


def test_plain_lines_come_after_records() -> None:
    plain = "Error parsing command line: unrecognised option\ntry mongod --help\n"
    assert reason_of_end(plain) == "Error parsing command line: unrecognised option"
    assert reason_of_end(plain + '{"s":"E","msg":"killed"}') == "killed"


@pytest.mark.parametrize("log", ["", "\n\n", '{"s":"E", "msg":"cut o', '{"s":"I","msg":"fine"}'])
def test_a_log_without_a_reason(log: str) -> None:
    assert reason_of_end(log) == "it left no reason"


def test_a_long_reason_is_shortened() -> None:
    reason = reason_of_end("word " * 1000)
    assert len(reason) <= mongod.LONGEST_REASON
    assert reason.endswith("…")


def test_advice() -> None:
    assert "end that mongod" in advice("DBPathInUse: Unable to lock")
    assert "MINION_HOME" in advice("anything")
