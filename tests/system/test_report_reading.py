"""The report as its reader uses it: choose, sort, filter, copy, hover, brush, save; no mouse."""

import csv
import io
import json
import re
from importlib.resources import files

import pytest
from browsers import at_rest, near

pytestmark = pytest.mark.system

CHOICE = "form.choice"


def chip(page, name):
    return page.locator(f"{CHOICE} .chip").filter(has_text=re.compile(rf"^{name}$"))


def opacities(box, scope):
    """Of the drawn marks of a chart, by the platform (or pair) that they stand for."""
    found = box.evaluate(
        """(box, scope) => {
            const found = {};
            for (const path of box.querySelectorAll('svg .role-mark path')) {
                const { datum, opacity } = path.__data__;
                if (datum?.[scope]) (found[datum[scope]] ??= []).push(opacity);
            }
            return found;
        }""",
        scope,
    )
    return {name: (min(values), max(values)) for name, values in found.items()}


def visible(page, table):
    return page.locator(f"#{table} tbody tr:not([hidden])").count()


def unfold(page, table):
    page.evaluate("(id) => { document.getElementById(id).closest('details').open = true }", table)
    found = page.locator(f"#{table}")
    found.scroll_into_view_if_needed()
    at_rest(page)
    return found


def test_a_chosen_platform_is_followed_by_everything(opened, study_report):
    page = opened(study_report)
    unfold(page, "e0-duration-table")
    assert visible(page, "e0-duration-table") == 36
    chip(page, "K3s").click()
    assert chip(page, "K3s").get_attribute("aria-pressed") == "true"
    page.wait_for_selector("[data-said]:text('Shown: K3s')", state="attached")
    assert visible(page, "e0-duration-table") == 12
    faint = opacities(near(page, "durations"), "platform")
    assert faint["K3s"][0] > 0.4
    assert faint["mK8s"][1] < 0.2
    pairs = opacities(near(page, "duration-differences-0"), "pair")
    assert pairs["K8s − K3s"][0] == 1
    assert pairs["mK8s − K8s"][1] < 0.2
    # Columns of others go too, and sentences that are not about it.
    heads = page.locator("#e0-took thead th:visible").all_inner_texts()
    assert [head.split()[0] for head in heads] == ["Phase", "K3s"]
    claims = page.locator("#e0-findings .claims li:visible").all_inner_texts()
    assert claims
    assert all("K3s" in claim for claim in claims)
    assert page.locator("[data-shown]").inner_text().startswith("Shown: K3s.")
    # What is drawn later follows as well.
    assert opacities(near(page, "cpu-0"), "platform")["K8s"][1] < 0.2
    # Two platforms: what is about these two only.
    chip(page, "mK8s").click()
    assert visible(page, "e0-duration-table") == 24
    claims = page.locator("#e0-findings .claims li:visible").all_inner_texts()
    assert all("K8s takes 122" not in claim for claim in claims)
    page.get_by_role("button", name="Show everything").click()
    assert visible(page, "e0-duration-table") == 36
    assert opacities(near(page, "durations"), "platform")["K8s"][0] > 0.4
    assert page.locator("[data-shown]").is_hidden()


def test_a_chosen_phase_is_followed_by_everything(opened, study_report):
    page = opened(study_report)
    box = near(page, "durations")
    course = near(page, "cpu-course")
    box.scroll_into_view_if_needed()
    page.select_option("#phase", "Add workers")
    page.wait_for_function(
        "document.querySelectorAll('[data-chart=e0-durations-figure] .role-title-text').length"
        " === 1"
    )
    unfold(page, "e0-duration-table")
    assert visible(page, "e0-duration-table") == 3
    fields = page.locator("#e0-cpu-course-figure input").all()
    low, high = (float(field.input_value()) for field in fields)
    assert 550 < low < 660
    assert 720 < high < 800
    ticks = course.locator("svg .role-axis-label text")
    ticks.filter(has_text=re.compile("^700$")).wait_for()
    assert "100" not in ticks.all_text_contents()
    page.select_option("#phase", "")
    page.wait_for_function(
        "document.querySelectorAll('[data-chart=e0-durations-figure] .role-title-text').length"
        " === 12"
    )
    assert page.locator("#e0-cpu-course-figure input").first.input_value() == ""


def test_a_phase_fades_all_others_and_nothing_where_it_is_not(opened, study_report):
    page = opened(study_report)
    page.select_option("#phase", "Start master")
    there = opacities(near(page, "timeline"), "what")
    assert there["Start master"][0] > 0.9
    for other in ("Add workers", "idle", "wait, no phase"):
        assert there[other][1] < 0.2, other
    # Of the whole run alone: nothing of it is in that phase.
    assert all(least > 0.9 for least, _ in opacities(near(page, "ratios"), "pair").values())
    # The phase alone, from its begin to its end.
    course = near(page, "cpu-aligned")
    course.locator("svg text", has_text="Start master, from its begin to its end").wait_for()
    assert course.locator("svg text", has_text="Add workers").count() == 0


