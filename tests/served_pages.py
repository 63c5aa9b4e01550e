"""A `minion serve` on runs of every kind, and its pages in a real browser."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from browsers import SIZES
from runs import run
from stores import fresh
from waiting import wait_for

from minion.model import Verdict

HOSTILE = "<script>alert(1)</script>"

QUOTED = 'it\'s "1" & <b>2</b>'

WITHIN_MS = 20_000

WRONG = ("error", "warning")

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
def visited(browser):
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
