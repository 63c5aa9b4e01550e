"""The import of Inspektor Gadget's test of scaling, on small files, whole and broken."""

import shutil

import pytest
from gadget_files import MIB, small_test, write

from analysis.measurements import measurements
from ingest.observing.gadget import import_gadget
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.model import Measurement, Status, Verdict


@pytest.fixture
def folder(tmp_path):
    return small_test(tmp_path / "test-7")


def values(store, sim_id, measurement):
    """What a run has of a measurement, by host."""
    return {
        m.hostname: m.value for m in store.simulation(sim_id).measurements if m.name == measurement
    }


def test_a_run_for_each_number_of_nodes_and_iteration(store, folder):
    found = import_gadget(store, folder)
    assert (found.runs, found.new, found.samples) == (6, 6, 0)
    runs = store.simulations()
    assert [run.sim_id for run in runs] == [
        f"test-7/{nodes}-nodes/{iteration}" for nodes in (2, 4) for iteration in (1, 2, 3)
    ]
    assert {(run.experiment, run.platform, run.status) for run in runs} == {
        ("gadget", "test-7", Status.COMPLETE)
    }
    assert [dict(run.parameters) for run in runs[2:4]] == [
        {"nodes": 2, "iteration": 3},
        {"nodes": 4, "iteration": 1},
    ]
    assert not any(run.events for run in runs)


def test_what_each_node_and_the_observer_counted(store, folder):
    import_gadget(store, folder)
    assert store.simulation("test-7/2-nodes/1").measurements == (
        Measurement(name="exec generated", value=10, unit="events", hostname="node-1"),
        Measurement(name="exec generated", value=20, unit="events", hostname="node-2"),
        Measurement(name="cpu before", value=1000, unit="µs", hostname="node-1"),
        Measurement(name="cpu before", value=2000, unit="µs", hostname="node-2"),
        Measurement(name="cpu after", value=1001000, unit="µs", hostname="node-1"),
        Measurement(name="cpu after", value=2002000, unit="µs", hostname="node-2"),
        Measurement(name="memory", value=1, unit="MiB", hostname="node-1"),
        Measurement(name="memory", value=3, unit="MiB", hostname="node-2"),
        Measurement(name="cpu used", value=1, unit="s", hostname="node-1"),
        Measurement(name="cpu used", value=2, unit="s", hostname="node-2"),
        Measurement(name="exec seen", value=30, unit="events"),
        Measurement(name="exec capture ratio", value=1),
    )
    assert values(store, "test-7/4-nodes/2", "exec capture ratio") == {None: 41 / 80}


def test_a_failed_pod_is_missing_and_not_zero(store, folder):
    notes = import_gadget(store, folder).notes
    run = "test-7/4-nodes/3"
    assert values(store, run, "exec generated") == {"node-1": 10, "node-3": 20, "node-4": 30}
    assert values(store, run, "memory") == {"node-1": 1, "node-2": 2, "node-4": 3}
    assert values(store, run, "cpu used") == {"node-1": 1, "node-2": 3}
    assert values(store, run, "exec capture ratio") == {None: 29 / 60}
    validity = store.simulation(run).validity
    assert validity.verdict is Verdict.DOUBTFUL
    assert validity.reasons == (
        "no exec generated of 1 of 4 nodes: node-2",
        "no cpu after of 1 of 4 nodes: node-3",
        "no memory of 1 of 4 nodes: node-3",
        "no cpu used of node-4: the counter went back, so its pod began anew meanwhile",
    )
    assert notes == tuple(f"simulation {run}: {reason}" for reason in validity.reasons)
    verdicts = [s.validity.verdict for s in store.simulations() if s.sim_id != run]
    assert verdicts == [Verdict.UNCHECKED] * 5


def test_the_same_files_again_change_nothing(store, folder):
    import_gadget(store, folder)
    before = store.simulations()
    again = import_gadget(store, folder)
    assert (again.runs, again.new) == (6, 0)
    assert store.simulations() == before


def test_files_that_grew_bring_their_runs_up_to_date(store, folder):
    import_gadget(store, folder)
    with (folder / "memory-2-nodes.csv").open("a") as file:
        file.write(f"{MIB},{MIB},\n")
    found = import_gadget(store, folder)
    assert (found.runs, found.new) == (7, 1)
    assert values(store, "test-7/2-nodes/4", "memory") == {"node-1": 1, "node-2": 1}
    assert store.simulation("test-7/2-nodes/4").validity.reasons == (
        "no exec generated: the file ends after 3 iterations",
        "no cpu before: the file ends after 3 iterations",
        "no cpu after: the file ends after 3 iterations",
    )


