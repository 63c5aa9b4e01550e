"""What is imported of the published study, held against R and the study's own rows."""

import io
import json
import random
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from kns_dumps import START, Study, write
from kns_importing import HOUR

from minion.model import Role

# ---------------------------------------------------------------- R, and the study itself

ORACLE = """
suppressPackageStartupMessages({library(dplyr); library(jsonlite)})
read <- function(name) stream_in(file(file.path(commandArgs(TRUE)[1], name)), verbose = FALSE)
simulations <- read("simulations.json"); hosts <- read("hosts.json")
events <- read("events.json"); metrics <- read("netdata_metrics.json")
decimals <- as.numeric(commandArgs(TRUE)[2])
take <- function(context, dimension) {
  bind_rows(lapply(seq_len(nrow(simulations)), function(i) {
    own <- hosts[hosts$simulation_id == simulations$`_id`$`$oid`[i], ]
    times <- events$timestamp[events$host_id %in% own$`_id`$`$oid`]
    metrics %>%
      filter(hostname %in% own$hostname, chart_context == context, id == dimension,
             timestamp > min(times), timestamp < max(times)) %>%
      transmute(sim_id = simulations$sim_id[i], hostname, value)
  }))
}
summarized <- function(frame) {
  frame %>% mutate(value = round(value, decimals)) %>% group_by(sim_id, hostname) %>%
    summarise(n = n(), min = min(value), max = max(value), median = median(value),
              q25 = quantile(value, 0.25, names = FALSE),
              q75 = quantile(value, 0.75, names = FALSE),
              mean = mean(value), sd = sd(value), .groups = "drop")
}
cpu <- take("system.cpu", "idle") %>% mutate(value = 100 - value)
ram <- take("system.ram", "used") %>% mutate(value = value / 3936 * 100)
disk_util <- take("disk.util", "utilization")
found <- lapply(list(cpu = cpu, ram = ram, disk_util = disk_util), summarized)
cat(toJSON(bind_rows(found, .id = "metric"), digits = NA))
"""

STATISTICS = ["min", "max", "median", "q25", "q75", "mean", "sd"]


@pytest.fixture(scope="module")
def in_r(tmp_path_factory):
    """What R's dplyr makes of a folder, with utilizations rounded to so many decimals."""
    if shutil.which("Rscript") is None:
        pytest.skip("no R: Rscript is not on the PATH")
    check = "quit(status = !all(sapply(c('dplyr', 'jsonlite'), requireNamespace, quietly = TRUE)))"
    if subprocess.run(["Rscript", "-e", check], capture_output=True, check=False).returncode:
        pytest.skip("R lacks dplyr or jsonlite")
    script = tmp_path_factory.mktemp("r") / "oracle.R"
    script.write_text(ORACLE)

    def call(folder, decimals):
        found = subprocess.run(
            ["Rscript", "--vanilla", script, folder, str(decimals)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return pd.DataFrame(json.loads(found.stdout)).sort_values(
            ["metric", "sim_id", "hostname"], ignore_index=True
        )

    return call


def test_summaries_are_those_of_r(minion_here, in_r, tmp_path):
    study = Study()
    everyone = ("m1", "w1", "w2")
    for number, (sim_id, last) in enumerate([("1000", 341), ("1001", 140), ("5000", 341)]):
        study.add_run(sim_id, start=START + number * HOUR, last=last)
        study.add_samples(random.Random(number), everyone, start=START + number * HOUR)
    random.Random(9).shuffle(study.netdata_metrics)
    folder = write(tmp_path / "d", study)
    status, _, err = minion_here("ingest", "kns", folder, "--experiment", "golden", "--ram", "3936")
    assert status == 0, err
    frames = []
    for metric in ("cpu", "disk_util", "ram"):
        options = "--by sim_id,hostname --experiment golden --include-excluded --format csv"
        status, out, err = minion_here("summary", metric, *options.split())
        assert status == 0, err
        frames.append(pd.read_csv(io.StringIO(out), dtype={"sim_id": str}).assign(metric=metric))
    ours = pd.concat(frames, ignore_index=True)
    assert len(ours) == 3 * 3 * 3
    keys = ["metric", "sim_id", "hostname", "n"]
    exact, rounded = in_r(folder, 12), in_r(folder, 4)
    pd.testing.assert_frame_equal(ours[keys], exact[keys])
    np.testing.assert_allclose(ours[STATISTICS], exact[STATISTICS], rtol=1e-9, atol=1e-11)
    # The study rounds each utilization before it summarizes; that may move the last decimal.
    distance = np.abs(ours[STATISTICS].round(4) - rounded[STATISTICS].round(4)).to_numpy()
    assert distance.max() < 1.01e-4
    assert (distance[:, :2] < 1e-9).all()


def test_the_published_rows_of_simulation_5000(minion_here, store, tmp_path, shared_data):
    kns = shared_data / "kns"
    study = Study()
    read = {name: pd.read_csv(kns / f"{name}.csv", dtype=str) for name in ("simulation", "hosts")}
    events = pd.read_csv(kns / "events.csv", keep_default_na=False)
    study.simulations = read["simulation"].to_dict("records")
    study.hosts = read["hosts"].to_dict("records")
    study.events = events.to_dict("records")
    published = pd.concat([pd.read_csv(path) for path in kns.glob("*first_sample*.csv")])
    families = {"system.cpu": "cpu", "system.ram": "ram", "disk_util.sda": "sda"}
    for row in published.itertuples():
        # The events are printed as whole seconds, one second after the first samples.
        study.add_chart(
            row.hostname,
            row.timestamp + 5,
            [(row.id, row.value)],
            row.chart_name,
            families[row.chart_name],
            row.units,
        )
    status, out, err = minion_here("ingest", "kns", write(tmp_path / "d", study), "--ram", "3936")
    assert status == 0, err
    assert "1 simulation, 18 of 18 samples" in out
    simulation = store.simulation("5000")
    assert simulation.source_id == "602a8bec3497ec051e827085"
    assert [h.role for h in simulation.hosts].count(Role.WORKER) == 3
    derived = pd.read_csv(kns / "published_derived_utilization.csv")
    for metric, quantity in (("cpu", "cpu_utilization_percent"), ("ram", "ram_utilization")):
        status, out, err = minion_here(
            "utilization", metric, "--include-excluded", "--format", "csv"
        )
        assert status == 0, err
        ours = pd.read_csv(io.StringIO(out)).set_index("hostname")["value"].round(4)
        theirs = derived[derived["quantity"].str.startswith(quantity)].set_index("hostname")
        assert list(ours.index) == ["uniba-dsg-h54"]
        assert ours.to_dict() == theirs["value"][ours.index].to_dict()
