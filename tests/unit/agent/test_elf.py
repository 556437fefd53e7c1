"""The ELF reader and the loader's rules, on real and on hurt files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envcheck.agent import elf, loader

COMPILER = shutil.which("gcc") or shutil.which("cc")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"), reason="only on Linux with a compiler"
)


def build(folder: Path, name: str, *flags: str, source: str = "int x;") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.c").write_text(source)
    path = folder / name
    assert COMPILER
    argv = [
        COMPILER,
        "-shared",
        "-fPIC",
        "-o",
        str(path),
        str(folder / "x.c"),
        f"-Wl,-soname,{name}",
    ]
    subprocess.run([*argv, *flags], check=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elf")
    build(folder, "libneeded.so.3")
    flags = [str(folder / "libneeded.so.3"), "-Wl,--no-as-needed,-rpath,$ORIGIN/a:/b"]
    return build(folder, "libsample.so.1", *flags, "-Wl,--enable-new-dtags")


@needs_compiler
def test_headers(sample: Path) -> None:
    header = elf.read(str(sample))
    assert header.bits == 64 if sys.maxsize > 2**32 else 32
    assert header.machine == os.uname().machine
    assert header.soname == "libsample.so.1"
    assert header.runpath == ["$ORIGIN/a", "/b"]
    assert header.rpath == []
    assert header.problem == ""


@needs_compiler
def test_interpreter_of_this_python() -> None:
    header = elf.read(os.path.realpath(sys.executable))
    assert header.interpreter == "" or header.interpreter.startswith("/")
    assert any(name.startswith(("libc", "libpython")) for name in header.needed)


@needs_compiler
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing(
    sample: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(sample.read_bytes())
    for _ in range(data.draw(st.integers(0, 12))):
        place = data.draw(st.integers(0, min(len(content), 4096) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path_factory.getbasetemp() / "damaged.so"
    path.write_bytes(bytes(content[:cut]))
    header = elf.read(str(path))
    assert header is None or len(header.needed) <= 256


@needs_compiler
def test_truncation_is_noticed(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.so"
    path.write_bytes(sample.read_bytes()[:5000])
    assert elf.read(str(path)).problem == "truncated"


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "none", tmp_path / "fifo", "/dev/null", "a\0b"):
        assert elf.read(str(path)) is None


@needs_compiler
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("other", [True, False])
def test_the_loader_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool, own: bool, other: bool
) -> None:
    """RPATH before LD_LIBRARY_PATH before RUNPATH, as the loader of this machine really does."""
    first = build(
        tmp_path / "own", "libtwin.so.7", source='const char *twin(void) { return "own"; }'
    )
    build(tmp_path / "other", "libtwin.so.7", source='const char *twin(void) { return "other"; }')
    tags = "--disable-new-dtags" if old else "--enable-new-dtags"
    user = build(
        tmp_path / "torch",
        "libuser.so",
        "-Wl,--no-as-needed",
        str(first),
        f"-Wl,{tags},-rpath,$ORIGIN/../own",
    )
    if not own:
        first.unlink()
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    if other:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "other"))
    path, why = loader.resolve("libtwin.so.7", str(user), elf.read(str(user)), b"")
    script = (
        "import ctypes, sys; twin = ctypes.CDLL(sys.argv[1]).twin;"
        " twin.restype = ctypes.c_char_p; print(twin().decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(user)], capture_output=True, text=True, timeout=60
    )
    real = done.stdout.strip()
    assert (Path(path).resolve().parent.name if path else "") == real
    if path:
        expected = {
            "own": ("RPATH" if old else "RUNPATH") + " of libuser.so",
            "other": "LD_LIBRARY_PATH",
        }
        assert why == expected[real]


def test_another_architecture_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "i386"
    folder.mkdir()
    header = bytearray(64)
    header[:7] = b"\x7fELF\x01\x01\x01"
    header[18] = 3
    header[42] = 32
    (folder / "libx.so.1").write_bytes(bytes(header))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    needer = elf.Elf()
    needer.bits, needer.machine = 64, "x86_64"
    assert loader.resolve("libx.so.1", "/t/liby.so", needer, b"")[0] is None


def test_cache_is_searched_as_bytes() -> None:
    data = (
        b"glibc-ld.so.cache1.1\x00\x01\xff/junk\0libcuda.so.1\0/usr/lib/libcuda.so.1\0"
        b"/opt/libcuda.so\0/a/libcuda.so.x/y\0/end/libcuda.so.1"
    )
    assert loader.cached(data, "libcuda.so") == ["/usr/lib/libcuda.so.1", "/opt/libcuda.so"]
    assert loader.cached(b"", "libcuda.so") == []


@pytest.mark.skipif(not os.path.exists(loader.CACHE), reason="only on systems with a loader cache")
def test_cache_of_this_machine() -> None:
    ldconfig = shutil.which("ldconfig", path=os.defpath + ":/usr/sbin:/sbin")
    assert ldconfig
    done = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=True, timeout=60)
    expected = {line.rpartition("=> ")[2] for line in done.stdout.splitlines() if "libc.so" in line}
    assert set(loader.cached(loader.read_cache(), "libc.so")) == expected
