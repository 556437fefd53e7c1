"""Where reports go."""

import os
import threading

import pytest

from envcheck.cli.emit import parse_sinks, write_file
from envcheck.errors import UsageError


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "new" / "report.json"
    write_file(str(path), "one")
    before = path.stat().st_ino
    write_file(str(path), "two")
    assert path.read_text() == "two"
    assert path.stat().st_ino != before
    assert os.listdir(path.parent) == ["report.json"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_is_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    write_file(str(path), "through")
    reader.join()
    assert got == ["through"]
    assert path.is_fifo()


@pytest.mark.parametrize("path", ["{}", "{}/file/below", "{}/nul\0"])
def test_what_cannot_be_written(tmp_path, path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_file(path.format(tmp_path), "text")
    assert os.listdir(tmp_path) == ["file"]


def test_two_reports_in_one_file(tmp_path):
    with pytest.raises(UsageError, match="two reports for one file"):
        parse_sinks((f"json:{tmp_path}/a", f"junit:{tmp_path}/./a"))


@pytest.mark.parametrize("document", ["json", "junit", "sarif", "markdown"])
def test_lines_for_a_log_stand_beside_text_only(document):
    with pytest.raises(UsageError, match="between the lines"):
        parse_sinks((document, "github"))
    assert len(parse_sinks((f"{document}:file", "github", "text"))) == 3
