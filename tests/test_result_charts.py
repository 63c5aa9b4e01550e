"""Charts of what was computed: differences, shares of variance, drift, autocorrelations."""

import numpy as np
import pandas as pd
import pytest
from chart_drawing import HOSTILE, data, drawn, marks, samples, texts

from analysis import charts, compare, utilization
from analysis.charting.forest import ratio_ticks
from analysis.comparing.order import drift as trends
from analysis.values import run_values
from analysis.variation.variances import variance
from minion.errors import InvalidData

FIGURES = {
    "metric": "cpu",
    "unit": "%",
    "dimension": "",
    "role": "all",
    "reason": "",
    "mean": 11.0,
    "mean_reference": 10.0,
    "difference": 1.0,
    "low": 0.5,
    "high": 1.5,
    "ratio": 1.1,
    "ratio_low": 1.05,
    "ratio_high": 1.15,
    "margin": None,
}


def pairs(*rows):
    """A frame of pairs, as `compare` gives it."""
    names = {"phase": "Cluster idle", "level": "mK8s", "reference": "K8s", "verdict": "different"}
    return pd.DataFrame([{**names, **FIGURES, **row} for row in rows])


# ---------------------------------------------------------------- differences


def test_a_pair_has_its_estimate_its_interval_and_its_verdict():
    frame = pairs(
        {},
        {"level": "K3s", "verdict": "equivalent", "difference": -0.1, "low": -0.2, "high": 0.2},
        {"phase": "Stop master", "verdict": "undecided", "low": -1.0, "high": 2.0},
    )
    chart = charts.differences(frame)
    svg = drawn(chart)
    rows = {(r["phase"], r["pair"]): r for r in data(chart)}
    first = rows["Cluster idle", "mK8s − K8s"]
    assert (first["middle"], first["low"], first["high"]) == (1.0, 0.5, 1.5)
    words = texts(svg)
    assert {"different", "equivalent", "undecided", "percentage points", "K3s − K8s"} <= set(words)
    looks = {(p.get("fill"), p.get("d")) for p in marks(svg, "symbol")}
    assert len(looks) == 3  # each verdict has a shape and a colour of its own
    assert len({d for _, d in looks}) == 3
    assert "#FFFFFF" in {fill for fill, _ in looks}  # what is undecided is hollow


def test_every_panel_shows_where_there_is_no_difference():
    chart = charts.differences(pairs({"low": 5.0, "difference": 6.0, "high": 7.0}))
    (panel,) = chart.to_dict()["concat"]
    low, high = panel["layer"][-1]["encoding"]["x"]["scale"]["domain"]
    assert low < 0
    assert high > 7
    assert len(marks(drawn(chart), "rule")) == 2


def test_margins_are_drawn_in_the_axis_own_terms():
    absolute = charts.differences(pairs({"margin": "0.5 points"}))
    (record,) = data(absolute)
    assert (record["inside"], record["outside"]) == (-0.5, 0.5)
    assert "ratio" not in texts(drawn(absolute))
    relative = charts.differences(pairs({"margin": "5%"}))
    (record,) = data(relative)
    assert (record["inside"], record["outside"]) == pytest.approx((0.95, 1.05))
    assert (record["middle"], record["low"], record["high"]) == (1.1, 1.05, 1.15)
    assert {"ratio", "mK8s / K8s"} <= set(texts(drawn(relative)))
    (record,) = data(charts.differences(pairs({"margin": "5%"}), relative=False))
    assert (record["inside"], record["outside"]) == (-0.5, 0.5)  # of the reference's mean, 10
    (record,) = data(charts.differences(pairs({"margin": "0.5 points"}), relative=True))
    assert (record["inside"], record["outside"]) == pytest.approx((0.95, 1.05))


def test_ratios_that_do_not_exist_are_left_out_and_counted():
    none = {"ratio": np.nan, "ratio_low": np.nan, "ratio_high": np.nan, "level": "K3s"}
    chart = charts.differences(pairs({}, none), relative=True)
    assert len(data(chart)) == 1
    assert "Left out, because a mean is not above zero: 1 pair" in texts(drawn(chart))
    with pytest.raises(InvalidData, match="no pair has a ratio"):
        charts.differences(pairs(none), relative=True)


def test_a_pair_without_an_interval_has_only_its_mark():
    chart = charts.differences(pairs({"low": np.nan, "high": np.nan, "verdict": "undecided"}))
    (record,) = data(chart)
    assert "low" not in record
    assert len(marks(drawn(chart), "rule")) == 1  # that of no difference