def test_a_stretched_course_tells_phase_and_values(opened, study_report):
    page = opened(study_report)
    box = near(page, "cpu-aligned")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] * 0.55)
    tip = page.locator("[data-tip]")
    tip.wait_for()
    told = tip.inner_text()
    assert re.search(r"Phase\s+[A-Z][a-z ]+, \d+ %", told), told
    assert re.findall(r"m?K[38]s", told) == ["K3s", "K8s", "mK8s"]


def test_one_end_of_a_range_is_enough_and_both_may_be_turned_round(opened, study_report):
    page = opened(study_report)
    near(page, "cpu-course")
    begin, end = page.locator("#e0-cpu-course-figure input").all()

    def given(field, text):
        field.fill(text)
        field.press("Enter")
        return begin.input_value(), end.input_value()

    whole = page.locator("#e0-cpu-course-figure").get_by_role("button", name="whole run")
    assert given(begin, "500") == ("500", "")
    whole.wait_for()
    said = page.locator("[data-said]", has_text=re.compile("show 500 to 2[0-9.]+ seconds"))
    said.wait_for(state="attached")
    assert given(end, "100") == ("100", "500")
    given(begin, "")
    assert given(end, "") == ("", "")


def test_what_is_wider_than_a_phone_says_so(opened, study_report):
    page = opened(study_report, "phone")
    near(page, "cpu-aligned")
    place = page.locator("#e0-cpu-aligned-figure .scroll[tabindex]")
    place.wait_for()
    told = place.evaluate("(element) => getComputedStyle(element, '::before').content")
    assert "scroll sideways" in told


def test_names_in_charts_can_be_clicked(opened, study_report):
    page = opened(study_report)
    box = near(page, "cpu-0")
    box.locator("svg text").filter(has_text=re.compile("^mK8s$")).first.click()
    assert chip(page, "mK8s").get_attribute("aria-pressed") == "true"
    box.locator("svg text").filter(has_text="Master idle").first.click()
    assert page.input_value("#phase") == "Master idle"
    page.get_by_role("button", name="Show everything").click()
    course = near(page, "cpu-course")
    course.locator("svg .role-legend-label text").filter(has_text="K3s").click()
    assert chip(page, "K3s").get_attribute("aria-pressed") == "true"


def test_hovering_tells_run_host_and_value(opened, study_report):
    page = opened(study_report)
    tip = page.locator("[data-tip]")
    # In this phase no dot is hidden by the mean.
    box = near(page, "durations")
    box.locator("svg .concat_5_layer_0_marks path").first.hover()
    assert re.search(r"Run\s*\d{4}", tip.inner_text())
    assert re.search(r"\bs\s*[\d.]+", tip.inner_text())
    page.locator("summary", has_text="CPU utilization on K8s").click()
    lines = near(page, "cpu-runs-1").locator("svg .mark-line.role-mark path")
    place = lines.first.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    found = dict(line.split("\n") for line in re.findall(r"[^\n]+\n[^\n]+", tip.inner_text()))
    assert found["Run"] == "1000"
    assert found["Host"] == "node-a"
    assert re.fullmatch(r"[\d.]+ %", found["Value"])
    page.mouse.move(5, 5)
    assert tip.is_hidden()


def test_a_brush_shows_a_part_of_the_time(opened, study_report):
    page = opened(study_report)
    course = near(page, "cpu-course")
    place = course.locator("svg").bounding_box()
    across = place["y"] + place["height"] / 2
    page.mouse.move(place["x"] + 300, across)
    page.mouse.down()
    page.mouse.move(place["x"] + 420, across, steps=4)
    page.mouse.move(place["x"] + 500, across + 8, steps=4)
    assert page.locator(".band:visible").count() == 1
    page.mouse.up()
    fields = page.locator("#e0-cpu-course-figure input")
    low, high = (float(field.input_value()) for field in fields.all())
    assert 300 < low < high < 1300
    # The other charts over time go along; a click that was a brush chooses nothing.
    assert page.locator("#e0-ram-course-figure input").first.input_value() == f"{low:g}"
    assert page.locator(".chip[aria-pressed=true]").count() == 0
    whole = page.locator("#e0-cpu-course-figure").get_by_role("button", name="whole run")
    whole.click()
    assert fields.first.input_value() == ""
    # By keyboard.
    fields.first.fill("100")
    fields.last.fill("400")
    fields.last.press("Enter")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart=e0-cpu-course-figure] .role-axis-label text')]"
        ".some((text) => text.textContent === '250' || text.textContent === '240')"
    )


