"""Hostile packages on the real engine: what they reach, and what is said of them.

All are cells of one run, beside healthy ones. What they manage they say (``MANAGED``), and it is
looked for where it would be: in files on the host, on listening sockets, in the shared store.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hostile
import pytest
from hostile import Bait
from index_server import IndexServer
from wheels import wheel

if TYPE_CHECKING:
    from envcheck.model.cell import CellResult
    from tests.integration.matrix.conftest import Ran, Workplace

pytestmark = pytest.mark.docker

MATRIX = """
schema = "envcheck.matrix/1"
[test]
smoke = "none"
[axes]
python = ["3.11"]
os = ["slim"]
installer = ["uv", "pip"]
[steps]
imports = 1
[limits]
memory = "384M"
cpus = 1
disk = "256M"
scratch = "64M"
processes = 64
log = "64K"
[limits.seconds]
resolve = 15
install = 30
import = 8
"""

#: attack -> causes that its cell may have, where it fails; empty: the package passes all the same
BUILT = {
    "daemon": "",
    "flood": "",
    "index": "",
    "poison": "",
    "privileges": "",
    "reads": "",
    "sockets": "",
    "disk": "disk",
    "endless": "timeout",
    "forks": "timeout build-failed memory",
    "killer": "crash build-failed",
    "liar": "build-failed",
    "memory": "memory",
    "quits": "build-failed",
    "segfault": "crash build-failed",
}
#: the same for packages that have nothing to be built
IMPORTED = {
    "clock": "",
    "disk": "disk",
    "endless": "timeout",
    "escapes": "import-failed",
    "forks": "timeout memory",
    "killer": "crash",
    "leaves": "import-failed",
    "liar": "import-failed",
    "memory": "memory",
    "quits": "import-failed",
    "segfault": "crash",
}
#: wheels that are hostile by themselves; of some it does not matter whether they can be installed
WHEELS = {
    "bomb": "disk",
    "giant": "? install-failed",
    "links": "? install-failed",
    "scripts": "? install-failed import-failed",
    "settings": "? install-failed import-failed",
    "starts": "",
    "traversal": "? install-failed",
}
#: those of which the installer shows nothing if they do not end by themselves
SILENT = ("endless", "forks", "killer", "quits")
WITH_PIP = ("links", "scripts", "settings", "starts", "traversal")
PACKAGES = (
    {f"built-{name}": causes for name, causes in BUILT.items()}
    | {f"imported-{name}": causes for name, causes in IMPORTED.items()}
    | {f"hostile-{name}": causes for name, causes in WHEELS.items()}
)
#: cell -> causes
CASES = {f"uv-{name}": causes for name, causes in PACKAGES.items()} | {
    f"pip-hostile-{name}": WHEELS[name] for name in WITH_PIP
}
VICTIM = wheel(
    "victim",
    files={
        "victim.py": "from victim_data import word\nassert word == 'healthy', word\n",
        "victim_data.py": "word = 'healthy'\n",
    },
)


class Listener:
    """On all addresses of this host: whoever connects is noted, and told the token."""

    def __init__(self, token: str) -> None:
        self.seen: list[object] = []
        self._token = token.encode()
        self._socket = socket.create_server(("0.0.0.0", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._socket.accept()
            except OSError:
                return
            self.seen.append(address)
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + self._token)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


class Arena(NamedTuple):
    """The run of them all."""

    ran: Ran
    bait: Bait
    listener: Listener
    folder: Path
    place: Workplace


@pytest.fixture(scope="module")
def arena(shared_workplace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("host")
    token = secrets.token_hex(16)
    (folder / "secret").write_text(token)
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    for path in (folder, folder.parent):
        path.chmod(0o755)
    listener = Listener(token)
    done = subprocess.run(["hostname", "-I"], capture_output=True, text=True)
    hosts = ["127.0.0.1", *[word for word in done.stdout.split() if ":" not in word]]
    bait = Bait(
        token,
        (str(folder / "secret"), "/etc/shadow"),
        (str(folder / "open"),),
        tuple((host, listener.port) for host in hosts),
    )
    files = [hostile.built(name, bait) for name in BUILT]
    files += [hostile.imported(name, bait) for name in IMPORTED]
    files += [getattr(hostile, name)(bait) for name in WHEELS]
    variants = {"first": "victim", **{name: name for name in PACKAGES}, "last": "victim"}
    text = MATRIX + "".join(
        f'[variants.attack.{name}]\nrequirements = ["{requirement}"]\n'
        for name, requirement in variants.items()
    )
    text += "".join(
        f'[[exclude]]\ninstaller = "pip"\nattack = "{name}"\n'
        for name in PACKAGES
        if name.removeprefix("hostile-") not in WITH_PIP
    )
    with IndexServer(*files, VICTIM, credentials=("user", token)) as index:
        ran = shared_workplace.run(text, index=index, MY_SECRET=token)
    yield Arena(ran, bait, listener, folder, shared_workplace)
    listener.close()


def cell(arena: Arena, name: str) -> CellResult:
    return arena.ran.cell(f"3.11-slim-{name}")


def log(arena: Arena, name: str) -> str:
    return arena.ran.log(f"3.11-slim-{name}")


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_it(arena, name):
    result = cell(arena, name)
    causes = CASES[name].split()
    told = [line for line in arena.ran.err.splitlines() if name in line]
    said = (result.status, result.cause, result.sentence, told, log(arena, name)[-2000:])
    if result.status in ("pass", "warn"):
        assert not causes or causes[0] == "?", said
    else:
        assert (result.status, result.cause in causes) == ("fail", True), said
        assert result.sentence, said
    assert result.attempts == 1, said


@pytest.mark.parametrize("name", CASES)
def test_it_has_managed_nothing(arena, name):
    assert re.findall(r"^MANAGED \w+: .*", log(arena, name), re.M) == []


@pytest.mark.parametrize("name", [name for name in BUILT if name not in SILENT])
def test_it_was_tried(arena, name):
    """Else that it has managed nothing says nothing."""
    assert f"TRIED {name} build" in log(arena, f"uv-built-{name}")


@pytest.mark.parametrize("name", [name for name in IMPORTED if name != "killer"])
def test_it_was_tried_by_importing(arena, name):
    assert f"TRIED {name} import" in log(arena, f"uv-imported-{name}")


@pytest.mark.parametrize("name", [name for name, causes in BUILT.items() if not causes])
def test_it_was_tried_by_building_and_by_importing(arena, name):
    assert f"TRIED {name} import" in log(arena, f"uv-built-{name}")


@pytest.mark.parametrize("name", ["uv-first", "uv-last", "pip-first", "pip-last"])
def test_healthy_cells_beside_it_are_well(arena, name):
    assert cell(arena, name).status == "pass", cell(arena, name)


def test_the_host_is_untouched(arena):
    token = arena.bait.token
    assert (arena.folder / "secret").read_text() == token
    assert sorted(path.name for path in arena.folder.rglob("*")) == ["open", "secret"]
    assert arena.listener.seen == []
    assert not list(Path("/tmp").glob("MANAGED*"))


def test_secrets_are_in_no_file_and_no_output(arena):
    token = arena.bait.token
    assert token not in arena.ran.out + arena.ran.err
    for path in arena.ran.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


def test_nothing_is_left_running(arena):
    mark = f"daemon-{arena.bait.token}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        assert mark not in words, process
    owner = arena.place.volume.removeprefix("envcheck-store-")
    words = ["docker", "ps", "--all", "--quiet", "--filter", f"label=envcheck.owner={owner}"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == ""


def test_the_store_that_cells_share_is_untouched(arena):
    script = "find /store -name '*MANAGED*'; find /store -name 'victim*.py' -exec sha256sum {} +;"
    script += "du -sk /store; find /store -newermt '2090-01-01'; ls /store/cells"
    words = [
        "docker",
        "run",
        "--rm",
        "--network",
        "none",
        "--volume",
        f"{arena.place.volume}:/store:ro",
    ]
    done = subprocess.run(
        [*words, "envcheck-base:3.11-slim", "sh", "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "MANAGED" not in done.stdout
    right = {
        hashlib.sha256(text).hexdigest()
        for text in (
            b"from victim_data import word\nassert word == 'healthy', word\n",
            b"word = 'healthy'\n",
        )
    }
    found = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(".py")}
    assert found == right
    size = next(
        int(line.split()[0]) for line in done.stdout.splitlines() if line.endswith("/store")
    )
    assert size < 400 << 10  # KiB: the bomb alone would be a GiB


def test_terminals_get_no_orders(arena):
    for text in (arena.ran.out, arena.ran.err):
        assert not set(text) & {chr(code) for code in (*range(9), 11, 12, *range(14, 32), 127)}
        assert not set(text) & set("\x9b\u202e\u2066\u200b")
        assert "\n::error::" not in text
    result = cell(arena, "uv-imported-escapes")
    said = "".join(
        [result.sentence, result.remedy, *result.evidence, *(i.error for i in result.imports)]
    )
    assert said.isprintable(), ascii(said)


def test_logs_are_cut(arena):
    for path in (arena.ran.folder / "logs").rglob("*.log"):
        assert path.stat().st_size < 80 << 10, path
    assert any(step.log_cut > 10 << 20 for step in cell(arena, "uv-built-flood").steps)


def test_clocks_that_stand_still_do_not_make_it_quick(arena):
    (timed,) = cell(arena, "uv-imported-clock").imports
    assert timed.first is None or timed.first >= 0.4
    assert all(seconds >= 0.4 for seconds in timed.settled)


def test_lies_are_not_believed(arena):
    for name in ("uv-built-liar", "uv-imported-liar"):
        result = cell(arena, name)
        assert all(step.seconds != 0.001 for step in result.steps)
        assert not any(timed.first == 0.001 for timed in result.imports)


def test_the_next_run_finds_a_healthy_store(arena):
    """Warm, from what the hostile cells had at hand."""
    with IndexServer(VICTIM) as index:
        ran = arena.place.run(["victim"], "--python", "3.11", "--os", "slim", index=index)
    assert [result.status for result in ran.run.results] == ["pass"]
