"""`minion serve` as its user has it: a process, a real browser, real agents, a store that dies."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pymongo
import pytest
from browsers import SIZES
from netdata_agents import free_port
from pymongo.errors import PyMongoError
from runs import run, started
from stores import fresh
from waiting import wait_for

import minion
from analysis import utilization
from analysis.web.address import run_address
from ingest.collector import Collector
from ingest.configuration import Configuration
from ingest.events import Recorder, register
from ingest.journal import Journal
from minion.model import Host, Role, Status, Verdict
from minion.server import find_mongod

pytestmark = pytest.mark.system

HOSTILE = "<script>alert(1)</script>"
QUOTED = 'it\'s "1" & <b>2</b>'
WITHIN_MS = 20_000
WRONG = ("error", "warning")
TOKEN = "correct horse battery staple"
MINION = [sys.executable, "-m", "minion"]


@contextmanager
def serving(*options, **environment):
    """The address of a `minion serve`; it must end by SIGTERM, with status 0 and nothing said."""
    process = subprocess.Popen(
        [*MINION, "serve", "--port=0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), process.stderr.read()
        yield line.split()[0].rstrip("/")
    finally:
        process.terminate()
        out, err = process.communicate(timeout=30)
        watchdog.cancel()
    assert (process.returncode, out, err) == (0, "", "")


def environment_of(store, uri):
    return {"MINION_MONGODB_URI": uri, "MINION_DATABASE": store.database.name}


@pytest.fixture(scope="module")
def served(mongodb_uri):
    """(address, store) of a page on thirty runs of two platforms, and one with hostile names."""
    for store in fresh(mongodb_uri):
        for number in range(30):
            platform = "K8s" if number % 2 else "mK8s"
            store.put(*run(f"{number}", experiment="study", platform=platform))
        store.judge(store.simulation("7", "study"), Verdict.EXCLUDED, ["cable out"], by="Ada")
        odd = run(QUOTED, experiment=HOSTILE, platform="a&b", hosts=[HOSTILE, "node-b"])
        store.put(*odd)
        with serving(**environment_of(store, mongodb_uri)) as address:
            yield address, store


@pytest.fixture
def opened(browser):
    """Opens pages; in the end nothing may have gone wrong in them, nor left this machine."""
    contexts, wrong = [], []

    def watch(request):
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            wrong.append(f"asked the network for {request.url[:200]}")

    def open_page(address, size="desktop", scheme="light", *, quiet=True):
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("request", watch)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        if quiet:
            page.on("console", lambda m: m.type in WRONG and wrong.append(f"console: {m.text}"))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def names(page):
    """The runs of the list."""
    page.wait_for_selector("#runs tbody th")
    return page.locator("#runs tbody th").all_inner_texts()


def choose(page, control, label):
    """Choose in a dropdown as a person does."""
    page.click(f"#{control}")
    page.locator(".dash-dropdown-content").get_by_text(label).first.click()


def titled(page, title):
    """The page has its title soon."""
    wait_for(lambda: page.title() == title, 10, f"the title {title!r}")


def drawn(page, of="lines"):
    """The element of a chart, once it is drawn."""
    selector = f'[id=\'{{"of":"{of}","type":"chart"}}\'][data-state=drawn]'
    return page.wait_for_selector(f"{selector} svg")


def scroll(page):
    return page.evaluate("[document.documentElement.scrollWidth, innerWidth]")


# ---------------------------------------------------------------- looking


def test_the_list_is_filtered_sorted_and_turned(served, opened):
    address, _ = served
    page = opened(address)
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
    assert names(opened(page.url)) == names(page)


def test_verdicts_stand_in_the_list(served, opened):
    page = opened(f"{served[0]}/?verdict=excluded")
    assert names(page) == ["7"]
    assert page.locator("#runs .badge.bad").inner_text() == "excluded"
    experiments = page.locator("#experiments tbody tr").all_inner_texts()
    assert any(text.startswith("study\t30") for text in experiments)


def test_a_run_in_depth(served, opened):
    address, _ = served
    page = opened(address + "/?text=7&verdict=excluded")
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


def test_platforms_are_compared_with_a_margin(served, opened):
    page = opened(f"{served[0]}/compare?experiment=study&phase=Cluster+idle")
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


def test_files_are_what_they_say(served, opened, tmp_path):
    address, store = served

    def saved(page, link):
        with page.expect_download() as waiting:
            link.click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    page = opened(f"{address}/data?experiment=study&platform=K8s")
    page.get_by_text("14 runs chosen").wait_for()
    path = saved(page, page.get_by_role("link", name="CSV"))
    assert path.name == "study-cpu.csv"
    with path.open() as file:
        rows = list(csv.DictReader(file))
    whole = utilization(store, "cpu", experiment="study", platform="K8s")
    assert [float(row["value"]) for row in rows] == whole["value"].tolist()

    page = opened(address + run_address("study", "3"))
    drawn(page)
    assert saved(page, page.get_by_role("link", name="PNG")).read_bytes()[:4] == b"\x89PNG"
    spec = json.loads(saved(page, page.get_by_role("link", name="JSON")).read_text())
    assert "vega-lite/v6" in spec["$schema"]


# ---------------------------------------------------------------- names, sizes, colours


def test_hostile_names_are_text(served, opened):
    address, _ = served
    page = opened(address)
    names(page)
    for name in (HOSTILE, QUOTED, "a&b"):
        assert page.get_by_text(name, exact=True).count() > 0
    page.get_by_role("link", name=QUOTED).click()
    drawn(page)
    titled(page, f"Run {QUOTED} · Minion")
    page.locator(".chart svg text", has_text=HOSTILE).first.wait_for()
    page.goto(f"{address}/?experiment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&text=%22%27")
    page.get_by_text("No run fits these filters.").wait_for()
    page.goto(f"{address}/run?experiment=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&sim_id=<b>")
    page.locator(".alert", has_text="no simulation <b>").wait_for()
    assert page.locator("main img, main b, main script").count() == 0


PATHS = {
    "/": "#runs tbody th",
    run_address("study", "3", "net"): ".chart svg",
    "/compare?experiment=study&margin=5%25": ".chart svg",
    "/data?experiment=study": "#report a",
    run_address(HOSTILE, QUOTED): ".chart svg",
}


@pytest.mark.parametrize(
    ("size", "scheme"), [("phone", "light"), ("phone", "dark"), ("tablet", "light")]
)
def test_small_screens_need_no_scrolling_sideways(served, opened, size, scheme):
    for path, selector in PATHS.items():
        page = opened(served[0] + path, size, scheme)
        page.wait_for_selector(selector)
        width, room = scroll(page)
        assert width <= room, path


def test_dark_and_light(served, opened):
    address = served[0] + run_address("study", "3")

    def ground(page):
        drawn(page)
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
        chart = page.evaluate("document.querySelector('.chart svg').style.backgroundColor")
        return body, chart

    light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 29)"
    assert ground(opened(address)) == (light, light)
    page = opened(address, scheme="dark")
    assert ground(page) == (dark, dark)
    page.get_by_role("button", name="Light").click()
    wait_for(lambda: ground(page) == (light, light), 10, "a light page")
    page.reload()
    assert ground(page) == (light, light)


# Dash's dropdown passes the focus on by an element that is hidden from those who hear a page.
OWN_OF_DASH = {"aria-hidden-focus"}


def test_it_can_be_used_by_those_who_do_not_see_it(served, opened):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    for place, (path, selector) in enumerate(PATHS.items()):
        page = opened(served[0] + path, "desktop", "dark" if place % 2 else "light")
        page.wait_for_selector(selector)
        found = axe.Axe().run(page)
        serious = [
            (v["id"], v["nodes"][0]["html"][:200])
            for v in found.response["violations"]
            if v["impact"] in ("serious", "critical") and not OWN_OF_DASH & {v["id"]}
        ]
        assert serious == [], path


def test_many_pages_do_not_know_of_each_other(served, opened):
    first = opened(f"{served[0]}/?experiment=study")
    second = opened(f"{served[0]}/?text=it")
    assert len(names(first)) == 25
    assert names(second) == [QUOTED]
    first.get_by_role("link", name="Next").click()
    first.get_by_text("26 to 30 of 30").wait_for()
    assert names(second) == [QUOTED]


# ---------------------------------------------------------------- alive


def test_a_run_shows_up_and_grows_while_it_is_in_progress(store, mongodb_uri, two_agents, opened):
    hosts = [
        Host(hostname=agent.name, role=role, url=agent.url)
        for agent, role in zip(two_agents, (Role.MASTER, Role.WORKER), strict=True)
    ]
    with serving(**environment_of(store, mongodb_uri)) as address:
        overview = opened(address)
        overview.get_by_text("There is no run yet").wait_for()
        register(store, "live", platform="local", hosts=hosts)
        recorder = Recorder(store, store.simulation("live"))
        with recorder.run(), recorder.phase("Start master"):
            overview.locator("#progress").get_by_text("live").wait_for()
            page = opened(address + run_address(recorder.simulation.experiment, "live"))
            page.get_by_text("They appear here as they are collected").wait_for()

            collector = Collector(store, Configuration(), Journal())

            def pulled():
                collector.once()
                return points(page) > 0

            wait_for(pulled, 30, "the first samples in the page")
            before, made = points(page), page.evaluate("performance.timeOrigin")

            def grown():
                collector.once()
                return points(page) > before + 3

            wait_for(grown, 30, "more samples in the page")
            assert page.locator(".live-note").count() == 1
            assert page.evaluate("performance.timeOrigin") == made  # it was never loaded again
        recorder.pull()
        assert store.simulation("live").status is Status.COMPLETE
        page.locator(".badge", has_text="complete").wait_for()
        page.locator(".chart svg text", has_text="Start master").first.wait_for()
        assert page.locator(".live-note").count() == 0
        overview.locator("#runs .badge", has_text="complete").wait_for()
        overview.close()
        page.close()


def points(page):
    """How many points the lines of the page's chart have."""
    return page.evaluate(
        "[...document.querySelectorAll('.chart svg .mark-line path')]"
        ".map((line) => (line.getAttribute('d') ?? '').split(/[ML]/).length - 1)"
        ".reduce((a, b) => a + b, 0)"
    )


