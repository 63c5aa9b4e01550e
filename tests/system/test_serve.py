"""`minion serve` as its user has it: a process and a real browser."""

import csv
import json
import os
import select
import signal
import socket
import subprocess
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest
from netdata_agents import free_port
from runs import run, started
from served_pages import (
    MINION,
    QUOTED,
    choose,
    drawn,
    environment_of,
    names,
    serving,
    titled,
)
from waiting import wait_for

from analysis import utilization
from analysis.web.address import run_address
from analysis.web.serving import THREADS

pytestmark = pytest.mark.system

WAITING = 3 * THREADS  # more than are answered at once


# ---------------------------------------------------------------- looking


def test_the_list_is_filtered_sorted_and_turned(served, visited):
    address, _ = served
    page = visited(address)
    titled(page, "Runs · Minion")
    assert names(page)[:3] == [QUOTED, "29", "28"]
    assert len(names(page)) == 25
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2*")
    page.get_by_text("26 to 31 of 31").wait_for()
    page.go_back()
    page.get_by_text("1 to 25 of 31").wait_for()

    choose(page, "filter-experiment", "study")
    page.get_by_text("1 to 25 of 30").wait_for()
    choose(page, "filter-platform", "mK8s")
    page.get_by_text("1 to 15 of 15").wait_for()
    page.locator("#runs thead a").click()
    page.wait_for_url("**order=name*")
    wait_for(lambda: names(page)[:3] == ["0", "2", "4"], 10, "the list by name")
    page.fill("#filter-text", "2")
    page.get_by_text("1 to 7 of 7").wait_for()
    assert names(page) == ["2", "12", "20", "22", "24", "26", "28"]
    # An address is the whole state: somebody else sees the same.
    assert names(visited(page.url)) == names(page)


def test_verdicts_stand_in_the_list(served, visited):
    page = visited(f"{served[0]}/?verdict=excluded")
    assert names(page) == ["7"]
    assert page.locator("#runs .badge.bad").inner_text() == "excluded"
    experiments = page.locator("#experiments tbody tr").all_inner_texts()
    assert any(text.startswith("study\t30") for text in experiments)


def test_a_run_in_depth(served, visited):
    address, _ = served
    page = visited(address + "/?text=7&verdict=excluded")
    page.locator("#runs tbody th a").first.click()
    page.wait_for_url("**/run?*")
    drawn(page)
    page.get_by_text("Reason: cable out").wait_for()
    page.get_by_text("excluded").first.wait_for()
    assert page.locator("#inside summary").all_inner_texts() == [
        "Phases 13",
        "Hosts 2",
        "Events 14",
        "Charts stored 10",
    ]
    panels = page.locator(".chart svg text", has_text="node-").all_text_contents()
    assert panels == ["node-a", "node-b"]
    page.get_by_role("link", name="Network throughput").click()
    page.wait_for_url("**metric=net*")
    page.locator(".chart svg text", has_text="node-a, InOctets").wait_for()
    titled(page, "Run 7 · Minion")


def test_platforms_are_compared_with_a_margin(served, visited):
    page = visited(f"{served[0]}/compare?experiment=study&phase=Cluster+idle")
    drawn(page, "differences")
    drawn(page, "values")
    assert "equivalent" not in page.locator("#verdicts ul.sentences").inner_text()
    page.fill("#compare-margin", "50%")
    page.press("#compare-margin", "Enter")
    page.wait_for_url("**margin=50*")
    page.get_by_text("within 50%").first.wait_for()
    assert page.locator("#tables td", has_text="equivalent").count() > 0
    choose(page, "compare-metric", "Durations")
    page.wait_for_url("**metric=duration*")
    page.fill("#compare-margin", "5 parsecs")
    page.press("#compare-margin", "Enter")
    page.locator(".alert", has_text="parsecs").wait_for()


def test_files_are_what_they_say(served, visited, tmp_path):
    address, store = served

    def saved(page, link):
        with page.expect_download() as waiting:
            link.click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    page = visited(f"{address}/data?experiment=study&platform=K8s")
    page.get_by_text("14 runs chosen").wait_for()
    path = saved(page, page.get_by_role("link", name="CSV"))
    assert path.name == "study-cpu.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    whole = utilization(store, "cpu", experiment="study", platform="K8s")
    assert [float(row["value"]) for row in rows] == whole["value"].tolist()

    page = visited(address + run_address("study", "3"))
    drawn(page)
    assert saved(page, page.get_by_role("link", name="PNG")).read_bytes()[:4] == b"\x89PNG"
    spec = json.loads(saved(page, page.get_by_role("link", name="JSON")).read_text())
    assert "vega-lite/v6" in spec["$schema"]


def test_many_pages_do_not_know_of_each_other(served, visited):
    first = visited(f"{served[0]}/?experiment=study")
    second = visited(f"{served[0]}/?text=it")
    assert len(names(first)) == 25
    assert names(second) == [QUOTED]
    first.get_by_role("link", name="Next").click()
    first.get_by_text("26 to 30 of 30").wait_for()
    assert names(second) == [QUOTED]


def test_the_embedded_store_is_served(home):
    with serving(MINION_HOME=str(home), MINION_MONGODB_URI="") as address:
        environment = {**os.environ, "MINION_HOME": str(home), "MINION_MONGODB_URI": ""}
        said = subprocess.run(
            [*MINION, "runs"], env=environment, capture_output=True, text=True, check=True
        )
        assert "no simulations yet" in said.stderr
        assert address


def test_a_stop_amid_requests_is_silent(store, mongodb_uri):
    """`serving` looks at what the process said at its end."""
    store.put(*run("0"))
    query = urlencode({"experiment": "e", "sim_id": "0"})
    asks = f"GET /download/run.svg?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with ExitStack() as open_ones, serving(**environment_of(store, mongodb_uri)) as address:
        place = ("127.0.0.1", int(address.rpartition(":")[2]))
        asked = [open_ones.enter_context(socket.create_connection(place)) for _ in range(WAITING)]
        for connection in asked:
            connection.sendall(asks)
        answered, _, _ = select.select(asked, [], [], 60)
        assert answered[0].recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--allow-exclude"], 2, "needs a token"),
        (["--token-file=x"], 2, "--token-file is for --allow-exclude"),
        (["--allow-exclude", "--token-file=/nowhere/x"], 1, "cannot be read"),
        (["--host=nobody.invalid"], 1, "no address to listen on"),
        (["--port=70000"], 1, "70000"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(mongodb_uri, options, status, said):
    ended = subprocess.run(
        [*MINION, "serve", f"--db={mongodb_uri}", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={k: v for k, v in os.environ.items() if k != "MINION_SERVE_TOKEN"},
    )
    assert ended.returncode == status
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_a_port_that_is_taken_is_named(mongodb_uri):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*MINION, "serve", f"--db={mongodb_uri}", f"--port={port}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert f"port {port} of 127.0.0.1" in ended.stderr


def test_ctrl_c_ends_it_cleanly(store, mongodb_uri):
    store.add(started())
    process = subprocess.Popen(
        [*MINION, "serve", "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment_of(store, mongodb_uri)},
    )
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
