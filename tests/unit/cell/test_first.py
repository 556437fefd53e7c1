"""The first process of a container, as a process of this machine."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CELL = Path(__file__).parents[3] / "envcheck" / "cell"


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are there containers")
def test_it_says_again_what_nobody_may_have_heard_and_cleans_up(tmp_path: Path):
    (tmp_path / "store" / "cells").mkdir(parents=True)
    (tmp_path / "mark").write_text("the mark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "store" / "cells" / "one"
    request = {
        "folder": str(folder),
        "mark": str(tmp_path / "mark"),
        "door": str(CELL / "door.py"),
        "socket": str(tmp_path / "socket"),
        "port": port,
    }
    words = [sys.executable, "-I", "-S", "-B", str(CELL / "first.py"), json.dumps(request)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(6)]
        assert folder.is_dir()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert json.loads(lines[0])["mark"] == "the mark"
    assert lines[1] == "listening\n"
    assert lines[2:4] == lines[:2]
    assert lines[4:] == lines[:2]
    assert not folder.exists()
