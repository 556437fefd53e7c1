"""The same question, asked again by another process: given again, or worked out anew."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from index_server import IndexServer
from wheels import wheel

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    Asked = Callable[..., subprocess.CompletedProcess[str]]

FILES = (wheel("one", "1.0", requires=["two"]), wheel("two", "1.0"))
#: Says on standard error which of these modules the command has loaded by its end.
PROBE = """\
import atexit, sys
WATCHED = {"msgspec", "packaging", "ssl", "http.client"}
atexit.register(lambda: print("loaded:", *sorted(WATCHED & set(sys.modules)), file=sys.stderr))
"""


@pytest.fixture
def index() -> Iterator[IndexServer]:
    with IndexServer(*FILES) as server:
        yield server


@pytest.fixture
def asked(envcheck, index: IndexServer, tmp_path: Path) -> Asked:
    """Runs ``envcheck WORDS…`` in a directory of its own, with this index."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(PROBE)
    (tmp_path / "work").mkdir()

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = envcheck(
            *words,
            cwd=tmp_path / "work",
            env={
                "PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": index.url, "UV_NO_CONFIG": "1",
                "PIP_FIND_LINKS": None, "UV_FIND_LINKS": None, "PIP_EXTRA_INDEX_URL": None,
                "ENVCHECK_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path),
                "PYTHONPATH": str(site), **more,
            },
        )  # fmt: skip
        return done

    return run


WHY = ("why", "one", "--target", "3.12-slim")
PREDICT = ("matrix", "predict", "one", "--python", "3.12", "--os", "slim")


