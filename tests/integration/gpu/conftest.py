"""A machine with an NVIDIA driver that answers as a test wants: libraries built with gcc, a
nvidia-smi that is a script, and torch as the few files that say which build it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.targets.base import AgentRequest
from envcheck.targets.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from envcheck.model.facts import FactSheet
    from envcheck.model.finding import Finding, Report

SOURCES = Path(__file__).parent.parent / "fakes"
GIB = 1 << 30
T4 = f"Tesla T4;7.5;{15 * GIB}"
A100 = f"NVIDIA A100-SXM4-80GB;8.0;{80 * GIB}"
L4 = f"NVIDIA L4;8.9;{23 * GIB}"
V100 = f"Tesla V100-SXM2-16GB;7.0;{16 * GIB}"
GTX1080 = f"NVIDIA GeForce GTX 1080 Ti;6.1;{11 * GIB}"
RTX5090 = f"NVIDIA GeForce RTX 5090;12.0;{32 * GIB}"

_FAMILIES = ("ABI", "GPU", "DTYPE")


@pytest.fixture(autouse=True, scope="session")
def _no_driver() -> None:
    """The fakes stand for everything that this machine has of NVIDIA's."""
    from envcheck.agent import loader

    driver = os.path.exists("/proc/driver/nvidia") or loader.candidates("libcuda.so.1")
    if driver or not sys.platform.startswith("linux"):
        pytest.skip("only on Linux machines without an NVIDIA driver")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles a fake once: ``library("cuda", "V1")`` is the path of the shared object."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    built: dict[tuple[str, ...], Path] = {}

    def build(source: str, *defines: str, soname: str = "") -> Path:
        key = (source, *defines, soname)
        if key not in built:
            path = tmp_path_factory.mktemp("fake") / "fake.so"
            argv = [compiler, "-shared", "-fPIC", "-w", *(f"-D{name}" for name in defines)]
            argv += [f"-Wl,-soname,{soname}"] if soname else []
            subprocess.run(
                [*argv, "-o", str(path), str(SOURCES / f"{source}.c")], check=True, timeout=60
            )
            built[key] = path
        return built[key]

    return build


