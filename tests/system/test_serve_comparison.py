"""The living page compares by what its reader names, and says what is against a run."""

import json
from dataclasses import replace

import pytest
from runs import run
from served_pages import choose, drawn, environment_of, serving
from stores import fresh

from analysis import compare
from analysis.web.address import run_address
from minion.model import Verdict

pytestmark = pytest.mark.system

EXPERIMENT = "sizes & more"
FACTOR = "nodes.per $rack"  # no path of MongoDB's, and a name all the same


@pytest.fixture(scope="module")
def sizes(mongodb_uri):
    """(address, store) of a page on runs of one platform that differ in a parameter."""
    for store in fresh(mongodb_uri):
        for number in range(16):
            simulation, series = run(f"{number}", experiment=EXPERIMENT)
            parameters = {FACTOR: 3 if number % 2 else 10, "seed": 1, "load": 0.5}
            hosts = [s for s in series if number != 5 or s.hostname != "node-b"]
            store.put(replace(simulation, parameters=parameters), hosts)
        store.put(*run("0", experiment="other"))
        store.judge(store.simulation("7", EXPERIMENT), Verdict.EXCLUDED, ["cable out"], by="Ada")
        with serving(**environment_of(store, mongodb_uri)) as address:
            yield address, store


def said(page):
    """The first sentence of the comparison."""
    page.wait_for_selector("#verdicts ul.sentences li")
    return page.locator("#verdicts ul.sentences li").first.inner_text()


def compared(store, **options):
    chosen = {"experiment": EXPERIMENT, "factor": FACTOR, "phase": "Cluster idle", **options}
    return compare(store, "cpu", **chosen).sentences[0]


def test_a_parameter_is_compared_a_quantile_and_a_confidence(sizes, visited):
    address, store = sizes
    page = visited(f"{address}/compare?experiment=sizes+%26+more&phase=Cluster+idle")
    page.locator(".alert", has_text="only one platform").wait_for()
    # What does not vary is no factor.
    choose(page, "compare-factor", FACTOR)
    page.wait_for_url("**factor=nodes*")
    drawn(page, "differences")
    drawn(page, "values")
    assert said(page) == compared(store)
    rows = page.locator("[id*=values] svg text").all_text_contents()
    assert {"3", "10", f"CPU utilization in each phase, by {FACTOR}"} <= set(rows)

    choose(page, "compare-baseline", "10")
    page.wait_for_url("**baseline=10*")
    page.get_by_text("More options").click()
    page.fill("#compare-quantile", "0.9")
    page.press("#compare-quantile", "Enter")
    page.wait_for_url("**quantile=0.9*")
    page.fill("#compare-confidence", "99%")
    page.press("#compare-confidence", "Enter")
    page.get_by_text("99 % interval").first.wait_for()
    wanted = compared(store, baseline="10", quantile=0.9, confidence=0.99)
    assert said(page) == wanted
    page.locator("svg text", has_text="0.9 quantile of CPU utilization").first.wait_for()
    # An address is the whole state, and its file says the same.
    other = visited(page.url)
    assert said(other) == wanted
    assert other.locator("#compare-quantile").input_value() == "0.9"
    with other.expect_download() as waiting:
        other.locator("#tables").get_by_role("link", name="JSON").click()
    options = json.loads(waiting.value.path().read_text())["provenance"]["options"]
    assert (options["quantile"], options["confidence"], options["factor"]) == (0.9, 0.99, FACTOR)

    choose(page, "compare-factor", "Platform")  # and its level is no baseline any more
    page.wait_for_url(lambda url: "factor" not in url and "baseline" not in url)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("quantile=many", "is no quantile"),
        ("quantile=1.5", "is no quantile"),
        ("confidence=never", "is no confidence"),
        ("confidence=0.2", "a confidence of 0.2"),
        ("factor=%24where", "no run has a parameter '$where'"),
        ("metric=duration&quantile=0.5", "a quantile of duration"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(sizes, visited, query, message):
    page = visited(f"{sizes[0]}/compare?experiment=sizes+%26+more&factor=nodes.per+%24rack&{query}")
    alert = page.locator("#comparison-alert .alert")
    alert.wait_for()
    assert message in alert.inner_text()
    assert "\n" not in alert.inner_text()


def test_a_run_says_what_is_against_it(sizes, visited):
    address, store = sizes
    page = visited(address + run_address(EXPERIMENT, "5"))
    page.locator("#findings .badge", has_text="broken").wait_for()
    assert "no samples of host node-b" in page.locator("#findings").inner_text()
    assert "Held against 14 other runs of K8s" in page.locator("#findings").inner_text()
    page.get_by_role("link", name="RAM utilization").click()
    page.wait_for_url("**metric=ram*")
    page.locator("#findings .badge", has_text="broken").wait_for()
    # What is against one run is not against another.
    sound = visited(address + run_address(EXPERIMENT, "8"))
    sound.get_by_text("Held against 14 other runs of K8s").wait_for()
    assert "no samples of host" not in sound.locator("#findings").inner_text()
    assert store.simulation("5", EXPERIMENT).validity.verdict is Verdict.UNCHECKED


def test_a_control_is_reached_and_used_by_keyboard(sizes, visited):
    page = visited(f"{sizes[0]}/compare?experiment=sizes+%26+more&factor=nodes.per+%24rack")
    page.wait_for_selector("#compare-metric[tabindex='0']")
    page.focus("#compare-experiment")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "compare-metric"
    page.keyboard.press("Enter")
    unfolded = page.locator(".dash-dropdown-content[aria-label=Metric]")
    unfolded.get_by_role("radiogroup", name="Metric").wait_for()
    # The list takes the focus, and each step is drawn, a moment after the key.
    for focused in ("cpu", "ram", "disk_util"):
        page.wait_for_function("value => document.activeElement.value === value", arg=focused)
        page.keyboard.press("ArrowDown" if focused != "disk_util" else "Enter")
    page.wait_for_url("**metric=disk_util*")