@pytest.mark.parametrize(
    ("low", "high"), [(0.5, 2.1), (0.95, 1.06), (0.999, 1.001), (0.01, 300), (1, 1.0001), (0.9, 9)]
)
def test_ratios_have_some_round_ticks(low, high):
    ticks = ratio_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)
    assert ticks == sorted(set(ticks))


def test_a_comparison_is_drawn_as_it_is(study_store):
    found = compare(study_store, "cpu", baseline="K8s", margin="5%")
    chart = charts.differences(found, simulated=True)
    whole = found.pairs[found.pairs["role"] == "all"]
    assert len(data(chart)) == len(whole) == 12 * 2
    by_verdict = pd.Series([r["verdict"] for r in data(chart)]).value_counts().to_dict()
    assert by_verdict == whole["verdict"].value_counts().to_dict()
    assert len(marks(drawn(chart), "symbol")) == 24
    assert charts.differences(found, role="master").to_dict()["title"]["text"].endswith(", master")


def test_several_metrics_have_a_block_each():
    frame = pairs({}, {"metric": "duration", "unit": "s", "difference": 40.0, "high": 50.0})
    assert {"s", "percentage points"} <= set(texts(drawn(charts.differences(frame))))
    # Of one phase they stand beside each other, of several below each other.
    panels = charts.differences(frame).to_dict()["concat"]
    assert [panel["title"]["text"] for panel in panels] == ["CPU utilization", "Duration"]
    more = pd.concat([frame, frame.assign(phase="Total simulation time")])
    blocks = charts.differences(more).to_dict()["vconcat"]
    assert [block["title"]["text"] for block in blocks] == ["CPU utilization", "Duration"]


def test_differences_that_cannot_be_drawn():
    with pytest.raises(InvalidData, match="the comparison has no pair"):
        charts.differences(pairs().reindex(columns=list(FIGURES)))
    with pytest.raises(InvalidData, match="no column 'verdict'"):
        charts.differences(pairs({}).drop(columns="verdict"))
    with pytest.raises(InvalidData, match="role 'worker'; there are: all"):
        charts.differences(pairs({}), role="worker")
    with pytest.raises(InvalidData, match="scales 'log'; there are: free, shared"):
        charts.differences(pairs({}), scales="log")


def test_names_of_levels_are_text():
    frame = pairs({"level": HOSTILE, "phase": "it's", "reason": "'\"\\"})
    assert len(marks(drawn(charts.differences(frame)), "symbol")) == 1


# ---------------------------------------------------------------- variances


def test_the_shares_of_a_bar_are_those_of_the_table(study_store):
    found = variance(study_store, "cpu")
    chart = charts.variances(found, simulated=True)
    records = {(r["phase"], r["role"]): r for r in data(chart)}
    for row in found.components.to_dict("records"):
        role = "all hosts" if row["role"] == "all" else row["role"]
        record = records[row["phase"], role]
        shares = dict(zip(record["part"], np.diff([0, *record["to"]]), strict=True))
        assert record["from"] == [0, *record["to"][:-1]]
        assert record["to"][-1] == pytest.approx(100, abs=0.01)
        if row["between_platforms_share"] > 0:
            wanted = pytest.approx(row["between_platforms_share"], abs=2e-3)
            assert shares["between platforms"] == wanted
    svg = drawn(chart)
    assert len(marks(svg, "rect")) == sum(len(r["part"]) for r in records.values())
    assert {"share of the variance, %", "all hosts", "master", "over time"} <= set(texts(svg))
    assert (
        charts.variances(found.components).to_dict()["title"]
        == charts.variances(found).to_dict()["title"]
    )


def test_each_dimension_has_its_bars(study_store):
    chart = charts.variances(variance(study_store, "net", phase="Cluster idle"))
    assert {"InOctets", "OutOctets"} <= set(texts(drawn(chart)))


def test_variances_that_cannot_be_drawn(study_store):
    table = variance(study_store, "duration").components
    assert len(data(charts.variances(table))) == 12
    with pytest.raises(InvalidData, match="no component of the variance is known"):
        charts.variances(table.iloc[:0])
    with pytest.raises(InvalidData, match="no column 'total'"):
        charts.variances(table.drop(columns="total"))
    still = table.assign(**{name: np.nan for name in table if name.endswith("_share")})
    with pytest.raises(InvalidData, match="no component"):
        charts.variances(still)
    names = [name for name in table if name.endswith("_share")]
    first = table["phase"] == "Start master"
    chart = charts.variances(table.assign(**{n: table[n].where(~first) for n in names}))
    assert any("nothing is known: Start master" in text for text in texts(drawn(chart)))


# ---------------------------------------------------------------- drift


def runs(n=12, slope=0.0, **columns):
    """One value per run, in turn of two platforms, and when they started."""
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "metric": "cpu",
            "phase": "Cluster idle",
            "platform": ["K8s", "K3s"] * (n // 2),
            "sim_id": [str(k) for k in range(n)],
            "value": 10 + slope * np.arange(n) + np.random.default_rng(5).normal(0, 0.1, n),
        }
    ).assign(**columns)
    starts = {("e", str(k)): 1e9 + 3600.0 * k for k in range(n)}
    return frame, starts


def test_runs_stand_in_the_order_of_their_starts():
    frame, starts = runs()
    shuffled = {run: -start for run, start in starts.items()}
    chart = charts.drift(frame, shuffled, unit="%")
    records = {r["platform"]: r for r in data(chart)}
    assert records["K3s"]["run"] == ["11", "9", "7", "5", "3", "1"]
    assert records["K3s"]["place"] == [1, 3, 5, 7, 9, 11]
    svg = drawn(chart)
    assert len(marks(svg, "symbol")) == 12
    assert {"order of the runs", "%", "Cluster idle"} <= set(texts(svg))


def test_a_share_of_a_whole_begins_at_0_and_values_have_their_unit():
    def begins_and_titles(chart):
        (panel,) = chart.to_dict()["concat"]
        dots, _ = panel["layer"]
        titles = [told["title"] for told in dots["encoding"]["tooltip"]]
        return dots["encoding"]["y"]["scale"]["domain"][0], titles

    frame, starts = runs()
    assert begins_and_titles(charts.drift(frame, starts, unit="%")) == (
        0,
        ["Run", "Platform", "Value, %"],
    )
    begin, titles = begins_and_titles(charts.drift(frame.assign(unit="s"), starts))
    assert 5 < begin < frame["value"].min()
    assert titles[-1] == "Value, s"
    assert begins_and_titles(charts.drift(frame, starts))[1][-1] == "Value"
    below = charts.drift(frame.assign(value=-frame["value"]), starts, unit="%")
    assert begins_and_titles(below)[0] < frame["value"].max() * -1


def test_the_line_has_the_slope_of_the_table_and_is_solid_where_it_is_certain():
    frame, starts = runs(n=20, slope=0.5)
    table = trends(frame, starts).set_index("platform")
    for record in data(charts.drift(frame, starts)):
        slope = table.loc[record["platform"], "slope"]
        assert record["slope"] == pytest.approx(slope, rel=1e-3)
        assert record["end"] - record["begin"] == pytest.approx(slope * 9, rel=1e-4)
        assert record["certain"]
    svg = drawn(charts.drift(frame, starts))
    assert {line.get("stroke-dasharray") for line in marks(svg, "rule")} == {"1,0"}
    frame, starts = runs()
    assert not any(record["certain"] for record in data(charts.drift(frame, starts)))
    svg = drawn(charts.drift(frame, starts))
    assert {line.get("stroke-dasharray") for line in marks(svg, "rule")} == {"4,3"}


def test_one_run_has_no_line():
    frame, starts = runs(n=2)
    svg = drawn(charts.drift(frame, starts))
    assert marks(svg, "rule") == []
    assert "Dot: a run; too few for a line" in texts(svg)


def test_drifts_that_cannot_be_drawn():
    frame, starts = runs()
    with pytest.raises(InvalidData, match="the start of run 0 in e and 11 more is not known"):
        charts.drift(frame, {})
    with pytest.raises(InvalidData, match="nothing to draw"):
        charts.drift(frame.assign(value=np.nan), starts)
    with pytest.raises(InvalidData, match="role 'worker'; there are: all"):
        charts.drift(frame.assign(role="all"), starts, role="worker")
    with pytest.raises(InvalidData, match="no column 'phase'"):
        charts.drift(frame.drop(columns="phase"), starts)


def test_the_drift_of_the_study(study_store):
    values = run_values(utilization(study_store, "cpu"), whole_run=True).assign(metric="cpu")
    names = ["experiment", "sim_id"]
    known = list(values[names].astype(str).drop_duplicates().itertuples(index=False, name=None))
    starts = {run: float(place) for place, run in enumerate(known)}
    chart = charts.drift(values, starts, unit="%", simulated=True)
    assert len(marks(drawn(chart), "symbol")) == 75 * 12
    assert len(str(chart.to_dict())) < 120_000


# ---------------------------------------------------------------- autocorrelation


