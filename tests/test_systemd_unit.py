"""The unit of deploy/, held against systemd's own reading of it. Nothing is started."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "deploy" / "minion-collect.service"
INSTALLED = "/opt/minion/bin/minion"
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts


@pytest.fixture
def analyze():
    """Runs systemd-analyze, which needs no systemd that runs."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here; it comes with systemd")

    def run(*words):
        return subprocess.run(
            [program, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"},
        )

    return run


@pytest.fixture
def unit(tmp_path):
    """The unit as it is, but for where the program is: here it is not installed there."""
    program = tmp_path / "minion"
    program.write_text(f"#!{sys.executable}\n")
    program.chmod(0o755)
    text = UNIT.read_text()
    assert text.count(INSTALLED) == 1
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(INSTALLED, str(program)))
    return copy


def test_systemd_finds_no_fault_in_it(analyze, unit):
    found = analyze("verify", "--man=no", unit)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_mistake_in_it_would_be_seen(analyze, unit):
    unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
    assert "NoNewPrivilege" in analyze("verify", "--man=no", unit).stderr


def test_it_may_do_little(analyze, unit):
    found = analyze("security", "--offline=yes", "--no-pager", unit)
    exposed = re.search(r"Overall exposure level for \S+: ([\d.]+)", found.stdout)
    assert exposed, found.stdout + found.stderr
    assert float(exposed[1]) <= MOST_EXPOSED, found.stdout