@contextmanager
def mongod(folder, *, clean=False):
    """A mongod of its own on a folder, killed in the end."""
    path = folder / "m.sock"
    program = [find_mongod(), "--dbpath", folder, "--bind_ip", path, "--port", "0"]
    options = ["--logpath", folder / "log", "--wiredTigerCacheSizeGB", "0.25"]
    process = subprocess.Popen([*program, *options], stdout=subprocess.DEVNULL)
    uri = "mongodb://" + str(path).replace("/", "%2F")

    def answers():
        try:
            with pymongo.MongoClient(uri, serverSelectionTimeoutMS=200) as client:
                return client.admin.command("ping")
        except PyMongoError:
            return None

    try:
        wait_for(answers, 30, "mongod")
        yield uri
    finally:
        process.send_signal(signal.SIGTERM if clean else signal.SIGKILL)
        process.wait(60)


def test_a_store_that_goes_away_comes_back_by_itself(tmp_path_factory, opened):
    folder = tmp_path_factory.mktemp("db")
    with mongod(folder) as uri, minion.connect(uri) as store:
        store.put(*run("1"))
        serving_it = serving(MINION_MONGODB_URI=uri, MINION_DATABASE="minion")
        address = serving_it.__enter__()
        page = opened(address)
        assert names(page) == ["1"]
    try:
        alert = page.locator("#list-alert .alert")
        alert.wait_for()
        assert "MongoDB" in alert.inner_text()
        assert "\n" not in alert.inner_text()
        assert names(page) == ["1"]  # what was seen stays
        other = opened(address + "/compare")
        other.locator("#comparison-alert .alert").wait_for()
        with mongod(folder, clean=True) as uri:
            alert.wait_for(state="detached")
            # It is asked again, and says now that one platform is too few.
            other.locator(".alert", has_text="only one platform").wait_for()
            with minion.connect(uri) as store:
                store.put(*run("2"))
            wait_for(lambda: names(page) == ["2", "1"], 20, "the new run in the list")
            page.close()
            other.close()
            serving_it.__exit__(None, None, None)
            serving_it = None
    finally:
        if serving_it is not None:
            serving_it.__exit__(None, None, None)


