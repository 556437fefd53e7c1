"""The cached zipapp: by content, private, and never where it does not belong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from envcheck.targets import bundle, islands, remote
from envcheck.targets.base import AgentRequest

OTHER = "/opt/python"  # an interpreter that is not this one


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", str(folder))
    return folder


def test_is_written_once_and_found_again(cache):
    first = bundle.path(OTHER)
    before = os.stat(first)
    assert bundle.path(OTHER) == first
    assert os.stat(first).st_mtime_ns == before.st_mtime_ns
    assert before.st_mode & 0o777 == 0o600
    assert [file.name for file in cache.iterdir()] == [os.path.basename(first)]


def test_this_interpreter_has_a_file_of_its_own(cache):
    files = {bundle.path(OTHER), bundle.path(sys.executable)}
    assert len(files) == 2
    assert bundle.path(os.path.realpath(sys.executable)) in files


@pytest.mark.parametrize("executable", [OTHER, sys.executable])
def test_runs(cache, executable):
    argv = [sys.executable, "-I", "-B", bundle.path(executable), "--timeout", "60"]
    done = subprocess.run(argv, capture_output=True)
    document = json.loads(done.stdout)
    assert document["agent"]["status"] == "ok"
    assert {probe["status"] for probe in document["probes"].values()} == {"ok"}


def test_another_content_has_another_name(cache, monkeypatch):
    first = bundle.path(OTHER)
    sources = bundle.read_sources()
    changed = {**sources, "main.py": sources["main.py"] + b"\n"}
    monkeypatch.setattr(bundle, "read_sources", lambda: changed)
    assert bundle.path(OTHER) != first


def test_old_ones_are_removed(cache):
    cache.mkdir(parents=True, mode=0o700)
    for name in ("agent-old.pyz", "agent-young.pyz", "other"):
        (cache / name).write_text("")
    for name in ("agent-old.pyz", "other"):
        os.utime(cache / name, (0, 0))
    file = os.path.basename(bundle.path(OTHER))
    assert {each.name for each in cache.iterdir()} == {file, "agent-young.pyz", "other"}


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_folder_that_others_write_to_is_not_used(cache, mode):
    cache.mkdir(parents=True)
    cache.chmod(mode)
    assert bundle.path(OTHER) == ""
    assert list(cache.iterdir()) == []


def test_what_is_no_file_is_not_run(cache):
    file = bundle.path(OTHER)
    os.unlink(file)
    os.mkdir(file, 0o700)
    assert bundle.path(OTHER) == ""
    assert os.listdir(cache) == [os.path.basename(file)]


def test_a_file_that_others_write_to_is_replaced(cache):
    file = bundle.path(OTHER)
    with open(file, "wb") as stream:
        stream.write(b"not ours")
    os.chmod(file, 0o666)
    assert bundle.path(OTHER) == file
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert os.path.getsize(file) > 1000


@pytest.mark.root
def test_nothing_is_put_into_somebody_elses_directory(cache):
    cache.parent.mkdir()
    os.chown(cache.parent, 4711, 4711)
    assert bundle.path(OTHER) == ""
    cache.mkdir()
    os.chown(cache, 4711, 4711)
    assert bundle.path(OTHER) == ""
    assert list(cache.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert bundle.path(OTHER) == ""


def test_a_home_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    for name in ("ENVCHECK_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    assert bundle.path(OTHER) == ""
    assert not (tmp_path / "gone").exists()


def test_a_relative_folder_is_not_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVCHECK_CACHE_DIR", "~/nowhere")
    assert bundle.path(OTHER) == ""
    assert list(tmp_path.iterdir()) == []


def test_holds_every_module_as_source_and_as_bytecode(cache):
    import zipfile

    names = zipfile.ZipFile(bundle.path(OTHER)).namelist()
    sources = [name for name in names if name.endswith(".py")]
    assert "__main__.py" in sources
    assert {name + "c" for name in sources} == set(names) - set(sources)
    top = {name.partition("/")[0].partition(".")[0] for name in names}
    assert not top & sys.stdlib_module_names


def test_what_is_trained_goes_along_only_where_it_is_asked_for(cache):
    request = AgentRequest(smoke=True, script=("mine.py", "print('ü')"))
    (module,) = islands.sources(request).values()
    space = {}
    exec(module, space)
    assert space["SCRIPT"] == ("mine.py", "print('ü')")
    assert space["SOURCES"].keys() == islands.islands().keys()
    assert {name.partition("/")[0] for name in space["SOURCES"]} == {"accelerator", "smoke"}
    assert islands.sources(AgentRequest(deep=True)) == {}
    assert islands.MODULE not in bundle.read_sources()
    assert islands.MODULE in remote.payload(request)
    assert islands.MODULE not in remote.payload(AgentRequest())
    assert bundle.path(OTHER) != bundle.path(OTHER, islands.sources(request))
