"""The report and saved charts in a real browser without a network: what is drawn, and on paper."""

import re
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest
from browsers import SIZES, draw_everything, near
from runs import run

from analysis import charts, durations, report, utilization

pytestmark = pytest.mark.system

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
FIGURES = 35
PAPER_INCHES = (8.27, 11.69)


def marks(page):
    """For each chart of the page its state, and how many drawn marks and how much text it has."""
    return page.evaluate(
        """[...document.querySelectorAll('[data-chart]')].map((box) => {
            const drawn = [...box.querySelectorAll('svg .role-mark path, svg .role-mark line')];
            const size = box.querySelector('svg').getBoundingClientRect();
            return {
                name: box.dataset.chart, state: box.dataset.state,
                marks: drawn.filter((m) => m.getBoundingClientRect().width > 0).length,
                words: box.querySelectorAll('svg text').length,
                width: size.width, height: size.height,
                described: box.closest('[role=img]').ariaLabel,
            };
        })"""
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_chart_is_drawn(opened, study_report, size):
    page = opened(study_report, size, scheme="dark" if size == "tablet" else "light")
    draw_everything(page)
    found = marks(page)
    assert len(found) == FIGURES
    for chart in found:
        assert chart["state"] == "drawn", chart
        assert chart["marks"] > 5, chart
        assert chart["words"] > 10, chart
        assert chart["width"] > 200, chart
        assert chart["height"] > 150, chart
        assert re.match(r"Figure \d+: .{20}", chart["described"]), chart
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size][0]


def test_the_first_screen_is_soon_there(opened, study_report):
    page = opened(study_report)
    page.wait_for_selector("[data-chart=e0-ratios-figure][data-state=drawn]")
    assert page.evaluate("performance.now()") < 15_000
    claims = page.locator("#e0-findings .claims li:visible")
    assert claims.first.bounding_box()["y"] < 400
    assert claims.count() >= 8
    assert "mK8s takes" in claims.first.inner_text()


def drawn_unseen(page):
    """Waits until all that is shown and not folded is drawn, with nobody scrolling; its states."""
    page.wait_for_function(
        """[...document.querySelectorAll('[data-chart]')].every(
            (box) => Boolean(box.dataset.state) === box.checkVisibility())"""
    )
    return set(
        page.evaluate("[...document.querySelectorAll('[data-state]')].map((b) => b.dataset.state)")
    )


def test_the_rest_is_drawn_while_the_reader_rests(opened, study_report):
    page = opened(study_report)
    assert drawn_unseen(page) == {"drawn"}
    before = page.evaluate("document.documentElement.scrollHeight")
    # What follows a choice follows it where nobody looks, too.
    page.locator(".chip", has_text="K8s").first.click()
    assert drawn_unseen(page) == {"drawn"}
    faint = "document.querySelector('[data-chart=e0-cpu-0-figure] svg').innerHTML"
    one_platform = page.evaluate(faint)
    page.locator(".chip", has_text="K8s").first.click()
    assert drawn_unseen(page) == {"drawn"}
    assert page.evaluate(faint) != one_platform
    assert abs(page.evaluate("document.documentElement.scrollHeight") - before) <= 2


def test_charts_are_drawn_for_a_dark_page_and_follow_it(opened, study_report):
    page = opened(study_report, scheme="dark")
    box = near(page, "durations")

    def background():
        return box.locator("svg").evaluate("(svg) => svg.style.backgroundColor")

    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(20, 24, 29)"
    assert background() == paper
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "document.querySelector('[data-chart=e0-durations-figure] svg').style.backgroundColor"
        " === 'rgb(255, 255, 255)'"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def paper(browser, study_report, tmp_path_factory):
    """The report as a PDF, printed by somebody whose screen is dark."""
    context = browser.new_context(color_scheme="dark", offline=True)
    page = context.new_page()
    page.goto(study_report.as_uri())
    path = tmp_path_factory.mktemp("paper") / "report.pdf"
    page.pdf(path=path, format="A4")
    states = page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].filter((b) => b.dataset.state).length"
    )
    folds = page.locator("details[data-paper][open]").count()
    context.close()
    assert folds == 0, "what was opened for paper is closed again"
    assert states < FIGURES, "and what nobody looked at is forgotten"
    return path


