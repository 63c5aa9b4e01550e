"""Flame graphs in a report, in a real browser without a network."""

import pytest
from browsers import SIZES, draw_everything, near

from analysis import report
from ingest.profiling.perf import import_perf

pytestmark = pytest.mark.system

# The process is called like a platform: a click on it goes closer and chooses nothing.
LINES = ("one;main;read 60", "one;main;list;next 15", "one;main 5", "other;main 20")
BARS = "document.querySelectorAll('[data-chart=e0-flame-0-0-figure] .mark-rect path')"


@pytest.fixture
def profiled(store, tmp_path):
    """A report of two platforms with a profile each."""
    for platform in ("one", "two"):
        path = tmp_path / platform / "stacks.txt"
        path.parent.mkdir()
        deep = [f"deep;{';'.join(f'f{n}' for n in range(30))} {4 + len(platform)}"]
        wide = [f"wide;g{n} 1" for n in range(2000)] if platform == "two" else []
        path.write_text("\n".join([*LINES, *deep, *wide, ""]))
        import_perf(store, [path])
    return report.write(store, tmp_path / "report.html").path


def width(page, function):
    """Pixels of the widest bar of a function."""
    return page.evaluate(
        f"""(name) => Math.max(0, ...[...{BARS}]
            .filter((bar) => bar.ariaLabel.includes(`Function: ${{name}};`))
            .map((bar) => bar.getBoundingClientRect().width))""",
        function,
    )


@pytest.mark.parametrize("size", SIZES)
def test_flames_are_drawn_in_the_room_that_there_is(opened, profiled, size):
    page = opened(profiled, size, scheme="dark" if size == "tablet" else "light")
    draw_everything(page)
    states = page.evaluate(
        "[...document.querySelectorAll('[data-chart]')].map(b => b.dataset.state)"
    )
    assert set(states) == {"drawn"}
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size][0]
    room = near(page, "flame-0-0").bounding_box()["width"]
    assert 0.8 * min(room, 900) < width(page, "all") <= room
    # A share of the room, and names where they fit.
    assert width(page, "read") == pytest.approx(width(page, "all") * 60 / 107, abs=2)
    assert near(page, "flame-0-0").locator("svg text", has_text="read").count() == 1


def test_a_click_goes_closer_and_a_double_click_back(opened, profiled):
    page = opened(profiled)
    box = near(page, "flame-0-0")
    whole = width(page, "all")
    before = width(page, "list")
    assert before < whole / 5
    bar = box.locator(".mark-rect path[aria-label*='Function: list;']")
    bar.hover()
    tip = page.locator("[data-tip]")
    tip.wait_for()
    assert "list" in tip.inner_text()
    assert "14.02%" in tip.inner_text()
    bar.click()
    page.wait_for_function(
        f"""[...{BARS}].some((bar) => bar.ariaLabel.includes('Function: list;')
            && bar.getBoundingClientRect().width > {whole - 2})"""
    )
    box.locator(".mark-rect path[aria-label*='Function: list;']").dblclick()
    page.wait_for_function(
        f"""[...{BARS}].every((bar) => !bar.ariaLabel.includes('Function: list;')
            || bar.getBoundingClientRect().width < {before + 2})"""
    )
    box.locator(".mark-rect path[aria-label*='Function: one;']").click()
    page.wait_for_function(
        f"""[...{BARS}].some((bar) => bar.ariaLabel.includes('Function: one;')
            && bar.getBoundingClientRect().width > {whole - 2})"""
    )
    assert page.locator("[data-platform][aria-pressed=true]").count() == 0


def test_a_wide_profile_is_drawn_soon_with_a_bounded_number_of_bars(opened, profiled):
    page = opened(profiled)
    drawn = near(page, "flame-0-1").locator(".mark-rect path").count()
    assert 30 < drawn <= 600
    assert page.evaluate("performance.now()") < 15_000
    label = page.locator("#e0-flame-0-1-figure [role=img]").get_attribute("aria-label")
    assert "Where samples come from on two. flame graph of" in label
    assert "The numbers are in Table" in label
    assert profiled.stat().st_size < 1_400_000
