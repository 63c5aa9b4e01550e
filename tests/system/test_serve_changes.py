"""The living page while things change: runs in progress, a store that dies, verdicts."""

import signal
import subprocess
from contextlib import contextmanager

import pymongo
import pytest
from pymongo.errors import PyMongoError
from runs import run
from served_pages import drawn, environment_of, names, serving
from waiting import wait_for

import minion
from analysis.web.address import run_address
from ingest.collecting.collector import Collector
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
from ingest.events import Recorder, register
from minion.model import Host, Role, Status, Verdict
from minion.server import find_mongod

pytestmark = pytest.mark.system


TOKEN = "correct horse battery staple"


# ---------------------------------------------------------------- alive


def test_a_run_shows_up_and_grows_while_it_is_in_progress(store, mongodb_uri, two_agents, visited):
    hosts = [
        Host(hostname=agent.name, role=role, url=agent.url)
        for agent, role in zip(two_agents, (Role.MASTER, Role.WORKER), strict=True)
    ]
    with serving(**environment_of(store, mongodb_uri)) as address:
        overview = visited(address)
        overview.get_by_text("There is no run yet").wait_for()
        register(store, "live", platform="local", hosts=hosts)
        recorder = Recorder(store, store.simulation("live"))
        with recorder.run(), recorder.phase("Start master"):
            overview.locator("#progress").get_by_text("live").wait_for()
            page = visited(address + run_address(recorder.simulation.experiment, "live"))
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


def test_a_store_that_goes_away_comes_back_by_itself(tmp_path_factory, visited):
    folder = tmp_path_factory.mktemp("db")
    with mongod(folder) as uri, minion.connect(uri) as store:
        store.put(*run("1"))
        serving_it = serving(MINION_MONGODB_URI=uri, MINION_DATABASE="minion")
        address = serving_it.__enter__()
        page = visited(address)
        assert names(page) == ["1"]
    try:
        alert = page.locator("#list-alert .alert")
        alert.wait_for()
        assert "MongoDB" in alert.inner_text()
        assert "\n" not in alert.inner_text()
        assert names(page) == ["1"]  # what was seen stays
        other = visited(address + "/compare")
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


def test_only_who_has_the_token_excludes(store, mongodb_uri, visited, tmp_path):
    store.put(*run("1"))
    token = tmp_path / "token"
    token.write_text(TOKEN)
    reads = environment_of(store, mongodb_uri)
    with serving(**reads) as address:
        page = visited(address + run_address("e", "1"))
        drawn(page)
        assert page.locator("#judge").count() == 0
        page.close()
    with serving("--allow-exclude", f"--token-file={token}", **reads) as address:
        page = visited(address + run_address("e", "1"))
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
