"""Rooms of the docker backend, on a real engine with stand-in images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from index_server import IndexServer
from msgspec import structs
from wheels import wheel

from envcheck.errors import TargetError
from envcheck.index.gateway import Gateway
from envcheck.matrix.backends import docker_container, docker_images, load
from envcheck.matrix.backends.base import Surroundings
from envcheck.matrix.execution import execute
from envcheck.model.matrix import Cell, Index, Limits, Steps, Subject
from envcheck.targets.base import AgentRequest

pytestmark = pytest.mark.docker

IMAGES = {"slim": "envcheck-base:{python}-slim", "alpine": "envcheck-base:{python}-musl"}
ROOT = Path(__file__).parents[3]
QUIET = docker_images.Tell(str, str)


def cell(python="3.11", system="alpine", index=None, **limits):
    return Cell(
        id=f"{python}-{system}",
        axes={"python": python, "os": system, "architecture": "x86_64", "installer": "uv"},
        test=Subject(),
        index=index or Index(),
        steps=Steps(),
        limits=Limits(**limits),
    )


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory, programs):
    cache = tmp_path_factory.mktemp("cache")
    uv = next(path for path in programs.rglob("uv") if path.is_file())
    with Gateway(str(cache)) as gateway:
        yield Surroundings(
            gateway=gateway,
            uv=lambda _system, _architecture: str(uv),
            cache=str(cache),
            run="t-1",
            images=IMAGES,
        )
    owner = cache / "docker" / "owner"
    docker("volume", "rm", f"envcheck-store-{owner.read_text()}")


@pytest.fixture(scope="module")
def backend(surroundings):
    made = load("docker", surroundings)
    yield made
    made.close()
    assert not containers(made)


def containers(backend):
    return owned(Path(backend.store.folder) / "owner")


@pytest.fixture
def open_room(backend):
    """Opens rooms; they are closed afterwards."""
    rooms = []

    def open_one(*words, **named):
        rooms.append(backend.open(cell(*words, **named)))
        return rooms[-1]

    yield open_one
    for room in rooms:
        room.close()


def run(room, code, who="package", timeout=20, **env):
    words = [room.paths.base, "-I", "-S", "-c", textwrap.dedent(code)]
    return room.run(words, who=who, timeout=timeout, env=env)


def told(room, code, who="package"):
    done = run(room, code, who)
    assert done.status == "ok", done
    return json.loads(done.stdout)


TRIES = """
    import json, os, socket

    def attempt(function, *words):
        try:
            function(*words)
        except OSError as error:
            return type(error).__name__
        return "done"

    def write(path):
        with open(path, "w") as file:
            file.write("x")

    def connect(address):
        socket.create_connection((address, 80), 2)

    ENV = os.path.dirname(os.environ["ENV"])
    with open("/proc/self/status") as file:
        status = dict(line.strip().split(":\\t", 1) for line in file if ":\\t" in line)
    print(json.dumps({
        "user": os.getuid(),
        "capabilities": int(status["CapBnd"], 16) | int(status["CapEff"], 16),
        "no new privileges": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "devices": sorted(os.listdir("/sys/class/net")),
        "socket of the engine": os.path.exists("/var/run/docker.sock"),
        "root": attempt(write, "/usr/local/x"),
        "inputs": attempt(write, "/envcheck/in/x"),
        "first process": attempt(os.kill, 1, 9),
        "its memory": attempt(open, "/proc/1/mem", "rb"),
        "the way out": attempt(connect, "192.0.2.1"),
        "scratch": attempt(write, "/cell/x"),
        "temporary": attempt(write, "/tmp/" + str(os.getuid())),
        "environment": attempt(write, ENV + "/x"),
        "other cells": attempt(os.listdir, "/envcheck/store/cells"),
        "installer's cache": attempt(write, "/envcheck/store/uv/x"),
        "store": attempt(write, "/envcheck/store/x"),
    }))
