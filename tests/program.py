"""Fixture for the program as its user calls it, in this process."""

from dataclasses import dataclass

import pytest

from minion.__main__ import main


@dataclass
class Said:
    """What a call left behind."""

    returncode: int
    output: bytes
    stderr: str

    @property
    def stdout(self):
        return self.output.decode()


@pytest.fixture
def minion(store, mongodb_uri, monkeypatch, capfdbinary):
    """Runs the program on the test's store, in this process."""
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    monkeypatch.delenv("MINION_EXPERIMENT", raising=False)

    def run(*arguments):
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as end:
            main(arguments)
        out, err = capfdbinary.readouterr()
        return Said(end.value.code, out, err.decode())

    return run
