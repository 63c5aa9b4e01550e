"""A file is written whole or not at all."""

import pytest

from minion.errors import AlreadyExists, OutputError
from minion.files import check_writable, new_file, written_whole
from minion.locks import Lock


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


def test_a_new_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "er" / "file"
    with new_file(path) as file:
        file.write(b"some")
        assert not path.exists()
        assert (path.parent / "file.part").exists()
    assert path.read_bytes() == b"some"
    assert [one.name for one in path.parent.iterdir()] == ["file"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_goes_wrong_leaves_nothing_and_what_was_there_stays(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(AlreadyExists, match="file exists already; name another file, or add"):
        new_file(path).__enter__()
    with pytest.raises(KeyError), new_file(path, force=True) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old"
    (tmp_path / "file.part").write_bytes(b"left by a process that was killed")
    with new_file(path, force=True) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(AlreadyExists), new_file(path):
        path.write_bytes(b"somebody else's")
    assert path.read_bytes() == b"somebody else's"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_two_do_not_write_the_same_file(tmp_path):
    path = tmp_path / "file"
    with new_file(path) as file:
        with pytest.raises(AlreadyExists, match="is being written by another process"):
            new_file(path).__enter__()
        file.write(b"mine")
    assert path.read_bytes() == b"mine"
    with Lock(tmp_path / "file.part") as held:
        assert held.take()  # it was given back


@pytest.mark.parametrize("where", ["/proc/backup", "/dev/null/backup", "/dev/null", "/tmp"])
def test_a_place_where_no_file_can_be_is_said(where):
    with pytest.raises(OutputError, match=r"cannot be written|is a folder"):
        new_file(where, force=True).__enter__()


@pytest.mark.parametrize(
    "function",
    [check_writable, lambda p: written_whole(p).__enter__(), lambda p: new_file(p).__enter__()],
)
@pytest.mark.parametrize(
    ("path", "words"), [("-", "- is no file; .* standard output"), ("", "is a folder; name a file")]
)
def test_names_that_are_no_files(function, path, words, tmp_path, monkeypatch):
    """`-` is standard output elsewhere; here it would be a file of that name."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=words):
        function(path)
    assert list(tmp_path.iterdir()) == []
