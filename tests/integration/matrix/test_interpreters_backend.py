"""Rooms of the interpreters backend: real interpreters, real environments, real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from index_server import IndexServer
from msgspec import structs
from wheels import wheel

from envcheck import process
from envcheck.errors import TargetError
from envcheck.index.gateway import Gateway
from envcheck.matrix.backends import choice, host_room, interpreters, leftovers, load
from envcheck.matrix.backends.base import Surroundings
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.targets.base import AgentRequest

ROOT = Path(__file__).parents[3]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
BESIDE = os.path.dirname(sys.executable)
UV = shutil.which("uv", path=os.pathsep.join([BESIDE, os.environ["PATH"]])) or ""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="platform: needs /proc")


def cell(python=HERE, system="slim", installer="uv", **axes):
    named = {"python": python, "os": system, "installer": installer, **axes}
    return Cell(
        id=f"{python}-{system}",
        axes=named,
        test=Subject(),
        index=Index(),
        steps=Steps(),
        limits=Limits(),
    )


@pytest.fixture
def surroundings(tmp_path):
    said = []
    given = Surroundings(
        gateway=None,
        uv=lambda _system, _architecture: UV,
        cache=str(tmp_path / "c"),
        run="t-1",
        say=said.append,
    )
    yield given
    assert not running(given.cache)


@pytest.fixture
def backend(surroundings):
    opened = load("interpreters", surroundings)
    yield opened
    opened.close()
    rooms = interpreters._rooms(surroundings.cache)
    assert not os.path.exists(rooms) or os.listdir(rooms) == []


@pytest.fixture
def room(backend):
    opened = backend.open(cell())
    yield opened
    opened.close()
    opened.close()
    assert not os.path.exists(opened.folder)


def running(cache):
    """Processes of any room below the cache."""
    return leftovers._in_room(cache + os.sep)


def python(room, text, **named):
    return room.run([room.paths.base, "-c", text], who="package", timeout=60, **named)


def test_an_environment_is_made_where_the_paths_say(room):
    words = [room.paths.base, "-I", "-m", "venv", "--without-pip", room.paths.environment]
    assert room.run(words, who="installer", timeout=60).status == "ok"
    asked = "import sys; print(sys.prefix)"
    done = room.run([room.paths.python, "-c", asked], who="package", timeout=60)
    assert done.stdout.decode().strip() == room.paths.environment
    assert os.stat(room.folder).st_dev == os.stat(os.path.dirname(room.paths.uv_cache)).st_dev


def test_nothing_of_the_users_environment_comes_in(backend, monkeypatch):
    for name in (
        "PIP_INDEX_URL",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "UV_INDEX",
        "HTTPS_PROXY",
        "MY_TOKEN",
    ):
        monkeypatch.setenv(name, "secret")
    room = backend.open(cell())
    done = python(room, "import json, os; print(json.dumps(dict(os.environ)))", env={"MORE": "1"})
    seen = json.loads(done.stdout)
    assert "secret" not in json.dumps(seen)
    assert seen["MORE"] == "1"
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        assert seen[name].startswith(room.paths.scratch)
        assert os.path.isdir(seen[name])
    assert os.path.realpath(seen["TMPDIR"]) == os.path.realpath(os.path.join(room.folder, "tmp"))
    assert seen["PATH"] == os.environ["PATH"]


def test_the_installer_has_a_home_that_is_not_the_packages(room):
    text = "import os, tempfile; print(os.path.expanduser('~'), tempfile.gettempdir())"
    words = [room.paths.base, "-c", text]
    homes = {
        place
        for who in ("installer", "package")
        for place in room.run(words, who=who, timeout=60).stdout.decode().split()
    }
    assert len(homes) == 4


def test_the_temporary_directory_has_room_for_a_socket(surroundings, tmp_path):
    deep = surroundings._replace(cache=str(tmp_path / ("d" * 60) / ("e" * 60)))
    backend = load("interpreters", deep)
    room = backend.open(cell())
    done = python(
        room,
        "import multiprocessing.connection as c, tempfile\n"
        "c.Listener(family='AF_UNIX')\n"
        "print(tempfile.gettempdir())",
    )
    assert done.status == "ok", done.text_err()
    outside = done.stdout.decode().split()[-1]
    assert os.path.isdir(outside)
    room.renew()
    assert not os.path.exists(outside)
    backend.reclaim()  # of the living nothing
    outside = os.readlink(os.path.join(room.folder, "tmp"))
    room.close()
    backend.close()
    assert not os.path.exists(outside)


@LINUX
@pytest.mark.parametrize(
    "text",
    [
        "sleep 60 & exit 0",
        "setsid sleep 60 & exit 0",
        "(setsid sh -c 'sleep 60 & sleep 60' >/dev/null 2>&1 </dev/null &) ; exit 0",
        "trap '' TERM INT HUP; sleep 60",
        "while :; do sleep 60 & done",
    ],
)
def test_no_process_is_left_after_a_command(room, surroundings, text):
    room.run(["sh", "-c", text], who="package", timeout=1)
    assert not running(surroundings.cache)


def test_a_deadline_is_told_and_holds(room):
    done = room.run(["sh", "-c", "trap '' TERM; sleep 60"], who="package", timeout=0.3)
    assert done.status == "timeout"
    assert done.seconds < 30


def test_inputs_have_folders_and_stay_inside(room):
    path = room.put("wheels/one.whl", b"1")
    assert path == os.path.join(room.paths.inputs, "wheels", "one.whl")
    assert Path(path).read_bytes() == b"1"
    for name in ("../out", "/etc/out", "a/../../out"):
        with pytest.raises(ValueError):
            room.put(name, b"")


def test_renewing_keeps_environment_and_inputs_and_empties_scratch(room):
    kept = room.put("kept", b"")
    Path(room.paths.environment).mkdir()
    gone = Path(room.paths.scratch) / "gone"
    gone.write_text("")
    room.renew()
    assert os.path.exists(kept)
    assert os.path.isdir(room.paths.environment)
    assert not gone.exists()
    assert python(room, "import tempfile; tempfile.TemporaryFile()").status == "ok"


def test_what_a_package_makes_unwritable_is_removed_too(backend):
    room = backend.open(cell())
    python(room, "import os; os.makedirs('a/b'); os.chmod('a/b', 0); os.chmod('a', 0o500)")
    folder = Path(room.paths.environment) / "a" / "b"
    folder.mkdir(parents=True)
    folder.chmod(0)
    folder.parent.chmod(0o500)
    room.close()
    assert not os.path.exists(room.folder)


def test_the_environment_is_a_target_of_the_doctor(room, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    words = [room.paths.base, "-I", "-m", "venv", "--without-pip", room.paths.environment]
    room.run(words, who="installer", timeout=60)
    sheet = room.target().start(AgentRequest()).finish().document
    assert sheet["target"]["chosen_by"] == f"the matrix's cell {HERE}-slim"
    assert sheet["facts"]["interpreter.prefix"]["value"] == room.paths.environment


@pytest.mark.interpreters
def test_every_interpreter_here_hosts_cells(backend, interpreters):
    for version in interpreters:
        short = ".".join(version.split(".")[:2])
        one = cell(short)
        if version < "3":
            assert "is Python 2" in backend.available(one)
            continue
        assert backend.available(one) == "", short
        room = backend.open(one)
        words = [room.paths.base, "-I", "-m", "venv", "--without-pip", room.paths.environment]
        assert room.run(words, who="installer", timeout=60).status == "ok"
        asked = "import sys; print(sys.version.split()[0])"
        done = room.run([room.paths.python, "-c", asked], who="package", timeout=60)
        assert done.stdout.decode().strip().startswith(short)
        room.close()


@LINUX
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (cell("3.98"), "this machine has no Python 3.98; it has .*3"),
        (cell("3.98t"), "this machine has no Python 3.98t"),
        (cell(system="bookworm"), "no interpreter of this machine is `bookworm`; use the docker"),
        (cell(system="windows"), f"this machine has no Python for Windows {HERE}; use the docker"),
        (cell(architecture="s390x"), f"this machine has no Python {HERE} for s390x"),
    ],
)
def test_what_cannot_be_hosted_says_why(backend, asked, sentence):
    assert re.match(sentence, backend.available(asked))
    with pytest.raises(TargetError, match=sentence):
        backend.open(asked)


@LINUX
def test_one_of_the_two_c_libraries_is_missing(backend):
    """A machine has glibc or musl interpreters, rarely both; the other is unavailable."""
    family = backend.inventory().serving(HERE)[0].libc
    mine, other = ("slim", "alpine") if family == "glibc" else ("alpine", "slim")
    assert backend.available(cell(system=mine)) == ""
    answer = backend.available(cell(system=other))
    assert answer == "" or re.match(r"this machine has no (musl|glibc) Python .* docker", answer)


def test_a_compiler_is_said_to_be_missing(backend, monkeypatch):
    backend.inventory()
    monkeypatch.setenv("PATH", "/nowhere")
    assert "there is none on PATH" in backend.available(cell(system="slim-cc"))


def test_it_says_that_nothing_is_isolated_and_which_interpreter_it_takes(backend, surroundings):
    said = surroundings.say.__self__
    assert backend.prepare([cell(), cell("3.98")]) == {}
    assert said[0] == interpreters.WARNING
    assert said[1].startswith(f"{HERE}: /")
    assert len(said) == 2
    assert not backend.isolated


KILLED = """
import os, subprocess, sys, time
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests", sys.argv[1] + "/tests/integration/matrix"]
from test_interpreters_backend import cell, load, Surroundings
backend = load("interpreters", Surroundings(None, lambda *_: "", sys.argv[2], "t-2"))
room = backend.open(cell())
print(room.folder, flush=True)
room.run(["sh", "-c", "echo > begun; setsid sleep 300; sleep 300"], who="package", timeout=300)
"""


@LINUX
def test_what_a_killed_run_has_left_is_reclaimed(backend, surroundings, tmp_path):
    mine = backend.open(cell())
    words = [sys.executable, "-c", KILLED, str(ROOT), surroundings.cache]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as child:
        folder = child.stdout.readline().strip()
        assert folder
        while not (tmp_path / "begun").exists():
            assert child.poll() is None
            time.sleep(0.01)
        assert backend.reclaim() == []  # it lives
        child.kill()
    assert os.path.isdir(folder)
    assert running(surroundings.cache)
    (removed,) = backend.reclaim()
    assert removed.startswith(f"{os.path.dirname(folder)}: 1 environments, ")
    assert not os.path.exists(folder)
    assert not running(surroundings.cache)
    assert os.path.isdir(mine.folder)
    assert backend.reclaim() == []


@LINUX
def test_a_process_ended_for_want_of_memory_is_told_once(room, monkeypatch):
    assert not room.out_of_memory()
    counts = iter([5, 6, 6])
    monkeypatch.setattr(host_room, "killed_for_memory", lambda: next(counts))
    room._killed = 5
    assert [room.out_of_memory() for _ in range(3)] == [False, True, False]


def test_the_kernel_is_asked_how_many_it_has_ended():
    count = host_room.killed_for_memory()
    assert count is None or count >= 0


CHOOSE = """
import sys
sys.path[:0] = [sys.argv[1]]
from envcheck.matrix.backends.choice import choose
print(*choose(), sep="\\n")
"""


def test_without_an_engine_this_machine_is_chosen_and_it_is_said(tmp_path):
    """In a process of its own: docker-py leaves open the socket that does not connect."""
    env = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    words = [sys.executable, "-c", CHOOSE, str(ROOT)]
    name, sentence = subprocess.check_output(words, env=env, text=True).splitlines()
    assert name == "interpreters"
    assert "no engine answers" in sentence
    assert interpreters.WARNING in sentence


def test_what_is_asked_for_is_chosen():
    assert choice.choose("docker") == ("docker", "")
    assert interpreters.WARNING in choice.choose("interpreters")[1]


@pytest.mark.docker
def test_with_an_engine_containers_are_chosen():
    assert choice.choose() == ("docker", "")


@pytest.fixture
def index():
    """An index under this test's control."""
    files = [wheel("two", "2.0"), wheel("one", "1.0", requires=["two>=1"])]
    with IndexServer(*files) as server:
        yield server


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_installers_reach_the_index_through_the_cells_door(surroundings, index, installer):
    if installer == "uv" and not UV:
        pytest.skip("there is no uv")
    asked = structs.replace(cell(), index=Index(url=index.url))
    with Gateway(surroundings.cache) as gateway:
        backend = load("interpreters", surroundings._replace(gateway=gateway))
        room = backend.open(asked)
        paths = room.paths
        words = [paths.base, "-I", "-m", "venv", "--without-pip", paths.environment]
        assert room.run(words, who="installer", timeout=60).status == "ok"
        base = room.open_index()
        assert room.open_index() == base
        url = room.door.index_options(base).index_url
        environment = ["--python", paths.python]
        words = {
            "uv": [paths.uv, "pip", "install", *environment, "--cache-dir", paths.uv_cache],
            "pip": [paths.base, "-m", "pip", *environment, "install"],
        }[installer]
        words += ["--index-url", url, "one"]
        done = room.run(words, who="installer", timeout=60)
        assert done.status == "ok", done.text_err()
        assert index.downloads() == {"one-1.0-py3-none-any.whl": 1, "two-2.0-py3-none-any.whl": 1}
        asked_for = "import one, two; print(one.__version__, two.__version__)"
        done = room.run([paths.python, "-c", asked_for], who="package", timeout=60)
        assert done.stdout.split() == [b"1.0", b"2.0"]
        room.close_index()
        assert room.door.traffic().files == 2
        room.close()
        backend.close()


def test_a_closed_door_leads_nowhere(surroundings, index):
    asked = structs.replace(cell(), index=Index(url=index.url))
    with Gateway(surroundings.cache) as gateway:
        backend = load("interpreters", surroundings._replace(gateway=gateway))
        room = backend.open(asked)
        base = room.open_index()
        url = f"{room.door.index_options(base).index_url}/one/"
        fetch = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=20).status)"
        assert python(room, fetch).stdout.strip() == b"200"
        outside = process.run([room.paths.base, "-c", fetch], timeout=60)
        assert outside.status == "exit"
        room.close_index()
        assert python(room, fetch).status == "exit"
        backend.close()
