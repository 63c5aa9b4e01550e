"""Which rows an agent gives of the window that it is asked for: netdata 1.37's rules."""

from collections.abc import Mapping
from typing import NamedTuple

MOST_ROWS = 86_400  # of an answer; more are averaged
RELATIVE_S = 3 * 365 * 86_400  # a smaller `after` or `before` is no time but a distance
DEFAULT_S = 600  # how far back a window goes that says nothing


class Span(NamedTuple):
    """Times of the oldest and the newest sample of a chart."""

    first: int
    last: int


class Window(NamedTuple):
    """Rows of an answer: at `last` and every `group` samples before it, from `first` on."""

    first: int
    last: int
    group: int


def ends(asked: Mapping[str, str], span: Span, newest: int) -> tuple[int, int]:
    """The window that is asked for, from its `after` to its `before`, out of the future.

    Args:
        asked: the question's parameters.
        span: of the chart; what a window hangs on that has no ends.
        newest: the second that an agent answers up to. A window that reaches beyond it is moved
            back as a whole.
    """
    after, before = whole(asked.get("after")), whole(asked.get("before"))
    before = before or span.last
    if abs(before) <= RELATIVE_S:
        before = newest - abs(before)
    if after == 0:
        after = span.first if "after" in asked else -DEFAULT_S
    if abs(after) <= RELATIVE_S:
        after = before - abs(after) + 1
    if after > before:
        after, before = before, after
    shift = max(0, before - newest)
    return after - shift, before - shift


def window(after: int, before: int, points: int, step: int) -> Window:
    """The rows of a window: counted back from its end, both ends on the grid of the step.

    Args:
        after, before: see `ends`.
        points: how many rows are wanted; 0 for all.
        step: seconds between samples.
    """
    after, before = after - after % step, before - before % step
    available = max(1, (before - after + 1) // step)
    wanted = min(abs(points) or available, available, MOST_ROWS)
    group = available // wanted
    if available % wanted > wanted // 2:
        group += 1
    if wanted * group * step < before - after:
        wanted = max(1, -(-available // group))
    before += -before % (group * step)
    return Window(before - (wanted * group - 1) * step, before, group)


def is_absolute(asked: Mapping[str, str]) -> bool:
    """Whether both ends of the window are times."""
    return all(abs(whole(asked.get(end))) > RELATIVE_S for end in ("after", "before"))


def is_natural(asked: Mapping[str, str]) -> bool:
    """Whether an agent keeps to its own samples without being told to."""
    return not (is_absolute(asked) and whole(asked.get("points")))


def whole(text: str | None) -> int:
    """A number as netdata reads it: 0 for what is none."""
    try:
        return int(text or 0)
    except ValueError:
        return 0
