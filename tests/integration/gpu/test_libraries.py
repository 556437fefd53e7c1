"""Copies of CUDA libraries: which one torch gets, by the rules of the loader of this machine."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.gpu.conftest import Case

COMPONENTS = "$ORIGIN/../../nvidia/cudnn/lib:$ORIGIN/../../nvidia/cublas/lib:$ORIGIN"
PINS = ["nvidia-cudnn-cu12==9.10.2.21", "nvidia-cublas-cu12==12.8.4.1", "nvidia-nccl-cu12==2.27.5"]


@pytest.fixture
def wheel(case: Case, library: Callable[..., Path]) -> Callable[..., Path]:
    """torch 2.10 with its CUDA libraries in wheels of their own. Returns site-packages."""

    def make(
        tags: str = "--disable-new-dtags", components: tuple[str, ...] = ("cudnn", "cublas")
    ) -> Path:
        machine = case.machine.torch("2.10.0", "12.8", PINS)
        files = {"cudnn": "libcudnn.so.9", "cublas": "libcublas.so.12"}
        needed = []
        for component, file in files.items():
            built = library("library", soname=file)
            needed.append(built)
            if component in components:
                folder = machine.site / "nvidia" / component / "lib"
                folder.mkdir(parents=True)
                shutil.copy(built, folder / file)
                pin = next(pin for pin in PINS if component in pin)
                machine.distribution(*pin.split("=="))
        core = machine.site / "torch" / "lib"
        core.mkdir()
        for name in ("libc10.so", "libtorch.so", "libtorch_cpu.so", "libtorch_python.so"):
            shutil.copy(library("library"), core / name)
        argv = [
            "gcc",
            "-shared",
            "-fPIC",
            "-o",
            str(core / "libtorch_cuda.so"),
            "-Wl,--no-as-needed",
        ]
        argv += [*map(str, needed), f"-Wl,{tags},-rpath,{COMPONENTS}"]
        subprocess.run(argv, check=True, timeout=60)
        return machine.site

    return make


def other_cudnn(
    case: Case, library: Callable[..., Path], version: str, parts: tuple[str, ...] = ()
) -> Path:
    """Another cuDNN in a folder of LD_LIBRARY_PATH."""
    folder = case.machine.folder / "opt" / "cudnn"
    folder.mkdir(parents=True)
    shutil.copy(library("library", soname="libcudnn.so.9"), folder / f"libcudnn.so.{version}")
    (folder / "libcudnn.so.9").symlink_to(f"libcudnn.so.{version}")
    for part in parts:
        (folder / f"libcudnn_{part}.so.9").write_bytes(b"")
    case.machine.env["LD_LIBRARY_PATH"] += f":{folder}"
    return folder


def test_wheels_are_found(case: Case, wheel: Callable[..., Path]) -> None:
    site = wheel()
    sheet = case.sheet()
    copies = {
        copy["library"]: copy for copy in sheet["libraries.copies"] if copy["origin"] == "wheel"
    }
    assert copies["cudnn"]["version"] == "9.10.2.21"
    assert copies["cudnn"]["distribution"] == "nvidia-cudnn-cu12"
    assert copies["cudnn"]["cuda"] == 12
    chosen = {choice["file"]: choice for choice in sheet["libraries.chosen"]}
    assert chosen["libcudnn.so.9"]["path"] == str(site / "nvidia/cudnn/lib/libcudnn.so.9")
    assert chosen["libcudnn.so.9"]["why"] == "RPATH of libtorch_cuda.so"
    assert case.findings() == {}


@pytest.mark.parametrize(("version", "severity"), [("9.1.0", "error"), ("9.22.0", "warning")])
def test_library_path_wins_over_runpath(
    case: Case,
    wheel: Callable[..., Path],
    library: Callable[..., Path],
    version: str,
    severity: str,
) -> None:
    """Scenario 31."""
    wheel("--enable-new-dtags")
    folder = other_cudnn(case, library, version)
    found = case.findings()
    assert list(found) == ["ABI301"]
    finding = found["ABI301"]
    assert finding.severity == severity
    assert str(folder) in finding.title
    assert version in finding.title
    assert "9.10.2.21" in finding.title
    assert "LD_LIBRARY_PATH decides" in finding.detail
    assert "LD_LIBRARY_PATH" in finding.remedy.text
    assert "install" not in finding.remedy.text


def test_rpath_is_immune(
    case: Case, wheel: Callable[..., Path], library: Callable[..., Path]
) -> None:
    wheel("--disable-new-dtags")
    other_cudnn(case, library, "9.1.0")
    assert case.findings() == {}


def test_the_same_version_elsewhere_is_in_order(
    case: Case, wheel: Callable[..., Path], library: Callable[..., Path]
) -> None:
    wheel("--enable-new-dtags")
    other_cudnn(case, library, "9.10.2.21")
    assert case.findings() == {}


def test_objects_of_another_torch(
    case: Case, wheel: Callable[..., Path], library: Callable[..., Path]
) -> None:
    site = wheel("--enable-new-dtags")
    core = site / "torch" / "lib"
    argv = ["gcc", "-shared", "-o", str(core / "libtorch_cpu.so"), "-Wl,--no-as-needed"]
    shutil.copy(library("library", soname="libc10.so"), core / "libc10.so")
    rpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN"
    subprocess.run([*argv, str(core / "libc10.so"), rpath], check=True, timeout=60)
    assert case.findings() == {}
    other = case.machine.folder / "other" / "torch" / "lib"
    other.mkdir(parents=True)
    shutil.copy(core / "libc10.so", other)
    case.machine.env["LD_LIBRARY_PATH"] += f":{other}"
    found = case.findings()
    assert list(found) == ["ABI301"]
    assert found["ABI301"].severity == "error"
    assert str(other) in found["ABI301"].title


def test_a_library_that_is_nowhere(case: Case, wheel: Callable[..., Path]) -> None:
    wheel(components=("cublas",))
    found = case.findings()
    assert list(found) == ["ABI302"]
    assert "libcudnn.so.9" in found["ABI302"].title
    assert "nvidia-cudnn-cu12==9.10.2.21" in found["ABI302"].remedy.commands[0]


def test_torch_preloads_what_the_loader_does_not_find(
    case: Case, wheel: Callable[..., Path]
) -> None:
    site = wheel(components=("cublas",))
    folder = site / "nvidia" / "cu13" / "lib"
    folder.mkdir(parents=True)
    shutil.copy(site / "nvidia/cublas/lib/libcublas.so.12", folder / "libcudnn.so.9")
    chosen = {choice["file"]: choice for choice in case.sheet()["libraries.chosen"]}
    assert "preloads" in chosen["libcudnn.so.9"]["why"]


def test_two_cuda_majors(case: Case, wheel: Callable[..., Path]) -> None:
    wheel()
    case.machine.distribution("nvidia-cudnn-cu13", "9.20.0.48")
    found = case.findings()
    assert list(found) == ["ABI303"]
    assert found["ABI303"].severity == "warning"
    commands = found["ABI303"].remedy.commands
    assert "uninstall" in commands[0]
    assert "nvidia-cudnn-cu13" in commands[0]
    assert "nvidia-cudnn-cu12==9.10.2.21" in commands[1]


def test_parts_of_another_cudnn(
    case: Case, wheel: Callable[..., Path], library: Callable[..., Path]
) -> None:
    site = wheel()
    (site / "nvidia/cudnn/lib/libcudnn_ops.so.9").write_bytes(b"")
    folder = other_cudnn(case, library, "9.1.0", parts=("ops", "engines_tensor_ir"))
    found = case.findings()
    assert list(found) == ["ABI304"]
    assert found["ABI304"].subject == str(folder)


def test_version_from_header_and_file_name(case: Case, library: Callable[..., Path]) -> None:
    folder = case.machine.folder / "toolkit"
    (folder / "lib64").mkdir(parents=True)
    (folder / "include").mkdir()
    shutil.copy(library("library"), folder / "lib64" / "libcudnn.so.9")
    (folder / "lib64" / "libcudnn.so").symlink_to("libcudnn.so.9")
    shutil.copy(library("library"), folder / "lib64" / "libnccl.so.2.27.5")
    (folder / "lib64" / "libnccl.so.2").symlink_to("libnccl.so.2.27.5")
    header = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 8\n#define CUDNN_PATCHLEVEL 7\n"
    (folder / "include" / "cudnn_version.h").write_text(header)
    case.machine.env["CUDA_HOME"] = str(folder)
    copies = {
        copy["library"]: copy
        for copy in case.sheet()["libraries.copies"]
        if copy["path"].startswith(str(folder))
    }
    assert (copies["cudnn"]["version"], copies["cudnn"]["version_from"]) == ("9.8.7", "header")
    assert copies["cudnn"]["file"] == "libcudnn.so.9"
    assert (copies["nccl"]["version"], copies["nccl"]["version_from"]) == ("2.27.5", "file name")
    assert copies["nccl"]["file"] == "libnccl.so.2"


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_damaged_libraries_of_torch(case: Case, wheel: Callable[..., Path], content: bytes) -> None:
    site = wheel()
    (site / "torch" / "lib" / "libtorch_cuda.so").write_bytes(content)
    (damaged,) = case.sheet()["torch.libraries.damaged"]
    assert damaged["path"].endswith("libtorch_cuda.so")
    assert case.findings("crash") == {}


def test_a_loop_of_links(case: Case) -> None:
    (case.machine.libraries / "libcudnn.so.9").symlink_to("libcudnn.so.9")
    assert case.sheet().fact("libraries.copies").known
