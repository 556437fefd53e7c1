"""Which directory each program would take, and what is recorded about it."""

from __future__ import annotations

import os

import pytest

from envcheck.agent import places
from envcheck.agent.probes import limits
from envcheck.agent.protocol import Request

VARIABLES = (
    *("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "XDG_CACHE_HOME"),
    *("TMPDIR", "TEMP", "TMP", "TORCH_HOME", "TORCH_EXTENSIONS_DIR", "TORCHINDUCTOR_CACHE_DIR"),
    *("TRITON_CACHE_DIR", "TRITON_HOME"),
)


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def found(site=(), **paths):
    request = Request()
    request.paths.update(paths)
    return {place.label: place for place in places.places(request, list(site))}


def test_defaults_lie_in_the_home_directory(tmp_path):
    place = found()["HF_HOME"]
    assert (place.path, place.variable) == (str(tmp_path / ".cache/huggingface"), "")
    assert found()["TRITON_CACHE_DIR"].path == str(tmp_path / ".triton/cache")
    assert "HF_HUB_CACHE" not in found()


@pytest.mark.parametrize(
    ("variables", "label", "path", "variable"),
    [
        ({"HF_HOME": "/data/hf"}, "HF_HOME", "/data/hf", "HF_HOME"),
        ({"HF_HOME": "~/hf"}, "HF_HOME", "{home}/hf", "HF_HOME"),
        ({"HF_HOME": "$HOME/x"}, "HF_HOME", "{home}/x", "HF_HOME"),
        ({"XDG_CACHE_HOME": "/c"}, "HF_HOME", "/c/huggingface", "XDG_CACHE_HOME"),
        ({"XDG_CACHE_HOME": "/c"}, "TORCH_HOME", "/c/torch", "XDG_CACHE_HOME"),
        ({"HUGGINGFACE_HUB_CACHE": "/h"}, "HF_HUB_CACHE", "/h", "HUGGINGFACE_HUB_CACHE"),
        ({"TRITON_HOME": "/t"}, "TRITON_CACHE_DIR", "/t/.triton/cache", "TRITON_HOME"),
        ({"TORCH_EXTENSIONS_DIR": "/e"}, "TORCH_EXTENSIONS_DIR", "/e", "TORCH_EXTENSIONS_DIR"),
    ],
)
def test_which_variable_decides(monkeypatch, tmp_path, variables, label, path, variable):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    place = found()[label]
    assert (place.path, place.variable) == (path.format(home=tmp_path), variable)
    assert place.error == ""


def test_tmpdir_that_is_no_directory_is_named_and_passed_over(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", "/gone")
    monkeypatch.setenv("TEMP", str(tmp_path))
    place = found()["TMPDIR"]
    assert (place.path, place.variable) == (str(tmp_path), "TEMP")
    assert "/gone" in place.error


def test_a_user_without_a_home_directory(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for an unknown user
    place = found()["HF_HOME"]
    assert (place.path, place.error) == (None, "there is no home directory")


def test_a_variable_in_a_path_that_is_not_set(monkeypatch):
    monkeypatch.delenv("ENVCHECK_NOWHERE", raising=False)
    assert "not set" in found(data="$ENVCHECK_NOWHERE/x")["data"].error


def test_a_place_asked_for_does_not_displace_a_named_one(tmp_path):
    assert found(HF_HOME="/elsewhere")["HF_HOME"].path == str(tmp_path / ".cache/huggingface")
    assert found(output="/elsewhere")["output"].path == "/elsewhere"


def record(path, label="x"):
    return limits.disk(places.Place(label, str(path)))


def test_a_directory(tmp_path):
    seen = record(tmp_path)
    assert (seen["exists"], seen["kind"], seen["resolved"]) == (True, "directory", str(tmp_path))
    assert seen["free"] > 0
    assert seen["writable"] is True
    assert seen["error"] == ""


def test_a_place_that_is_not_there_is_judged_by_its_nearest_ancestor(tmp_path):
    seen = record(tmp_path / "a/b/c")
    assert (seen["exists"], seen["kind"], seen["resolved"]) == (False, None, str(tmp_path))
    assert seen["writable"] is True


def test_a_file_is_told_from_a_directory(tmp_path):
    (tmp_path / "f").write_text("")
    assert record(tmp_path / "f")["kind"] == "file"
    below = record(tmp_path / "f/below")
    assert (below["exists"], below["resolved"]) == (False, str(tmp_path / "f"))


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "hf").symlink_to("/unmounted/disk")
    seen = record(tmp_path / "hf")
    assert "/unmounted/disk" in seen["error"]
    assert seen["exists"] is False


@pytest.mark.parametrize("path", ["a\0b", "/" + "x" * 5000])
def test_paths_that_no_system_takes(path):
    assert record(path)["error"]


def test_every_field_is_declared(tmp_path):
    assert set(record(tmp_path)) == {field.name for field in limits._DISK}


def test_the_working_directory_may_be_gone(monkeypatch, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    back = os.getcwd()
    os.chdir(folder)
    try:
        folder.rmdir()
        place = found()["output"]
    finally:
        os.chdir(back)
    assert place.path is None
    assert "gone" in place.error
    assert limits.disk(place)["free"] is None


def test_a_file_on_the_way_to_a_place(tmp_path):
    (tmp_path / "file").write_text("")
    found = record(tmp_path / "file" / "sub" / "cache")
    assert found["exists"] is False
    assert found["error"] == f"{tmp_path / 'file'} is no directory"
    assert record(tmp_path / "new" / "cache")["error"] == ""
