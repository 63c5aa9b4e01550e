"""A file is written whole or not at all."""

import pytest

from minion.errors import OutputError
from minion.files import check_writable, written_whole


def test_a_file_appears_when_it_is_done(tmp_path):
    target = tmp_path / "new" / "report.html"
    with written_whole(target) as path:
        path.write_text("all")
        assert not target.exists()
    assert target.read_text() == "all"
    assert list(target.parent.iterdir()) == [target]


def test_what_was_there_stays_when_writing_fails(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(target) as path:
        path.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("function", [check_writable, lambda p: written_whole(p).__enter__()])
@pytest.mark.parametrize("path", ["/proc/x.html", "/dev/null/x.html", "/dev/null", "{folder}"])
def test_where_nothing_can_be_written(function, path, tmp_path):
    with pytest.raises(OutputError, match=r"cannot be written: |is a folder; name a file"):
        function(path.format(folder=tmp_path))


def test_trying_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []
