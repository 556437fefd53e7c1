"""An engine that ends, or is killed, while cells are under way."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
import threading
import time
import warnings

import pytest
from index_server import IndexServer
from second_engine import SecondEngine
from wheels import wheel

from envcheck.errors import TargetError
from envcheck.index.gateway import Gateway
from envcheck.matrix.backends import docker_engine, load
from envcheck.matrix.backends.base import Surroundings
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    # docker-py leaves sockets open on which nobody answered
    pytest.mark.filterwarnings("ignore:.*unclosed <socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

IMAGE = "envcheck-base:3.11-musl"


@pytest.fixture
def engine(tmp_path, monkeypatch):
    folder = tmp_path / "e"
    second = SecondEngine(folder)
    try:
        second.start()
        second.load(IMAGE)
        monkeypatch.setenv("DOCKER_HOST", second.host)
        yield second
    finally:
        second.close()
        shutil.rmtree(folder, ignore_errors=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # those sockets, here and not in another module's test


def cell():
    return Cell(
        id="3.11-alpine",
        axes={"python": "3.11", "os": "alpine", "architecture": "x86_64", "installer": "uv"},
        test=Subject(),
        index=Index(),
        steps=Steps(),
        limits=Limits(),
    )


def run(room, code, who="package"):
    return room.run([room.paths.base, "-c", code], who=who, timeout=120)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_comes_back_is_gone_on_with(engine, tmp_path, number):
    cache = tmp_path / "c"
    with Gateway(str(cache)) as gateway:
        around = Surroundings(
            gateway=gateway,
            uv=lambda *_: "",
            cache=str(cache),
            run="t-1",
            images={"alpine": IMAGE},
        )
        backend = load("docker", around)
        room = backend.open(cell())
        run(room, f"import os; os.makedirs('{room.paths.environment}')", "installer")
        faults = []

        def step():
            try:
                run(room, "import time; time.sleep(100)")
            except TargetError as error:
                faults.append(error)

        under_way = threading.Thread(target=step)
        under_way.start()
        time.sleep(1)
        engine.end(number)
        with pytest.raises(TargetError):
            run(room, "1")
        room.close()  # in vain, and silently
        opened = []
        again = threading.Thread(target=lambda: opened.append(backend.open(cell())))
        again.start()
        time.sleep(0.5)
        assert again.is_alive()  # it waits for the engine
        engine.start()
        again.join(docker_engine.PATIENCE)
        assert run(opened[0], "print(1)").stdout == b"1\n"
        under_way.join(30)
        assert [type(fault) for fault in faults] == [TargetError]
        opened[0].close()
        backend.close()
        after = load("docker", around)
        after.reclaim()
        room = after.open(cell())
        code = "import os; print(os.listdir('/envcheck/store/cells'))"
        assert run(room, code, "installer").stdout.count(b"-") == 2  # its own name alone
        room.close()
        after.close()
    assert engine.docker("ps", "-aq") == []


MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["one"]
smoke = "none"
[axes]
python = ["3.11"]
os = ["alpine"]
[variants.cell]
a = {}
b = {}
c = {}
d = {}
[limits]
memory = "512M"
scratch = "64M"
disk = "64M"
"""


def test_a_run_goes_on_when_the_engine_was_started_again(engine, workplace):
    (workplace.folder / "tried.toml").write_text(MATRIX)
    with IndexServer(wheel("one")) as index:
        variables = workplace.variables(index, DOCKER_HOST=engine.host)
        words = workplace.argv("run", "tried.toml", "--backend", "docker")
        under_way = subprocess.Popen(
            words,
            env=variables,
            cwd=workplace.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while len(engine.docker("ps", "-q", "--filter", "label=envcheck.cell=3.11-alpine-c")) == 0:
            assert under_way.poll() is None, under_way.communicate()
            time.sleep(0.05)
        engine.end(signal.SIGTERM)
        engine.start()
        out, err = under_way.communicate(timeout=120)
    ran = workplace.read(under_way.returncode, out.decode(), err.decode())
    assert ran.code == 0, ran.err
    assert [result.status for result in ran.run.results] == ["pass"] * 4
    assert max(result.attempts for result in ran.run.results) > 1
    assert engine.docker("ps", "-aq") == []