# ---------------------------------------------------------------- verdicts, and the program


def test_only_who_has_the_token_excludes(store, mongodb_uri, opened, tmp_path):
    store.put(*run("1"))
    token = tmp_path / "token"
    token.write_text(TOKEN)
    reads = environment_of(store, mongodb_uri)
    with serving(**reads) as address:
        page = opened(address + run_address("e", "1"))
        drawn(page)
        assert page.locator("#judge").count() == 0
        page.close()
    with serving("--allow-exclude", f"--token-file={token}", **reads) as address:
        page = opened(address + run_address("e", "1"))
        drawn(page)
        page.get_by_text("Exclude this run").click()
        page.fill("#judge-reason", "the cable was out")
        page.fill("#judge-author", "Ada")
        page.fill("#judge-token", "a guess that is long enough")
        page.get_by_role("button", name="Exclude").click()
        page.locator("#judge-answer .alert", has_text="not the token").wait_for()
        assert store.simulation("1").validity.verdict is Verdict.UNCHECKED
        page.fill("#judge-token", TOKEN)
        page.get_by_role("button", name="Exclude").click()
        page.locator("#judge-answer [role=status]").wait_for()
        validity = store.simulation("1").validity
        assert (validity.verdict, validity.by) == (Verdict.EXCLUDED, "Ada")
        assert validity.reasons == ("the cable was out",)
        page.get_by_text("Reason: the cable was out").wait_for()
        page.fill("#judge-reason", "it was another cable")
        page.get_by_role("button", name="Take in again").click()
        page.locator(".states .badge.good", has_text="valid").wait_for()
        assert store.simulation("1").validity.verdict is Verdict.VALID
        page.close()


def test_the_embedded_store_is_served(home):
    with serving(MINION_HOME=str(home), MINION_MONGODB_URI="") as address:
        environment = {**os.environ, "MINION_HOME": str(home), "MINION_MONGODB_URI": ""}
        said = subprocess.run(
            [*MINION, "runs"], env=environment, capture_output=True, text=True, check=True
        )
        assert "no simulations yet" in said.stderr
        assert address


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
