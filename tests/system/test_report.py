"""The report and saved charts in a real browser without a network."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from runs import run

from analysis import charts, durations, report, utilization

pytestmark = pytest.mark.system

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
DRAW_WITHIN_MS = 20_000


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium: install the package chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser):
    """Opens a file; in the end nothing may have gone wrong in it."""
    contexts, wrong = [], []

    def request(route):
        if route.request.url.startswith("file:"):
            route.continue_()
        else:
            wrong.append(f"asked the network for {route.request.url[:200]}")
            route.abort()

    def open_file(path, size="desktop"):
        context = browser.new_context(viewport=SIZES[size], offline=True)
        contexts.append(context)
        context.route("**/*", request)
        page = context.new_page()
        page.set_default_timeout(DRAW_WITHIN_MS)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.goto(Path(path).as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def study_report(study_store, tmp_path_factory):
    return report.write(study_store, tmp_path_factory.mktemp("report") / "report.html").path


def draw_everything(page):
    """Unfold all, scroll through it as a reader does, and wait for the charts."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for chart in page.locator("[data-chart]").all():
        chart.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every((box) => box.dataset.state)"
    )


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
                described: box.querySelector('[role=graphics-document]')?.ariaLabel,
            };
        })"""
    )


@pytest.mark.parametrize("size", SIZES)
def test_every_chart_is_drawn(opened, study_report, size):
    page = opened(study_report, size)
    draw_everything(page)
    found = marks(page)
    assert len(found) == 12
    for chart in found:
        assert chart["state"] == "drawn", chart
        assert chart["marks"] > 10, chart
        assert chart["words"] > 10, chart
        assert chart["width"] > 200, chart
        assert chart["height"] > 200, chart
        assert chart["described"], chart
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == SIZES[size]["width"]


def test_only_what_is_near_is_drawn_at_first(opened, study_report):
    page = opened(study_report)
    page.wait_for_selector(".tiles")
    assert page.evaluate("document.querySelectorAll('[data-state]').length") < 6


def test_paper_shows_everything(opened, study_report):
    page = opened(study_report)
    page.pdf(format="A4")
    states = page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map((box) => box.dataset.state)"
    )
    assert states == ["drawn"] * 12
    assert page.locator("details.fold[open]").count() == 0


def test_simulated_data_are_seen_to_be_so(opened, study_report):
    page = opened(study_report)
    label = page.locator("p.simulated strong")
    assert label.inner_text() == "Simulated data (seed 1)"
    assert label.bounding_box()["y"] < 300
    page.locator("[data-chart=e0-durations-chart]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-chart=e0-durations-chart][data-state=drawn]")
    assert page.locator("[data-chart=e0-durations-chart] svg").get_by_text("Simulated").count()


def column(table, place):
    return table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()


def test_tables_are_sorted_by_click_and_by_keyboard(opened, study_report):
    page = opened(study_report)
    fold = page.locator("#e0-durations details.fold")
    fold.locator("summary").first.click()
    table = fold.locator("table")
    names = table.locator("thead th").all_inner_texts()
    place = next(n for n, name in enumerate(names, start=1) if name.startswith("Mean"))
    head = table.locator(f"thead th:nth-child({place})")
    as_written = column(table, 1)

    def means():
        return [float(text.replace(",", "")) for text in column(table, place)]

    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert means() == sorted(means())
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert means() == sorted(means(), reverse=True)
    first = table.locator("thead th").first
    first.get_by_role("button").press("Space")
    assert first.get_attribute("aria-sort") == "ascending"
    assert head.get_attribute("aria-sort") is None
    assert column(table, 1) == as_written, "phases are sorted as the study has them"


def test_headings_are_in_order_and_links_lead_somewhere(opened, study_report):
    page = opened(study_report)
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    lost = page.evaluate(
        "[...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash))"
        ".map((a) => a.hash)"
    )
    assert lost == []


def test_text_can_be_read(opened, study_report):
    page = opened(study_report)
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    faint = page.evaluate(
        """() => {
            const light = (rgb) => {
                const [r, g, b] = rgb.match(/[0-9.]+/g).map(Number).map((v) => v / 255)
                    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const behind = (element) => {
                for (let e = element; e; e = e.parentElement) {
                    const colour = getComputedStyle(e).backgroundColor;
                    if (!/, 0\\)$/.test(colour)) return colour;
                }
                return 'rgb(255, 255, 255)';
            };
            const faint = [];
            for (const element of document.querySelectorAll('body *:not(script)')) {
                const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
                if (!own || element.closest('svg')) continue;
                const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
                const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                if (contrast < 4.5) faint.push([element.tagName, element.textContent, contrast]);
            }
            return faint;
        }"""
    )
    assert faint == []


def test_hostile_names_do_nothing(opened, store, tmp_path):
    store.put(*run(HOSTILE, platform=HOSTILE, experiment=HOSTILE, hosts=[HOSTILE, "b"]))
    page = opened(report.write(store, tmp_path / "report.html").path, "phone")
    draw_everything(page)
    assert {chart["state"] for chart in marks(page)} == {"drawn"}
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("h1").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES["phone"]["width"]


def test_a_saved_chart_is_drawn(opened, study_store, tmp_path):
    chart = charts.facet(
        utilization(study_store, "cpu", platform="K3s"),
        phases=durations(study_store, platform="K3s"),
        simulated=True,
    )
    page = opened(charts.save(chart, tmp_path / "chart.html"))
    page.wait_for_selector("svg .mark-line path")
    assert page.locator("svg .mark-line.role-mark path").count() == 25 * 4