"""


def tries(room, who):
    done = run(room, TRIES, who, ENV=room.paths.environment)
    assert done.status == "ok", done
    return json.loads(done.stdout)


def test_a_package_gets_nowhere(open_room):
    room = open_room()
    assert tries(room, "package") == {
        "user": 10002,
        "capabilities": 0,
        "no new privileges": "1",
        "seccomp": "2",
        "devices": ["lo"],
        "socket of the engine": False,
        "root": "OSError",  # a read-only file system
        "inputs": "OSError",
        "first process": "PermissionError",
        "its memory": "PermissionError",
        "the way out": "OSError",
        "scratch": "done",
        "temporary": "done",
        "environment": "PermissionError",
        "other cells": "PermissionError",
        "installer's cache": "PermissionError",
        "store": "PermissionError",
    }


def test_an_installer_writes_the_store_and_not_what_a_package_writes(open_room):
    found = tries(open_room("3.11", "slim"), "installer")
    assert found["user"] == 10001
    assert found["capabilities"] == 0
    assert found["root"] == found["inputs"] == "OSError"
    assert found["scratch"] == "PermissionError"
    assert found["environment"] == found["installer's cache"] == found["store"] == "done"
    assert found["the way out"] == "OSError"


def test_limits_are_applied(open_room):
    room = open_room(memory="200M", scratch="20M", processes=64, cpus=0.5)
    found = told(
        room,
        """
        import json, os
        def read(*paths):
            for path in paths:
                if os.path.exists(path):
                    with open(path) as file:
                        return file.read().split()
        def fill(path):
            try:
                with open(path, "wb") as file:
                    for _ in range(64):
                        file.write(bytes(1 << 20))
                        file.flush()
            except OSError as error:
                return error.strerror
            finally:
                os.unlink(path)
        print(json.dumps([
            read("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
            read("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
            read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu.max")[0],
            [fill(place + "/x") for place in ("/cell", "/tmp", "/dev/shm")],
        ]))
        """,
    )
    full = "No space left on device"
    assert found == [[str(200 << 20)], ["64"], "50000", [full, full, full]]
    assert room.notes == []


def test_what_needs_too_much_memory_is_ended_and_that_is_known(open_room):
    room = open_room(memory="96M")
    assert not room.out_of_memory()
    done = run(room, "x = bytearray(300 << 20)")
    assert (done.status, done.code) == ("signal", signal.SIGKILL)
    assert room.out_of_memory()
    assert not room.out_of_memory()
    run(
        room,
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b\"x\" * (300 << 20)'])",
    )
    assert room.out_of_memory()
    assert run(room, "print(1)").stdout == b"1\n"
    assert not room.out_of_memory()


def test_memory_that_files_take_ends_the_package_and_not_the_cell(open_room):
    room = open_room(memory="128M", scratch="1G")
    assert "a quarter" in room.notes[0]
    code = """
        for place in ("/cell", "/tmp", "/dev/shm"):
            try:
                with open(place + "/x", "wb") as file:
                    while True:
                        file.write(bytes(1 << 20))
                        file.flush()
            except OSError:
                continue
        x = b"x" * (100 << 20)
    """
    run(room, code)
    assert room.out_of_memory()
    assert run(room, "print(1)", "installer").stdout == b"1\n"


def test_an_engine_elsewhere_must_prove_that_it_reaches_our_socket(backend):
    room = backend.open(cell(memory="96M"))
    room._container._groups = {}  # as where its processes are not of this machine
    backend.engine.reaches_sockets = False
    try:
        room.open_index()
        assert backend.engine.reaches_sockets
        backend.engine.reaches_sockets = False
        assert run(room, "1").status == "ok"  # processes are counted by the engine
        assert not room.out_of_memory()
        run(room, "x = bytearray(300 << 20)")
        assert room.out_of_memory()
        assert not room.out_of_memory()
    finally:
        room.close()


def test_processes_without_end_are_ended(open_room):
    room = open_room(processes=48)
    bomb = """
        import os, time
        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
            except OSError:
                os.write(1, b"full")
                time.sleep(0.2)
                os._exit(3)
    """
    run(room, bomb)
    count = "import json, os; print(json.dumps([n for n in os.listdir('/proc') if n.isdigit()]))"
    assert len(told(room, count)) == 2  # the first one, and this one


def test_a_deadline_holds_whatever_a_command_does(open_room):
    room = open_room()
    first = room.container_id
    began = time.monotonic()
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
    done = run(room, stubborn, timeout=1)
    assert done.status == "timeout"
    assert time.monotonic() - began < 30
    assert room.container_id != first
    assert first not in docker("ps", "-aq", "--no-trunc")
    assert run(room, "print(1)").stdout == b"1\n"


def test_a_package_that_kills_all_kills_itself(open_room):
    room = open_room()
    first = room.container_id
    kill = [room.paths.base, "-c", "import os; os.kill(-1, 9)"]
    outcome = execute(room, kill, name="import", who="package", seconds=10)
    assert not outcome.answered
    assert outcome.step.signal == "SIGKILL"
    assert room.container_id == first
    told(room, "import os, json; [os.fork() or os._exit(0) for _ in range(20)]; print('[]')")
    zombies = "import glob, json; print(json.dumps(len(glob.glob('/proc/[0-9]*'))))"
    assert told(room, zombies) == 2  # who has no parent is reaped


def test_output_is_bounded(open_room):
    done = run(open_room(), "import sys; sys.stdout.write('x' * (80 << 20)); sys.exit(5)")
    assert (done.status, done.code, len(done.stdout)) == ("exit", 5, 64 << 20)


def test_renewing_keeps_the_environment_and_the_inputs(open_room):
    room = open_room()
    told(room, f"import os; os.makedirs('{room.paths.environment}'); print('[]')", "installer")
    path = room.put("a/b.txt", b"text")
    told(room, "open('/cell/x', 'w'); print('[]')")
    room.renew()
    found = told(
        room,
        f"""
        import json, os
        print(json.dumps([os.path.isdir({room.paths.environment!r}), open({path!r}).read(),
                          os.listdir("/cell")]))
        """,
    )
    assert found == [True, "text", []]
    with pytest.raises(ValueError, match="outside"):
        room.put("../x", b"")


def test_variables_are_the_images_and_not_its_installers(backend, tmp_path):
    (tmp_path / "dockerfiles").mkdir()
    (tmp_path / "dockerfiles" / "own.Dockerfile").write_text(
        "ARG BASE_IMAGE=envcheck-base:3.11-musl\nFROM ${BASE_IMAGE}\n"
        "RUN mkdir -p /cell /envcheck/in /envcheck/store && chown 10001 /envcheck/store\n"
        "ENV PIP_INDEX_URL=http://a/ UV_OFFLINE=1 https_proxy=http://u:p@h CUDA_HOME=/c\n"
    )
    around = backend.surroundings._replace(
        folder=str(tmp_path), environment={"OWN": "1"}, run="t-2"
    )
    own = load("docker", around)
    try:
        room = own.open(cell(system="own"))
        code = "import json, os; print(json.dumps(dict(os.environ)))"
        package, installer = told(room, code), told(room, code, "installer")
        room.close()
        reference = room.image_id
    finally:
        own.close()
    docker("image", "rm", "--force", reference)
    assert package.pop("PATH") == installer.pop("PATH")
    assert package["CUDA_HOME"] == installer["CUDA_HOME"] == "/c"
    assert package["OWN"] == "1"
    assert "OWN" not in installer
    for found in (package, installer):
        assert not [name for name in found if name.startswith(("PIP_", "UV_", "https"))]
    assert (package["HOME"], package["TMPDIR"]) == ("/cell", "/tmp")
    assert installer["HOME"].startswith(room.paths.environment.removesuffix("/env"))


def test_the_index_is_reached_while_it_is_open(backend):
    app = wheel("app", requires=["lib>=1"])
    with IndexServer(app, wheel("lib")) as index:
        room = backend.open(cell(index=Index(url=index.url)))
        try:
            installs(room, index)
        finally:
            room.close()
        assert room.door.traffic().files == 2


def installs(room, index):
    base = room.open_index()
    options = room.door.index_options(base)
    common = [room.paths.uv, "pip", "install", "--no-config", "--link-mode", "hardlink"]
    common += ["--python", room.paths.python, "--default-index", options.index_url, "app"]
    make = [room.paths.base, "-I", "-m", "venv", "--without-pip", room.paths.environment]
    assert room.run(make, who="installer", timeout=60).status == "ok"
    words = [*common, "--cache-dir", room.paths.uv_cache]
    done = room.run(words, who="installer", timeout=60)
    assert done.status == "ok", done.stderr
    room.close_index()
    again = {"UV_HTTP_RETRIES": "0"}
    done = room.run([*words, "--reinstall", "--refresh"], who="installer", timeout=60, env=again)
    assert done.status == "exit"
    code = (
        "import app, json, os; s = os.stat(app.__file__); print(json.dumps([s.st_nlink, s.st_uid]))"
    )
    done = room.run([room.paths.python, "-c", code], who="package", timeout=20)
    assert json.loads(done.stdout) == [2, 10001]  # linked from the installer's cache
    assert index.downloads() == {"app-1.0-py3-none-any.whl": 1, "lib-1.0-py3-none-any.whl": 1}


def test_a_long_path_of_the_cache_is_no_hindrance(backend, tmp_path):
    with IndexServer(wheel("app")) as index:
        long = tmp_path / ("l" * 100) / "cache"
        around = backend.surroundings._replace(cache=str(long), run="t-3")
        own = load("docker", around)
        try:
            room = own.open(cell(index=Index(url=index.url)))
            base = room.open_index()
            url = room.door.index_options(base).index_url
            code = f"import urllib.request as u; print(u.urlopen('{url}/app/').status)"
            assert run(room, code).stdout == b"200\n"
            room.close()
        finally:
            own.close()
            docker("volume", "rm", own.store.volume)


def test_closing_leaves_nothing(backend):
    room = backend.open(cell())
    code = """
        import os
        place = os.environ["ENV"] + "/a/b"
        os.makedirs(place)
        open(place + "/c", "w").close()
        os.chmod(place, 0)
        os.chmod(os.path.dirname(place), 0o500)
        os.symlink("/", os.environ["ENV"] + "/link")
    """
    assert run(room, code, "installer", ENV=room.paths.environment).status == "ok"
    container, folder = room.container_id, Path(room._place.folder)
    assert folder.is_dir()
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    room.close()
    room.close()
    assert container not in docker("ps", "-aq", "--no-trunc")
    assert not folder.exists()
    assert environments(backend) == []


def environments(backend):
    """Directories of cells on the volume."""
    room = backend.open(cell())
    try:
        code = "import json, os; print(json.dumps(os.listdir('/envcheck/store/cells')))"
        return [
            name for name in told(room, code, "installer") if name not in room.paths.environment
        ]
    finally:
        room.close()


HOLDER = """
import os, sys, time
sys.path.insert(0, {root!r})
from envcheck.index.gateway import Gateway
from envcheck.matrix.backends import load
from envcheck.matrix.backends.base import Surroundings
sys.path.insert(0, {here!r})
from test_docker_backend import IMAGES, cell, run
cache = {cache!r}
gateway = Gateway(cache)
around = Surroundings(gateway=gateway, uv=lambda *_: "", cache=cache, run="dead-1", images=IMAGES)
backend = load("docker", around)
for system in ("alpine", "slim"):
    room = backend.open(cell(system=system))
    run(room, "import os; os.makedirs(os.environ['ENV'])", "installer", ENV=room.paths.environment)
    run(room, "1")
print("open", flush=True)
time.sleep(600)
"""


def test_what_a_killed_run_has_left_is_removed_and_nothing_else(backend, surroundings):
    living = backend.open(cell())
    run(
        living,
        "import os; os.makedirs(os.environ['ENV'])",
        "installer",
        ENV=living.paths.environment,
    )
    here = str(Path(__file__).parent)
    code = HOLDER.format(root=str(ROOT), here=here, cache=surroundings.cache)
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as holder:
        assert holder.stdout.readline() == "open\n"
        assert backend.reclaim() == []  # it lives
        holder.send_signal(signal.SIGKILL)
    try:
        assert len(containers(backend)) == 3
        removed = backend.reclaim()
        kinds = [line.partition(" ")[0] for line in removed]
        assert kinds.count("container") == kinds.count("environment") == 2
        assert backend.reclaim() == []
        assert containers(backend) == docker("ps", "-q", "--filter", f"id={living.container_id}")
        path = living.paths.environment
        exists = f"import json, os; print(json.dumps(os.path.isdir({path!r})))"
        assert told(living, exists) is True
        rooms = Path(surroundings.cache) / "docker" / "rooms"
        assert len(list(rooms.iterdir())) == 1
    finally:
        living.close()


PREPARER = """
import sys
sys.path.insert(0, {root!r})
from envcheck.index.gateway import Gateway
from envcheck.matrix.backends import load
from envcheck.matrix.backends.base import Surroundings
sys.path.insert(0, {here!r})
from test_docker_backend import IMAGES, cell
cache = {cache!r}
gateway = Gateway(cache)
around = Surroundings(gateway=gateway, uv=lambda *_: "", cache=cache, run="ended-1", images=IMAGES)
backend = load("docker", around)
try:
    backend.prepare([cell("3.9"), cell("3.11"), cell("3.13"), cell("3.12", "slim")])
finally:
    backend.close()
"""


def test_ctrl_c_while_images_are_looked_into_leaves_nothing(tmp_path):
    """The moment is short: it may be over before the signal arrives, and is then tried again."""
    assert any(ended_in_prepare(tmp_path / f"{attempt}") for attempt in range(6))


def ended_in_prepare(folder):
    """Whether it was interrupted in time. Nothing is left in any case."""
    folder.mkdir()
    here = str(Path(__file__).parent)
    code = PREPARER.format(root=str(ROOT), here=here, cache=str(folder))
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    owner = folder / "docker" / "owner"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell may ignore it
    ) as preparer:
        while preparer.poll() is None and not (owner.exists() and owned(owner)):
            time.sleep(0.005)
        preparer.send_signal(signal.SIGINT)
        said = preparer.communicate(timeout=90)[1]
    assert owned(owner) == []
    assert list((folder / "docker").glob("*/*")) in ([], [*folder.glob("docker/images/*")])
    docker("volume", "rm", f"envcheck-store-{owner.read_text()}")
    return "KeyboardInterrupt" in said


def owned(owner):
    return docker("ps", "-aq", "--filter", f"label=envcheck.owner={owner.read_text()}")


def test_a_container_that_is_gone_is_the_infrastructures_fault(backend):
    room = backend.open(cell())
    run(room, "1")
    run(room, "import os; os.makedirs(os.environ['ENV'])", "installer", ENV=room.paths.environment)
    docker("rm", "-f", room.container_id)
    with pytest.raises(TargetError):
        run(room, "1")
    room.close()
    other = backend.open(cell())
    assert run(other, "print(1)").stdout == b"1\n"
    other.close()
    assert backend._left  # its environment, which is removed when the backend is closed
    backend.store.sweep(backend.engine, backend._left)
    assert environments(backend) == []


def test_the_doctor_examines_a_cell(open_room):
    room = open_room("3.11", "slim")
    words = [room.paths.base, "-I", "-m", "venv", "--without-pip", room.paths.environment]
    assert room.run(words, who="installer", timeout=60).status == "ok"
    sheet = room.target().start(AgentRequest()).finish()
    assert sheet["interpreter.prefix"] == room.paths.environment

    assert sheet["host.libc.family"] == "glibc"
    assert sheet.target["kind"] == "container"


def test_an_engine_that_does_not_see_our_files_is_refused(backend):
    image = backend._image(backend._recipe(cell()), cell())
    room = backend._room(cell(), image, "")
    make = docker_container.Make(
        image.id, image.env, None, f"{room.name}-elsewhere", {}, room._place.volume,
        room._place.folder, f"/envcheck/store/cells/{room.name}-x", "another mark", Limits(),
    )  # fmt: skip
    other = docker_container.Container(backend.engine, make)
    try:
        with pytest.raises(TargetError, match="does not see the files of this machine"):
            other.ready()
        gone = make._replace(folder="/nowhere/at/all", name=f"{room.name}-nowhere")
        with pytest.raises(TargetError, match="does not see the files of this machine"):
            docker_container.Container(backend.engine, gone)
    finally:
        other.remove()
        room.close()


def test_images_are_made_once_and_what_cannot_be_is_said(surroundings, backend):
    said, steps = [], []
    wrong = {"wrong": "envcheck-base:3.11-musl", "gone": "envcheck-base:no-such-image"}
    around = surroundings._replace(say=said.append, detail=steps.append, run="t-4")
    own = load("docker", around._replace(images={**IMAGES, **wrong}))
    cells = [cell(), cell("3.11", "slim")]
    strange = [cell(system=name) for name in ("alpine-cc", "nothing", "gone")]
    strange.append(cell("3.12", "wrong"))
    try:
        assert own.prepare(cells) == {}
        said.clear()
        reasons = own.prepare([*cells, *strange])
    finally:
        own.close()
    assert "alpine-cc 3.11: building from envcheck-base:3.11-musl" in said
    assert not [line for line in said if line.startswith(("alpine 3", "slim"))]
    assert [line for line in steps if line.startswith("alpine-cc 3.11: Step ")]
    assert reasons.pop("3.11-alpine-cc").startswith(
        "cannot build the image of `alpine-cc`: its base has no apk; "
    )
    assert "there is no dockerfiles/nothing.Dockerfile" in reasons.pop("3.11-nothing")
    assert "envcheck-base:no-such-image is not there" in reasons.pop("3.11-gone")
    assert "has Python 3.11." in reasons.pop("3.12-wrong")
    assert not reasons
    assert own.available(cells[0]) == ""
    assert own.available(strange[1])


def dockerfile(folder, name, *lines):
    (folder / "dockerfiles").mkdir(exist_ok=True)
    text = "\n".join(["FROM envcheck-base:3.11-musl", *lines, ""])
    (folder / "dockerfiles" / f"{name}.Dockerfile").write_text(text)


def test_no_credential_of_a_proxy_is_kept_in_an_image(backend, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://user:hunter2@proxy.invalid:3128")
    made = os.urandom(8).hex()
    dockerfile(tmp_path, "own", f'RUN test -n "$https_proxy" && echo {made} >/made')
    recipe = docker_images.recipe(cell(system="own"), {}, str(tmp_path), "x86_64")
    reference, _ = docker_images.ensure(backend.engine.api, recipe, QUIET)
    about = subprocess.run(
        f"docker history --no-trunc {reference}; docker inspect {reference}",
        shell=True,
        capture_output=True,
        text=True,
    ).stdout
    docker("image", "rm", "--force", reference)
    assert made in about
    assert "hunter2" not in about
    dockerfile(tmp_path, "own", 'RUN echo "cannot reach $https_proxy" && exit 7')
    recipe = docker_images.recipe(cell(system="own"), {}, str(tmp_path), "x86_64")
    with pytest.raises(TargetError) as caught:
        docker_images.ensure(backend.engine.api, recipe, QUIET)
    assert "status 7" in caught.value.message
    assert "cannot reach" in str(caught.value.context)
    assert "hunter2" not in str(caught.value.context) + caught.value.message


def test_a_dockerfile_that_is_none_is_said(backend, tmp_path):
    dockerfile(tmp_path, "own", "NONSENSE")
    recipe = docker_images.recipe(cell(system="own"), {}, str(tmp_path), "x86_64")
    with pytest.raises(TargetError) as caught:
        docker_images.ensure(backend.engine.api, recipe, QUIET)
    assert "own.Dockerfile" in caught.value.message
    assert "NONSENSE" in str(caught.value.context)


def test_two_may_build_one_image_at_once(backend, tmp_path):
    dockerfile(tmp_path, "own", f"RUN echo {os.urandom(8).hex()} >/made")
    recipe = docker_images.recipe(cell(system="own"), {}, str(tmp_path), "x86_64")
    found = []

    def build():
        found.append(docker_images.ensure(backend.engine.api, recipe, QUIET)[0])

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 3
    docker("image", "rm", found[0])


def test_limits_may_ask_for_more_processors_than_there_are(open_room):
    assert run(open_room(cpus=1000.0), "print(1)").stdout == b"1\n"
    assert structs.asdict(Limits())["cpus"] == 2