def remembering(correlation, n=4000, **columns):
    """One long series whose neighbours correlate, in one phase."""
    noise = np.random.default_rng(7).normal(size=n)
    value = np.empty(n)
    value[0] = noise[0]
    for k in range(1, n):
        value[k] = correlation * value[k - 1] + noise[k]
    row = samples(runs=["1"], hosts=["m"]).iloc[[0]]
    frame = row.loc[row.index.repeat(n)].reset_index(drop=True)
    return frame.assign(value=value, elapsed_s=np.arange(n) * 5.0, **columns)


def test_autocorrelations_are_those_of_the_process():
    # r(k) of an autoregression is 0.6^k; from 4,000 samples it is known to about 0.03 (Bartlett).
    (record,) = data(charts.autocorrelation(remembering(0.6), lags=5))
    assert record["lag"] == [1, 2, 3, 4, 5]
    assert record["mean"] == pytest.approx(0.6 ** np.arange(1, 6), abs=0.09)


def test_the_band_of_noise_is_that_of_one_series():
    frame = remembering(0.0, n=400)
    (record,) = data(charts.autocorrelation(frame, lags=24))
    band = 1.96 / np.sqrt(400)
    # 24 lags of noise: more than 4 outside has a probability below 1 % (binomial, 5 %).
    assert sum(abs(r) > band for r in record["mean"]) <= 4
    svg = drawn(charts.autocorrelation(frame))
    (grey,) = [p for p in marks(svg, "rect") if p.get("fill") == "#DDE2E8"]
    height = float(grey.get("d").split("v")[1].split("h")[0])
    low, high = charts.autocorrelation(frame).to_dict()["spec"]["layer"][1]["encoding"]["y"][
        "scale"
    ]["domain"]
    assert height / 96 * (high - low) == pytest.approx(2 * band, rel=0.01)


def test_a_gap_in_time_is_no_neighbour():
    # Of every second sample in the second half no neighbour is left: were they taken for
    # neighbours, their correlation of 0.36 would draw the 0.6 of the first half down.
    frame = remembering(0.6)
    thinned = frame.iloc[np.r_[0:2000, 2000:4000:2]]
    (record,) = data(charts.autocorrelation(thinned, lags=1))
    close = data(charts.autocorrelation(thinned.assign(elapsed_s=np.arange(3000.0)), lags=1))
    assert record["mean"][0] == pytest.approx(0.6, abs=0.07)
    assert close[0]["mean"][0] < 0.55


def test_a_panel_for_each_platform_and_role_or_host():
    frame = pd.concat([samples(hosts=["m", "w", "x"]), samples(platform="K3s", runs=["7"])])
    svg = drawn(charts.autocorrelation(frame, phase="Start master"))
    assert {"master", "worker", "K3s", "K8s", "lag in s"} <= set(texts(svg))
    by_host = charts.autocorrelation(frame, phase="Start master", by="hostname")
    assert by_host.to_dict()["facet"]["row"]["sort"] == ["m (master)", "w (worker)", "x (worker)"]
    assert "x (worker)" in texts(drawn(by_host))
    both = samples(dimensions=["in", "out"], metric="net")
    assert {"master, in", "worker, out"} <= set(texts(drawn(charts.autocorrelation(both))))


def test_autocorrelations_that_cannot_be_drawn():
    frame = samples()
    with pytest.raises(InvalidData, match="phase 'Lunch'; there are: Start master, Master idle"):
        charts.autocorrelation(frame, phase="Lunch")
    with pytest.raises(InvalidData, match="no series has 8 samples that vary"):
        charts.autocorrelation(frame.assign(value=1.0))
    with pytest.raises(InvalidData, match="0 lags; give at least 1"):
        charts.autocorrelation(frame, lags=0)
    with pytest.raises(InvalidData, match="by 'run'; there are: role, hostname"):
        charts.autocorrelation(frame, by="run")
    few = frame[frame["elapsed_s"] < 45]
    (record, _) = data(charts.autocorrelation(few, lags=24))
    assert len(record["lag"]) == 8
    hostile = samples(hosts=[HOSTILE], platform="it's")
    assert marks(drawn(charts.autocorrelation(hostile, by="hostname")), "rect")


def test_a_difference_is_told_with_its_unit_in_four_digits():
    frame = pairs({"low": 5.0, "difference": 6.0, "high": 7.0})
    told = [
        tip
        for panel in charts.differences(frame, relative=False).to_dict()["concat"]
        for layer in panel["layer"]
        for tip in layer["encoding"].get("tooltip", [])
    ]
    formats = {tip["title"]: tip.get("format") for tip in told}
    assert formats["Difference, percentage points"] == formats["from"] == ",.4~g"