class Machine:
    """Arrange with ``cuda``, ``nvml``, ``smi``, ``torch`` …, then ``report`` what envcheck says."""

    def __init__(self, folder: Path, library: Callable[..., Path]) -> None:
        self.folder = folder
        self.library = library
        self.libraries = folder / "lib"
        self.programs = folder / "bin"
        self.prefix = folder / "venv"
        self.site = self.prefix / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
        for path in (self.libraries, self.programs, self.prefix / "bin", self.site):
            path.mkdir(parents=True)
        base = os.path.realpath(sys.executable)
        self.python = self.prefix / "bin" / "python"
        self.python.symlink_to(base)
        (self.prefix / "pyvenv.cfg").write_text(f"home = {os.path.dirname(base)}\n")
        self.env = {"LD_LIBRARY_PATH": str(self.libraries)}
        self.drop = {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_HOME", "CUDA_PATH"}
        self.drop |= {"PYTHONPATH", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"}

    def cuda(
        self,
        *devices: str,
        init: object = 0,
        version: str = "12.8",
        driver: str = "570.86.10",
        build: Sequence[str] = (),
    ) -> Machine:
        """libcuda.so.1 with these devices (name;capability;bytes)."""
        major, minor = version.split(".")
        self._install(self.library("cuda", *build), "libcuda.so", driver)
        self.env.update(
            FAKE_CUDA_INIT=str(init),
            FAKE_CUDA_VERSION=str(1000 * int(major) + 10 * int(minor)),
            FAKE_CUDA_DEVICES="|".join(devices),
        )
        return self

    def nvml(
        self,
        *devices: str,
        init: object = 0,
        version: str = "12.8",
        driver: str = "570.86.10",
        build: Sequence[str] = (),
        mig: int = -1,
    ) -> Machine:
        """libnvidia-ml.so.1; the devices are shared with libcuda."""
        major, minor = version.split(".")
        self._install(self.library("nvml", *build), "libnvidia-ml.so", driver)
        self.env.update(
            FAKE_NVML_INIT=str(init),
            FAKE_NVML_DRIVER=driver,
            FAKE_NVML_CUDA=str(1000 * int(major) + 10 * int(minor)),
            FAKE_NVML_MIG=str(mig),
        )
        if devices:
            self.env["FAKE_CUDA_DEVICES"] = "|".join(devices)
        return self

    def driver(
        self, *devices: str, version: str = "12.8", driver: str = "570.86.10", **named: Any
    ) -> Machine:
        """A whole healthy driver."""
        return self.cuda(*devices, version=version, driver=driver).nvml(
            version=version, driver=driver, **named
        )

    def _install(self, built: Path, name: str, driver: str) -> None:
        shutil.copy(built, self.libraries / f"{name}.{driver}")
        link = self.libraries / f"{name}.1"
        link.unlink(missing_ok=True)
        link.symlink_to(f"{name}.{driver}")

    def smi(self, script: str) -> Machine:
        """A nvidia-smi first on PATH: a shell script's lines."""
        program = self.programs / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        self.env["PATH"] = f"{self.programs}:{os.environ['PATH']}"
        return self

    def torch(
        self,
        version: str,
        cuda: str | None = None,
        requires: Sequence[str] = (),
        hip: str | None = None,
    ) -> Machine:
        """torch's version.py and metadata."""
        package = self.site / "torch"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "version.py").write_text(
            f"from typing import Optional\n\n__version__ = {version!r}\ndebug = False\n"
            f"cuda: Optional[str] = {cuda!r}\ngit_version = '0'\nhip: Optional[str] = {hip!r}\n"
        )
        self.distribution("torch", version, requires)
        return self

    def distribution(self, name: str, version: str, requires: Sequence[str] = ()) -> Path:
        """A dist-info; returns it."""
        info = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = [f"Requires-Dist: {requirement}\n" for requirement in requires]
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{''.join(lines)}\n"
        )
        (info / "INSTALLER").write_text("pip\n")
        (info / "RECORD").write_text(
            f"{info.name}/METADATA,,\n{info.name}/INSTALLER,,\n{info.name}/RECORD,,\n"
        )
        return info

    def sheet(self, monkeypatch: pytest.MonkeyPatch, **request: Any) -> FactSheet:
        """What the agent observes."""
        with monkeypatch.context() as patch:
            for name in self.drop - set(self.env):
                patch.delenv(name, raising=False)
            for name, value in self.env.items():
                patch.setenv(name, value)
            target = Interpreter(str(self.python), chosen_by="a test")
            return target.start(AgentRequest(**request)).finish()


class Case:
    """A machine and what envcheck says of it."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = machine
        self._monkeypatch = monkeypatch

    def sheet(self, **request: Any) -> FactSheet:
        return self.machine.sheet(self._monkeypatch, **request)

    def report(
        self, profile: Any = None, wants: Sequence[str] = (), edit: dict[str, Any] | None = None
    ) -> Report:
        """Judged; ``edit`` sets facts that no test can arrange, such as the kernel's."""
        sheet = self.sheet()
        for key, value in (edit or {}).items():
            sheet.document["facts"][key] = {"status": "known", "value": value}  # type: ignore[index]
        return evaluate(sheet, checks.load(_FAMILIES), profile=profile, wants=frozenset(wants))

    def findings(self, *statuses: str, **named: Any) -> dict[str, Finding]:
        """Findings by code, of these statuses (by default what is not in order)."""
        wanted = statuses or ("fail", "unknown", "crash")
        return {f.code: f for f in self.report(**named).findings if f.status in wanted}


@pytest.fixture
def case(tmp_path: Path, library: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Case:
    """An empty machine to arrange."""
    return Case(Machine(tmp_path, library), monkeypatch)
