"""The attacks work where nothing holds them back: else that they achieve nothing would say nothing.

Only those that do no harm: they read, connect and write where the test has put something for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import hostile
import pytest
from hostile import Bait


@pytest.fixture
def bait(tmp_path):
    """A file with a secret, a folder that anybody may write, and somebody who listens."""

    class Secrets(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"token-1234")

        def log_message(self, *_):
            pass

    secret, folder = tmp_path / "secret", tmp_path / "folder"
    secret.write_text("token-1234")
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Secrets)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Bait("token-1234", (str(secret),), (str(folder),), (server.server_address[:2],))
    server.shutdown()
    server.server_close()
    thread.join()


def run(attack, bait, folder, phase="build", **variables):
    (folder / "bait.py").write_text(hostile.filled(attack, phase, bait))
    (folder / "attack.py").write_text(hostile.program(attack))
    done = subprocess.run(
        [sys.executable, "attack.py"],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def test_reads(bait, tmp_path):
    said = run("reads", bait, tmp_path, SECRET="with token-1234 in it")
    assert "MANAGED build: reads read " + bait.files[0] in said
    assert "MANAGED build: reads variable SECRET" in said
    assert "TRIED reads build" in said


def test_connects(bait, tmp_path):
    host, port = bait.listeners[0]
    said = run("sockets", bait, tmp_path)
    assert f"MANAGED build: sockets connected to {host}:{port}" in said
    assert "TRIED sockets build" in said


def test_writes(bait, tmp_path):
    said = run("poison", bait, tmp_path)
    assert "MANAGED build: poison uid" in said
    assert os.listdir(bait.folders[0]) == [f"MANAGED-poison-{os.getuid()}"]


def test_asks_a_server_that_gives_anything(bait, tmp_path):
    """The listener answers everything, as an index must not."""
    said = run("index", bait, tmp_path)
    assert "MANAGED build: index GET " in said
    assert "MANAGED import: index the index answers" in run("index", bait, tmp_path, "import")


@pytest.mark.parametrize("attack", ["forks", "disk", "memory", "killer", "privileges"])
def test_what_would_do_harm_runs_in_cells_only(attack, bait, tmp_path):
    assert run(attack, bait, tmp_path) == ""


@pytest.mark.parametrize("attack", sorted(path.stem for path in hostile.ATTACKS))
def test_attacks_are_packages(attack, bait):
    made = hostile.built(attack, bait)
    assert made.name == f"built_{attack}-1.0.tar.gz"
    for text in (hostile.program(attack), hostile.filled(attack, "build", bait)):
        compile(text, attack, "exec")
        assert bait.token not in text


def test_wheels_are_what_they_say(bait):
    names = zipfile.ZipFile(BytesIO(hostile.traversal(bait).data)).namelist()
    assert "../MANAGED-traversal-1" in names
    assert "/tmp/MANAGED-traversal" in names
    small = hostile.bomb(bait, 10 << 20)
    assert len(small.data) < 20_000