def test_paper_holds_every_chart_and_what_is_folded(paper):
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext: install the package poppler-utils")
    read = subprocess.run(
        ["pdftotext", "-layout", paper, "-"], capture_output=True, text=True, check=True
    ).stdout
    for number in range(1, FIGURES + 1):
        assert re.search(rf"^\s*Figure {number}\b", read, re.MULTILINE), number
        assert f"How Figure {number} was made" in read, number
    # Text of charts: every run of the figure of each run and host.
    for sim_id in (1000, 3076, 5025):
        assert read.count(str(sim_id)) > 1
    assert "Durations in seconds, over runs" in read
    assert "What the check found" in read
    # No controls, nothing that repeats what the tables say.
    assert "Copy as CSV" not in read
    assert "Save PNG" not in read
    assert "all sentences of the comparison" not in read
    assert "Every phase" not in read


def test_heads_of_tables_repeat_and_no_page_is_almost_empty(paper):
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext: install the package poppler-utils")
    read = subprocess.run(
        ["pdftotext", "-layout", paper, "-"], capture_output=True, text=True, check=True
    ).stdout
    pages = [page for page in read.split("\f") if page.strip()]
    rows = [[line for line in page.splitlines() if line.strip()] for page in pages]
    assert min(map(len, rows[:-1])) > 10
    # The list of runs goes over several pages; each begins with its heads.
    of_runs = [page for page in pages if len(re.findall(r"202\d, \d\d:\d\d UTC", page)) > 15]
    assert len(of_runs) > 1
    for page in of_runs:
        assert re.search(r"Simulation\s+Platform\s+Start\s+Length\s+Samples\s+Verdict", page)


def test_paper_is_light_and_charts_are_on_it(paper, tmp_path):
    if shutil.which("pdftoppm") is None:
        pytest.skip("no pdftoppm: install the package poppler-utils")
    subprocess.run(["pdftoppm", "-r", "30", paper, tmp_path / "p"], check=True)
    pages = sorted(tmp_path.glob("p-*.ppm"))
    assert 20 < len(pages) < 90
    coloured = 0
    for path in pages:
        header, _, pixels = path.read_bytes().partition(b"\n255\n")
        width, height = map(int, header.split()[1:3])
        assert abs(width / height - PAPER_INCHES[0] / PAPER_INCHES[1]) < 0.01
        points = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 3).astype(int)
        assert (points.min(axis=1) > 240).mean() > 0.6, path.name
        coloured += (points.max(axis=1) - points.min(axis=1) > 60).sum() > 200
    assert coloured > 15


def test_simulated_data_are_seen_to_be_so(opened, study_report):
    page = opened(study_report)
    label = page.locator("p.simulated strong")
    assert label.inner_text() == "Simulated data (seed 1)"
    assert label.bounding_box()["y"] < 300
    captions = page.locator("figcaption .note").all_text_contents()
    assert len(captions) == FIGURES
    assert all(text.startswith("Simulated data.") for text in captions)


def test_hostile_names_do_nothing(opened, store, tmp_path):
    for n in range(4):
        store.put(
            *run(
                f"{HOSTILE}{n}",
                platform=f"{HOSTILE}{n % 2}",
                experiment=HOSTILE,
                hosts=[HOSTILE, "b"],
                metrics=["cpu"],
            )
        )
    page = opened(report.write(store, tmp_path / "report.html").path, "phone")
    draw_everything(page)
    page.locator(".chip").first.click()
    assert drawn_unseen(page) == {"drawn"}
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("h1").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES["phone"][0]


def test_headings_are_in_order_and_links_lead_somewhere(opened, study_report):
    page = opened(study_report)
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    lost = page.evaluate(
        "[...document.querySelectorAll('a')].filter((a) => !document.getElementById("
        "decodeURIComponent(a.hash.slice(1)))).map((a) => a.hash)"
    )
    assert lost == []


def test_a_link_into_a_fold_opens_it(opened, study_report):
    page = opened(study_report)
    near(page, "durations")
    figure = page.locator("#e0-durations-figure")
    figure.get_by_role("link").click()
    table = page.locator("#e0-duration-table")
    table.wait_for(state="visible")
    assert page.evaluate("location.hash") == "#e0-duration-table"
    assert 0 <= table.bounding_box()["y"] < 500
    table.get_by_role("link", name="Figure").click()
    page.wait_for_function("location.hash === '#e0-durations-figure'")


def test_a_saved_chart_is_drawn(opened, study_store, tmp_path):
    chart = charts.facet(
        utilization(study_store, "cpu", platform="K3s"),
        phases=durations(study_store, platform="K3s"),
        simulated=True,
    )
    page = opened(charts.save(chart, tmp_path / "chart.html"))
    page.wait_for_selector("svg .mark-line path")
    assert page.locator("svg .mark-line.role-mark path").count() == 25 * 4
