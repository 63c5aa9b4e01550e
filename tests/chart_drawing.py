"""Frames to draw, and what a real renderer makes of a chart."""

import os
import tempfile
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import vl_convert

HOSTILE = "</script><script>alert('1')</script>"


def samples(runs=("1", "2"), hosts=("m", "w"), dimensions=("utilization",), **columns):
    """A tidy frame: a sine over 40 samples of each run, host and dimension."""
    times = np.arange(40) * 5.0
    parts = [
        pd.DataFrame(
            {
                "experiment": "e",
                "platform": "K8s",
                "sim_id": run,
                "hostname": host,
                "role": "master" if host == "m" else "worker",
                "phase": np.where(times < 100, "Start master", "Master idle"),
                "metric": "cpu",
                "dimension": dimension,
                "unit": "%",
                "elapsed_s": times,
                "value": 10 + 9 * np.sin(times + len(run) + place),
            }
        )
        for run in runs
        for host in hosts
        for place, dimension in enumerate(dimensions)
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def phases(bounds, **columns):
    """A frame of durations: name to start and end, the same in each of its runs."""
    runs = columns.pop("sim_id", ["1"])
    parts = [
        pd.DataFrame(
            {
                "experiment": "e",
                "sim_id": run,
                "platform": "K8s",
                "phase": list(bounds),
                "start_s": [float(start) for start, _ in bounds.values()],
                "end_s": [float(end) for _, end in bounds.values()],
                "duration_s": [float(end - start) for start, end in bounds.values()],
            }
        )
        for run in runs
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def drawn(chart):
    """The chart as SVG, parsed. Its specification is valid, and Vega-Lite has no remark on it."""
    spec = chart.to_dict()
    with tempfile.TemporaryFile("w+") as told:
        before = os.dup(2)
        os.dup2(told.fileno(), 2)  # the renderer is no Python: it writes to the descriptor
        try:
            svg = vl_convert.vegalite_to_svg(spec, show_warnings=True)
        finally:
            os.dup2(before, 2)
            os.close(before)
        told.seek(0)
        remarks = told.read()
    assert remarks == "", remarks
    return ET.fromstring(svg)


def marks(svg, kind):
    """The items of a kind of mark: line, rect, symbol, rule, area."""
    groups = [g for g in svg.iter() if f"mark-{kind}" in (g.get("class") or "")]
    here = [g for g in groups if "role-mark" in g.get("class")]
    return [item for g in here for item in g if item.get("d") or item.tag.endswith("line")]


def data(chart):
    """The records of a chart, wherever it keeps them."""
    datasets = chart.to_dict()["datasets"].values()
    return max(datasets, key=lambda records: len(str(records)))


def texts(svg):
    """Everything that is written in the picture."""
    return [e.text for e in svg.iter() if e.tag.endswith(("text", "tspan")) and e.text]