def test_another_test_under_the_same_names_is_refused(store, folder):
    import_gadget(store, folder)
    before = store.simulations()
    write(folder, "memory", 2, [[MIB] * 2] * 4)
    message = "test-7/2-nodes/1 of experiment gadget .* its memory of node-2 is 3.0 MiB there; say"
    with pytest.raises(AlreadyExists, match=message):
        import_gadget(store, folder)
    assert store.simulations() == before


def test_a_file_that_is_not_there_is_told(store, folder):
    (folder / "cpu-before-4-nodes.csv").unlink()
    (folder / "exec-2-nodes.csv").unlink()
    import_gadget(store, folder)
    frame = measurements(store)
    assert "no cpu before: there is no such file" in str(
        store.simulation("test-7/4-nodes/1").validity.reasons
    )
    assert not ((frame["nodes"] == 4) & (frame["measurement"] == "cpu used")).any()
    assert not ((frame["nodes"] == 2) & (frame["measurement"] == "exec seen")).any()


def test_an_observer_without_a_count_and_nodes_without_an_event(store, tmp_path):
    write(tmp_path / "t", "exec", 2, [[1, 2, ""], [0, 0, 3], [None, None, 4]])
    import_gadget(store, tmp_path / "t")
    assert not values(store, "t/2-nodes/1", "exec seen")
    for sim_id in ("t/2-nodes/2", "t/2-nodes/3"):
        assert values(store, sim_id, "exec seen")
        assert not values(store, sim_id, "exec capture ratio")
        reasons = store.simulation(sim_id).validity.reasons
        assert "no exec capture ratio: no node reported an event" in reasons
    assert "no exec seen: the observer gave no count" in str(
        store.simulation("t/2-nodes/1").validity.reasons
    )


def test_platform_and_sim_say_what_runs_are_called(store, folder):
    import_gadget(store, folder, platform="gadget")
    import_gadget(store, folder, platform="gadget", sim="second", experiment="other")
    first, other = store.simulation("gadget/2-nodes/1"), store.simulation("second/2-nodes/1")
    assert (first.experiment, first.platform) == ("gadget", "gadget")
    assert (other.experiment, other.platform) == ("other", "gadget")


def test_a_folder_of_tests_has_one_platform_for_each(store, folder):
    shutil.copytree(folder, folder.parent / "test-8")
    found = import_gadget(store, folder.parent)
    assert found.runs == 12
    assert {run.platform for run in store.simulations()} == {"test-7", "test-8"}
    with pytest.raises(InvalidData, match=r"several tests \(test-7, test-8\); name one"):
        import_gadget(store, folder.parent, platform="gadget")


def test_a_folder_that_holds_one_test_is_looked_into(store, folder):
    import_gadget(store, folder.parent, platform="gadget")
    assert len(store.simulations()) == 6


def test_other_files_are_not_looked_at(store, folder):
    (folder / "exec-x-nodes.csv").write_text("no")
    (folder / "notes.txt").write_text("no")
    assert import_gadget(store, folder).runs == 6


def test_a_folder_that_is_called_like_a_file_is_none(store, folder):
    (folder / "exec-3-nodes.csv").mkdir()
    (folder / "memory-4-nodes.csv").unlink()
    (folder / "memory-4-nodes.csv").mkdir()
    imported = import_gadget(store, folder)
    assert imported.runs == 6
    assert sum("no memory: there is no such file" in note for note in imported.notes) == 3


def test_files_without_an_iteration_are_noted(store, tmp_path):
    folder = tmp_path / "one"
    for kind in ("exec", "memory"):
        write(folder, kind, 2, [])
    imported = import_gadget(store, folder)
    assert imported.runs == 0
    assert imported.notes == ("one: no iteration of 2 nodes behind the nodes' names",)


