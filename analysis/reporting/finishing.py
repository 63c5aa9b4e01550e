"""What is still done to a chart before it stands in the page."""

from collections.abc import Sequence

import pandas as pd

from analysis.reporting.workshop import Spec

PANELS = 3  # side by side on a wide page


def with_levels(spec: Spec, pairs: pd.DataFrame) -> Spec:
    """A forest plot whose records know the two platforms of their pair."""
    levels = {
        f"{level} {sign} {reference}": [level, reference]
        for level, reference in zip(pairs["level"], pairs["reference"], strict=True)
        for sign in ("−", "/")
    }
    for records in spec["datasets"].values():
        for record in records:
            if "pair" in record:
                record["of"] = levels[record["pair"]]
    return spec


def side_by_side(spec: Spec, names: Sequence[str]) -> Spec:
    """A chart of one panel for each quantity, its panels beside each other."""
    blocks = spec.pop("vconcat", None) or [spec]
    panels = []
    for block, name in zip(blocks, names, strict=True):
        (panel,) = block["concat"]
        panel["data"] = block.pop("data")
        panel["title"] = {**panel["title"], "text": name}
        panels.append(panel)
    spec |= {"concat": panels, "columns": PANELS, "spacing": {"row": 14, "column": 22}}
    return spec
