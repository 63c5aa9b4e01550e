"""The tables of the Kata study: what is read, what is refused, and what their clock counts."""

import numpy as np
import pytest
from kata_tables import HEAD, line, text

from ingest.saturating.kata_clock import Clock, times
from ingest.saturating.kata_table import read
from minion.errors import InvalidData


def written(folder, content, name="runc.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_columns_that_stand_twice_are_the_workers(tmp_path):
    table = read(written(tmp_path, text(line(1, 5), line(2, 11, (2, 3, 4, 5)))))
    assert table.workers == ("0", "1")
    assert table.active.tolist() == [[300, 500], [300, 500]]
    assert table.free.tolist() == [[700, 400], [700, 400]]
    assert table.iteration.tolist() == [1, 2]
    assert table.elapsed.tolist() == [5, 11]
    assert {name: count[1] for name, count in table.counts.items()} == {
        "Running": 2,
        "Creating": 3,
        "Terminating": 4,
        "Evicted": 5,
    }
    assert (table.work, table.notes) == ({}, ())
    assert table.where(1) == "runc.csv line 3"


def test_no_memory_is_no_sample_and_no_container_is_a_count(tmp_path):
    rows = text(line(1, 5, (0, 0, 0, 0), active=(0, 500)), line(2, 9, free=(700, 0)))
    table = read(written(tmp_path, rows))
    assert np.isnan(table.active).tolist() == [[True, False], [False, False]]
    assert np.isnan(table.free).tolist() == [[False, False], [False, True]]
    assert table.counts["Running"].tolist() == [0, 1]


def test_early_tables_lack_columns_and_others_have_work(tmp_path):
    head = (
        "Iteration,Elapsed,WorkUnits,WorkCount,Running,Creating,"
        "Total Active Memory,Total Free Memory, Active,0,Free,0"
    )
    table = read(written(tmp_path, text("1,5,7,8.5e+06,1,0,10,20,,10,,20", head=head)))
    assert set(table.counts) == {"Running", "Creating"}
    assert {name: float(of[0]) for name, of in table.work.items()} == {
        "WorkUnits": 7,
        "WorkCount": 8.5e6,
    }


def test_what_it_does_not_know_and_totals_that_are_off_are_noted(tmp_path):
    rows = [line(1, 5), line(2, 9).replace("800", "801")]
    content = "\n".join([HEAD.replace("Iteration,", "Iteration,Mood,"), *rows]).replace(
        "\n1,", "\n1,9,"
    )
    table = read(written(tmp_path, content.replace("\n2,", "\n2,9,")))
    assert table.notes == (
        "runc.csv: columns not taken: Mood",
        (
            "runc.csv: Total Active Memory is not the sum of the workers in 1 of 2 rows, first in"
            " line 3; the workers' values are kept"
        ),
    )


def test_a_byte_order_mark_line_ends_of_windows_and_empty_lines_do_no_harm(tmp_path):
    content = b"\xef\xbb\xbf" + text(line(1, 5), "", line(2, 9), "").replace("\n", "\r\n").encode()
    table = read(written(tmp_path, content))
    assert table.iteration.tolist() == [1, 2]
    assert table.lines.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "runc.csv is empty; a line of column names is wanted"),
        (HEAD + "\n", "runc.csv has column names and no row"),
        (text(line(1, 5), "2,9,1"), "runc.csv line 3: 3 cells where the first line has 14"),
        (text(line(1, 5), line(2, "soon")), "line 3: 'soon' in column Elapsed; a number from 0 up"),
        (text(line(1, 5, (-1, 0, 0, 0))), "line 2: '-1' in column Running; a number from 0 up"),
        (text(line(1, "nan")), "line 2: 'nan' in column Elapsed"),
        (text(line(1, "")), "line 2: Elapsed is empty"),
        ("a,b\n1,2\n", "line 1: no column Iteration and none Elapsed and none Running and none"),
        (text(line(1, 5), head=HEAD.replace("Free,0", "Free,2")), "workers are not the same twice"),
        (text(line(1, 5), head=HEAD.replace("Evicted", "Running")), "column Running stands twice"),
        (b"\xff\xfe1,2\n", "is no text of comma-separated values"),
        ('Iteration,"Elapsed\n1,2\n', "is no text of comma-separated values"),
    ],
)
def test_a_broken_table_is_named_with_its_line(tmp_path, content, message):
    with pytest.raises(InvalidData) as error:
        read(written(tmp_path, content))
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


def clock_of(elapsed, iteration=None, clock=None):
    elapsed = np.array(elapsed, dtype=float)
    counted = np.arange(len(elapsed), dtype=float) if iteration is None else np.array(iteration)
    return times(counted, elapsed, clock)


def test_a_clock_that_only_rises_is_cumulative():
    found = clock_of([5, 11, 17, 30])
    assert (found.clock, found.seconds.tolist()) == (Clock.CUMULATIVE, [5, 11, 17, 30])
    assert not found.back.size
    assert not found.restarts.size


def test_a_clock_that_rises_and_falls_counts_each_step():
    found = clock_of([5, 9, 4, 8, 3])
    assert (found.clock, found.seconds.tolist()) == (Clock.STEP, [5, 14, 18, 26, 29])


def test_a_clock_that_stands_still_counts_each_step():
    found = clock_of([6, 6, 6])
    assert (found.clock, found.seconds.tolist()) == (Clock.STEP, [6, 12, 18])


def test_whoever_knows_the_clock_is_believed():
    rising = clock_of([5, 6, 7], clock=Clock.STEP)
    assert rising.seconds.tolist() == [5, 11, 18]
    assert clock_of([5, 5, 5], clock=Clock.CUMULATIVE).clock is Clock.CUMULATIVE
    assert Clock.parse(" Step ") is Clock.STEP
    with pytest.raises(InvalidData, match="no clock 'sun'; there are: cumulative, step"):
        Clock.parse("sun")


def test_a_run_that_was_taken_up_again_goes_on_in_time():
    found = clock_of([5, 11, 17, 6, 12], iteration=[1.0, 2, 3, 2, 3])
    assert found.clock is Clock.CUMULATIVE
    assert (found.back.tolist(), found.restarts.tolist()) == ([3], [3])
    assert found.seconds.tolist() == [5, 11, 17, 23, 29]


def test_one_fall_among_many_rises_is_a_restart():
    found = clock_of([*range(1, 30), 2, 3])
    assert found.clock is Clock.CUMULATIVE
    assert found.restarts.tolist() == [29]
    assert found.seconds[-2:].tolist() == [31, 32]


def test_a_clock_that_was_set_back_goes_on_from_the_row_before():
    found = clock_of([*range(100, 130), 127, 128, 130])
    assert found.clock is Clock.CUMULATIVE
    assert (found.restarts.tolist(), found.set_back.tolist()) == ([], [30])
    assert found.seconds[-4:].tolist() == [129, 129.5, 130, 132]
    # It was set back, then it began anew.
    both = clock_of([*range(100, 130), 127, 128, 3, 9])
    assert (both.restarts.tolist(), both.set_back.tolist()) == ([32], [30])
    assert both.seconds[-4:].tolist() == [129.5, 130, 133, 139]


def test_rows_of_one_second_are_spread_over_it():
    found = clock_of([5, 5, 7, 7, 7, 7, 8])
    assert found.seconds.tolist() == [5, 5.5, 7, 7.25, 7.5, 7.75, 8]
    assert found.together == 4
    assert clock_of([2.0, 2.0, 2.5]).seconds.tolist() == [2, 2.25, 2.5]