def loaded(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stderr.rpartition("loaded:")[2].split()


def given(asked: Asked, *words: str, **more: str) -> bool:
    """Whether the answer is given again, without work."""
    return loaded(asked(*words, **more)) == []


@pytest.mark.parametrize("words", [WHY, PREDICT, ("wheels", "one")], ids=lambda words: words[0])
def test_given_again(asked: Asked, index: IndexServer, words: tuple[str, ...]) -> None:
    first = asked(*words)
    assert first.returncode == 0, first.stderr
    assert "msgspec" in loaded(first)
    index.forget()
    again = asked(*words)
    assert (again.returncode, again.stdout) == (first.returncode, first.stdout)
    assert again.stderr.partition("loaded:")[0] == first.stderr.partition("loaded:")[0]
    assert loaded(again) == []
    assert index.count() == 0


def test_another_question(asked: Asked, tmp_path: Path) -> None:
    asked(*WHY)
    assert given(asked, *WHY)
    assert not given(asked, *WHY, "--files")
    assert not given(asked, *WHY, PIP_EXTRA_INDEX_URL="http://127.0.0.1:9/simple/")
    assert not given(asked, *WHY, COLUMNS="60")
    (tmp_path / "work" / "elsewhere").mkdir()
    assert given(asked, *WHY)


def test_a_failure_is_given_again_too(asked: Asked) -> None:
    first = asked("why", "nowhere", "--target", "3.12-slim")
    again = asked("why", "nowhere", "--target", "3.12-slim")
    assert (again.returncode, again.stdout) == (first.returncode, first.stdout)
    assert first.returncode == 1


def test_wrong_usage_is_not_kept(asked: Asked, tmp_path: Path) -> None:
    for _ in range(2):
        done = asked("why", "one[")
        assert done.returncode == 2
        assert "no requirement" in done.stderr
    assert not list((tmp_path / "cache").glob("answers/*"))


def test_a_changed_configuration(asked: Asked, index: IndexServer, tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {index.url}\n")
    more = {"PIP_CONFIG_FILE": str(file)}
    asked(*WHY, **more)
    assert given(asked, *WHY, **more)
    file.write_text(f"[global]\nindex-url = {index.url}\ntimeout = 7\n")
    assert not given(asked, *WHY, **more)


def test_a_new_configuration(asked: Asked, tmp_path: Path) -> None:
    asked(*WHY)
    assert given(asked, *WHY)
    (tmp_path / "work" / "pyproject.toml").write_text("[tool.envcheck.matrix]\nindex-url = 'x'\n")
    assert not given(asked, *WHY)


def test_a_changed_directory(asked: Asked, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    wheel("one", "2.0").write(folder)
    words = (*WHY, "--find-links", str(folder))
    assert "one 2.0" in asked(*words).stdout
    assert given(asked, *words)
    wheel("one", "3.0").write(folder)
    assert "one 3.0" in asked(*words).stdout
    assert given(asked, *words)
    stat = folder.stat()
    wheel("one", "3.0", requires=["nowhere"]).write(folder)  # in place
    os.utime(folder, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "nowhere" in asked(*words).stdout


MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["one"]
[axes]
python = ["3.12"]
os = ["slim"]
"""


def test_a_changed_matrix(asked: Asked, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "matrices"
    folder.mkdir()
    file = folder / "mine.toml"
    file.write_text(MATRIX)
    for word in ("mine", "matrices/mine.toml"):
        words = ("matrix", "predict", word)
        first = asked(*words)
        assert first.returncode == 0, first.stderr
        assert given(asked, *words)
        file.write_text(MATRIX.replace('"slim"', '"slim", "alpine"'))
        assert not given(asked, *words)
        assert given(asked, *words)
        file.write_text(MATRIX)


def test_changed_requirements(asked: Asked, tmp_path: Path) -> None:
    outer, inner = tmp_path / "work" / "outer.txt", tmp_path / "work" / "inner.txt"
    outer.write_text("-r inner.txt\n")
    inner.write_text("one\n")
    words = ("matrix", "predict", "-r", "outer.txt", "--python", "3.12", "--os", "slim")
    first = asked(*words)
    assert first.returncode == 0, first.stderr
    assert given(asked, *words)
    inner.write_text("two\n")
    assert not given(asked, *words)


def test_a_changed_recording(asked: Asked, tmp_path: Path) -> None:
    file = str(tmp_path / "seen")
    asked(*WHY, "--record", file)
    assert asked(*WHY, "--replay", file).returncode == 0
    assert given(asked, *WHY, "--replay", file)
    Path(file).write_bytes(b"nonsense")
    assert asked(*WHY, "--replay", file).returncode == 2


def answers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "answers").iterdir())


def test_its_time_is_over(asked: Asked, tmp_path: Path) -> None:
    asked(*WHY)
    (file,) = answers(tmp_path)
    kept = json.loads(file.read_text())
    assert time.time() < kept["until"] < time.time() + 90_000
    file.write_text(json.dumps({**kept, "until": time.time() - 1}))
    assert not given(asked, *WHY)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"nonsense", b"[]", b"{}", b"null", b"\xff\xfe", b'{"until": 9e9, "files": {}}',
        b'{"until": "x"}',
        b'{"until": 9e9, "files": 3, "stdout": "", "stderr": "", "status": 0}', b"[" * 5000,
        b'{"until": 9e9, "files": {}, "stdout": "x", "stderr": "y", "status": "z"}',
    ],
)  # fmt: skip
def test_a_damaged_answer(asked: Asked, tmp_path: Path, content: bytes) -> None:
    first = asked(*WHY)
    (file,) = answers(tmp_path)
    file.write_bytes(content)
    again = asked(*WHY)
    assert (again.returncode, again.stdout) == (first.returncode, first.stdout)


def test_what_writes_files_is_not_kept(asked: Asked, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for option in (("--report", f"html:{page}"), (f"--report=html:{page}",)):
        for _ in range(2):
            done = asked(*PREDICT, *option)
            assert done.returncode == 0, done.stderr
            assert page.read_text()
            page.unlink()
    record = tmp_path / "seen"
    for _ in range(2):
        asked(*WHY, "--record", str(record))
        record.unlink()
    assert not list((tmp_path / "cache").glob("answers/*"))


def test_a_cache_that_cannot_be_written(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        assert asked(*WHY).returncode == 0


def test_nothing_but_this_user_reads_them(asked: Asked, tmp_path: Path) -> None:
    asked(*WHY)
    if sys.platform != "win32":
        assert (tmp_path / "cache" / "answers").stat().st_mode & 0o077 == 0