def column(table, place):
    return table.locator(f"tbody tr:visible > :nth-child({place})").all_inner_texts()


def test_tables_are_sorted_by_click_and_by_keyboard(opened, study_report):
    page = opened(study_report)
    table = unfold(page, "e0-duration-table").locator("table")
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


def test_tables_are_filtered_and_copied(opened, study_report):
    page = opened(study_report, permissions=["clipboard-read", "clipboard-write"])
    table = unfold(page, "e0-duration-table")
    table.get_by_role("searchbox", name="Filter the rows of the table").fill("start K8S")
    # Words of any case, all of them, anywhere: mK8s has K8s in its name.
    assert column(table, 2) == ["K8s", "mK8s"]
    assert "2 of 36 rows" in table.inner_text()
    table.get_by_role(
        "button", name="Copy the table “Durations in seconds, over runs” as CSV"
    ).click()
    page.wait_for_selector("#e0-duration-table :text('Copied 2 of 36 rows')")
    rows = list(csv.DictReader(io.StringIO(page.evaluate("navigator.clipboard.readText()"))))
    assert [row["Platform"] for row in rows] == ["K8s", "mK8s"]
    assert rows[0]["Phase"] == "Start master"
    # Exact, not as shown.
    mean, low = float(rows[0]["Mean"]), float(rows[0]["95 % interval of the mean: low"])
    assert low < mean
    assert len(rows[0]["Mean"]) > 8


def test_without_a_clipboard_the_text_is_there_to_be_copied(opened, study_report):
    page = opened(study_report)
    page.evaluate("delete Navigator.prototype.clipboard; document.execCommand = () => false")
    table = unfold(page, "e0-duration-table")
    table.get_by_role("button", name="as CSV").click()
    area = table.get_by_role("textbox", name="The text, to be copied by hand")
    assert area.input_value().startswith("Phase,Platform,Runs,Mean,")
    assert area.evaluate("(area) => area === document.activeElement")


def test_a_figure_is_saved_for_a_paper(opened, study_report, tmp_path):
    page = opened(study_report, scheme="dark", accept_downloads=True)
    figure = page.locator("#e0-durations-figure")
    near(page, "durations")
    for kind in ("svg", "png"):
        with page.expect_download() as waiting:
            figure.get_by_role("button", name=f"as {kind.upper()}").click()
        waiting.value.save_as(tmp_path / f"figure.{kind}")
    svg = (tmp_path / "figure.svg").read_text()
    # Light, with the title that the page says beside it.
    assert "How long each phase took" in svg
    assert "Simulated data" in svg
    assert "#14181d" not in svg.lower()
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_everything_can_be_reached_without_a_mouse(opened, study_report):
    page = opened(study_report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    reached = []
    page.locator(f"{CHOICE} .chip").first.focus()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "[document.activeElement.tagName, document.activeElement.textContent.trim()]"
            )
        )
    assert ["BUTTON", "mK8s"] in reached
    assert ["SELECT"] in [name[:1] for name in reached]
    assert ["BUTTON", "Save SVG"] in reached
    page.locator(f"{CHOICE} .chip").first.focus()
    page.keyboard.press("Space")
    assert page.locator(".chip[aria-pressed=true]").count() == 1


def test_a_phone_keeps_the_choice_at_hand(opened, study_report):
    page = opened(study_report, "phone", has_touch=True)
    near(page, "cpu-0")
    place = page.locator(CHOICE).bounding_box()
    assert place["y"] == 0
    assert place["height"] < 70
    chip(page, "mK8s").tap()
    assert chip(page, "mK8s").get_attribute("aria-pressed") == "true"
    assert opacities(page.locator("[data-chart=e0-cpu-0-figure]"), "platform")["K3s"][1] < 0.2
    page.locator("summary", has_text="Contents").tap()
    page.get_by_role("link", name="RAM utilization").tap()
    page.wait_for_function("location.hash === '#e0-ram'")
    heading = page.get_by_role("heading", name="RAM utilization")
    assert place["height"] < heading.bounding_box()["y"] < 400


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_no_serious_fault(opened, study_report, size, scheme):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page = opened(study_report, size, scheme)
    near(page, "durations")
    near(page, "cpu-course")
    chip(page, "K3s").click()
    # One part of each kind: what is open, folded sentences and tables, findings, provenance.
    for part in ("findings", "duration", "quality"):
        page.evaluate(
            "(id) => document.querySelectorAll(`#${id} details`).forEach((f) => { f.open = true })",
            f"e0-{part}",
        )
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [
        (fault["id"], fault["help"], json.dumps([node["target"] for node in fault["nodes"][:4]]))
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
