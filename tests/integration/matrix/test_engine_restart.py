"""An engine that ends, or is killed, while cells are under way."""

from __future__ import annotations

import shutil
import signal
import threading
import time

import pytest
from second_engine import SecondEngine

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
