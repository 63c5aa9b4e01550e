"""What `minion status --watch` draws, on terminals of several sizes."""

import io

import pandas as pd
import pytest
from rich.console import Console

from ingest.collecting.status import COLUMNS
from ingest.collecting.watching import view

WHY = "refuses the connection; is netdata running there, on that port?"
NAMES = [f"worker-{n:02d}.cluster.example" for n in range(40)]
SILENT = NAMES[3::7]


def lines(frame, width, height):
    console = Console(width=width, height=height, file=io.StringIO())
    console.print(view(frame, width, height))
    return console.file.getvalue().splitlines()


@pytest.fixture
def hosts():
    rows = [
        ("k8s-density", "5000", name, "collecting", 1.25, 2.5, 123456, 0, 3, "machine:12345", "")
        for name in NAMES
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    silent = frame["hostname"].isin(SILENT)
    frame.loc[silent, "state"] = "silent"
    frame.loc[silent, "problem"] = [f"http://10.0.0.{n}:19999: {WHY}" for n in range(len(SILENT))]
    return frame


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (72, 10)])
def test_a_host_is_a_line_and_the_silent_ones_come_first(hosts, width, height):
    head, *rows, rest = lines(hosts, width, height)
    assert len(rows) == height - 4
    assert max(map(len, (head, *rows, rest))) <= width
    assert [row.split()[head.split().index("hostname")] for row in rows[:6]] == SILENT
    assert all(sum(name in row for name in NAMES) == 1 for row in rows)
    assert all("refuses the connection" in row for row in rows[:6])
    assert rest == f"and {40 - len(rows)} more; `minion status` shows all"


def test_a_wide_and_high_one_shows_all(hosts):
    head, *rows = lines(hosts, 220, 50)
    assert head.split() == COLUMNS
    assert len(rows) == 40
    assert rows[0].rstrip().endswith(WHY)


def test_without_a_run_there_is_a_head(hosts):
    (head,) = lines(hosts.head(0), 120, 24)
    assert {"sim_id", "hostname", "state", "problem"} <= set(head.split())


def test_one_that_is_too_narrow_for_anything_cuts(hosts):
    drawn = lines(hosts, 20, 8)
    assert len(drawn) == 6
    assert max(map(len, drawn)) <= 20
