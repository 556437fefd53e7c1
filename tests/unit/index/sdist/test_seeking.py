"""Gzip files read from their middle, and long sdists at a few places."""

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile

import pytest
from sdists import SETUPTOOLS, tar

from envcheck.index.sdist import probing
from envcheck.index.sdist.archive import Archive, read_tar, unpacked
from envcheck.index.sdist.seeking import Middle

WORDS = [f"word{number}" for number in range(400)]
PURE = "from setuptools import setup\nsetup(name='one')\n"


def prose(number, length=6000):
    """Text like that of sources: words that come again, and some that do not."""
    choose = random.Random(number)
    return " ".join(f"{choose.choice(WORDS)}{choose.random()}" for _ in range(length // 24))


def noise(number, length):
    return random.Random(number).randbytes(length)


def found_in(part, root="one-1.0"):
    archive = Archive(root=root)
    for stretch in Middle(part).stretches():
        read_tar(iter([stretch]), archive)
    return archive


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("cut", [1, 4321, 300_001])
def test_the_end_without_the_beginning(level, cut):
    files = {"a.bin": noise(1, 500_000)}
    files |= {f"pkg/m{number}.py": prose(number) for number in range(60)}
    files["setup.py"] = PURE
    data = gzip.compress(tar(files), level)
    found = found_in(data[cut:])
    assert found.texts["setup.py"] == PURE
    assert list(found.names)[-2:] == ["pkg/m59.py", "setup.py"]


def test_what_is_found_is_what_there_is():
    """Never a byte of a text that is not known."""
    files = {
        f"pkg{number % 7}/m{number}.py": prose(number) + "\nExtension" for number in range(300)
    }
    data = gzip.compress(tar(files))
    for start in range(1, len(data) - 1, len(data) // 12):
        for name, text in found_in(data[start:]).texts.items():
            assert files[name] == text


@pytest.mark.parametrize(
    "part", [b"", b"x", b"\0" * 100_000, os.urandom(200_000), b"ustar\0" * 9000]
)
def test_what_is_no_gzip_file(part):
    assert not found_in(part).names


def looked_at(data, budget=1 << 30, head=40_000):
    """What is found with the first bytes and what is asked for, and how much that is."""
    archive = Archive()
    read_tar(unpacked(data[:head], "one-1.0.tar.gz"), archive)
    asked = []

    def read(start, length):
        asked.append(length)
        assert 0 <= start < start + length <= len(data)
        return data[start : start + length]

    probing.look_further(read, len(data), head, archive, budget)
    return archive, sum(asked)


@pytest.fixture
def short_steps(monkeypatch):
    monkeypatch.setattr(probing, "END", 400_000)
    monkeypatch.setattr(probing, "_PLACE", 160_000)


@pytest.mark.parametrize("before", [300_000, 1_500_000, 3_000_000])
@pytest.mark.parametrize("behind", [0, 900_000, 2_500_000])
@pytest.mark.usefixtures("short_steps")
def test_the_place_of_setup_py(before, behind):
    files = {"PKG-INFO": "Name: one\n"}
    files |= {f"data/{n:03}.bin": noise(n, 50_000) for n in range(before // 50_000)}
    files |= {"pyproject.toml": SETUPTOOLS, "setup.py": PURE}
    files |= {f"tests/{n:03}.bin": noise(n, 50_000) for n in range(behind // 50_000)}
    data = gzip.compress(tar(files), 1)
    archive, asked = looked_at(data)
    assert archive.texts["setup.py"] == PURE
    assert asked < 1_700_000


@pytest.mark.usefixtures("short_steps")
def test_behind_one_long_member():
    files = {".git/pack": noise(1, 4_000_000), "pyproject.toml": SETUPTOOLS}
    files |= {"setup.py": PURE, "vendor/x": noise(2, 1_200_000)}
    archive, asked = looked_at(gzip.compress(tar(files), 1))
    assert archive.texts["setup.py"] == PURE
    assert asked < 800_000


@pytest.mark.usefixtures("short_steps")
def test_that_there_is_no_setup_py():
    files = {"PKG-INFO": "", "a.bin": noise(1, 900_000), "pyproject.toml": SETUPTOOLS}
    files["tests/x"] = noise(2, 100_000)
    archive, _ = looked_at(gzip.compress(tar(files), 1))
    assert "setup.py" in archive.absent
    unsorted = {"z": "", **files}
    archive, _ = looked_at(gzip.compress(tar(unsorted), 1))
    assert not archive.absent


@pytest.mark.usefixtures("short_steps")
def test_it_gives_up():
    """Members in no order, and nothing at the end."""
    files = {"z": "", "y.bin": noise(3, 900_000), "setup.py": PURE, "b.bin": noise(4, 2_000_000)}
    archive, asked = looked_at(gzip.compress(tar(files), 1))
    assert "setup.py" not in archive.texts
    assert asked <= 400_000
    _, asked = looked_at(
        gzip.compress(tar({f"a/{n}": noise(n, 400_000) for n in range(9)})), 700_000
    )
    assert asked <= 700_000


def test_a_tar_file_inside():
    """What looks like members of another archive is not taken for this one's."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as archive:
        entry = tarfile.TarInfo("other-2.0/setup.py")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"evil"))
    files = {"a.bin": noise(1, 300_000), "tests/data.tar": inner.getvalue(), "z.py": ""}
    found = found_in(gzip.compress(tar(files), 1)[1000:])
    assert "setup.py" not in found.names