BROKEN = [
    ("node-1,node-2,gadget\n1,2,3\n4,5\n", "line 3: 2 cells, not 3; a pod that failed leaves"),
    ("node-1,node-2,gadget\n1,2,3\n1,x,3\n", "line 3, node-2: 'x' is no count"),
    ("node-1,node-2,gadget\n1,2,-3\n", "line 2, gadget: '-3' is no count; a number from 0 on"),
    ("node-1,node-2,gadget\nnan,2,3\n", "line 2, node-1: 'nan' is no count"),
    ("node-1,node-2,gadget\n1,2,3\n\n1,2,3\n", "line 3: 1 cells, not 3"),
    ("node-1,gadget\n1,3\n", "line 1: 2 names of nodes and gadget behind them are wanted"),
    ("node-1,node-2,\n1,2,3\n", "line 1: 2 names of nodes and gadget behind them are wanted"),
    ("node-1,node-1,gadget\n1,2,3\n", "line 1: a node stands twice"),
    ("\ufeff", "line 1: 2 names of nodes and gadget behind them are wanted"),
    ("node-1,node-2,gadget\n1,1_0,3\n", "line 2, node-2: '1_0' is no count"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_file_is_named_with_its_line_and_nothing_is_stored(store, folder, text, message):
    path = folder / "exec-2-nodes.csv"
    path.write_text(text)
    with pytest.raises(InvalidData) as error:
        import_gadget(store, folder)
    assert f"{path}, {message}" in str(error.value)
    assert "\n" not in str(error.value)
    assert not store.simulations()


def test_a_file_that_is_no_text_is_named(store, folder):
    path = folder / "memory-2-nodes.csv"
    path.write_bytes(b"node-1,node-2,\n\xff,1,\n")
    with pytest.raises(InvalidData, match=r"memory-2-nodes\.csv:2: this is not text in UTF-8"):
        import_gadget(store, folder)
    path.write_text("")
    with pytest.raises(InvalidData, match=r"memory-2-nodes\.csv is empty"):
        import_gadget(store, folder)


def test_a_value_behind_the_last_comma_belongs_to_nobody(store, folder):
    path = folder / "memory-2-nodes.csv"
    path.write_text("node-1,node-2,\n1,2,3\n")
    with pytest.raises(InvalidData, match="line 2: '3' belongs to no node"):
        import_gadget(store, folder)


def test_files_that_name_other_nodes_are_refused(store, folder):
    write(folder, "memory", 2, [[1, 2]], hostnames=["node-2", "node-1"])
    with pytest.raises(InvalidData, match=r"memory-2-nodes.csv, line 1: other nodes than in"):
        import_gadget(store, folder)


def test_a_folder_without_such_files_says_what_is_wanted(store, tmp_path):
    with pytest.raises(NotFound, match="there is no folder"):
        import_gadget(store, tmp_path / "nowhere")
    with pytest.raises(NotFound, match=r"no file such as exec-2-nodes.csv"):
        import_gadget(store, tmp_path)


def test_windows_line_ends_and_a_mark_in_front_are_read(store, folder):
    path = folder / "exec-2-nodes.csv"
    text = path.read_text()
    import_gadget(store, folder)
    before = values(store, "test-7/2-nodes/1", "exec generated")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    import_gadget(store, folder)
    assert values(store, "test-7/2-nodes/1", "exec generated") == before


# ---------------------------------------------------------------- the program


def test_the_program_imports_and_says_what_is_missing(minion, store, folder):
    said = minion("ingest", "gadget", str(folder), "--platform", "gadget")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("imported: 6 runs (6 new), 0 new samples, ")
    assert "gadget/4-nodes/3: no memory of 1 of 4 nodes: node-3" in said.stderr
    assert len(store.simulations()) == 6
    again = minion("ingest", "gadget", str(folder), "--platform", "gadget")
    assert again.stdout.startswith("imported: 6 runs (0 new)")


def test_the_program_takes_another_experiment(minion, store, folder, monkeypatch):
    assert minion("ingest", "gadget", str(folder), "--experiment", "a").returncode == 0
    monkeypatch.setenv("MINION_EXPERIMENT", "b")
    assert minion("ingest", "gadget", str(folder), "--sim", "x").returncode == 0
    assert store.experiments() == ["a", "b"]
    assert "x/2-nodes/1" in store.names("b")


def test_a_broken_file_is_one_line_on_standard_error(minion, folder):
    path = folder / "exec-2-nodes.csv"
    path.write_text("node-1,node-2,gadget\n1,2,3\n4,5\n")
    said = minion("ingest", "gadget", str(folder))
    assert (said.returncode, said.stdout) == (1, "")
    (line,) = said.stderr.strip().splitlines()
    assert f"{path}, line 3: 2 cells, not 3" in line


def test_compare_by_number_of_nodes(minion, folder):
    minion("ingest", "gadget", str(folder), "--platform", "gadget")
    said = minion("compare", "exec capture ratio", "--factor", "nodes")
    assert said.returncode == 0, said.stderr
    assert "exec capture ratio is 0.501 (50 %) lower with nodes 4 than with nodes 2" in said.stdout
    costs = minion("compare", "cpu used,memory", "--factor", "nodes")
    assert costs.returncode == 0, costs.stderr


def test_compare_of_one_run_a_group_gives_difference_and_ratio_undecided(minion, folder):
    minion("ingest", "gadget", str(folder), "--platform", "gadget")
    sims = "gadget/2-nodes/1,gadget/4-nodes/1"
    said = minion("compare", "exec capture ratio", "--factor", "nodes", "--sims", sims)
    assert said.returncode == 0, said.stderr
    assert "undecided; nodes 4 minus nodes 2 is -0.500 (-50 %)" in said.stdout
