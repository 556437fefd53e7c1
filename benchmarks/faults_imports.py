"""Faults of what is imported: crashes, hangs, damaged libraries, shadows, a base that is gone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.fault import Fault, Make
from benchmarks.verdicts import Expectation

if TYPE_CHECKING:
    from benchmarks.sandbox import Sandbox


_TORCH_ABSENT = (
    r"torch is not installed|pytorch.{0,20}not (installed|found)|torch not installed",
    "says that torch is not installed",
)


_CPU_BUILD = (r"cpu-only pytorch build|built? (is )?cpu-only", "calls it a CPU-only build")


def _torch_starts_with(line: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        sandbox.edit("torch", "torch/__init__.py", "", line + "\n")

    return make


def _truncate(path: str, size: int) -> Make:
    def make(sandbox: Sandbox) -> None:
        with open(sandbox.inside(path), "rb") as file:
            data = file.read(size)
        sandbox.write(sandbox.inside(path), data)

    return make


def _pointer(sandbox: Sandbox) -> None:
    text = (
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4d" * 32 + "\nsize 34601088\n"
    )
    sandbox.write(sandbox.inside("torch/lib/libtorch_python.so"), text)


_STUB = {
    "__init__.py": "from .version import __version__\nfrom . import version, cuda, backends\n",
    "version.py": "__version__ = '2.13.0+cu128'\ncuda = '12.8'\nhip = None\ndebug = False\n",
    "cuda.py": "def is_available():\n    return False\n\n\ndef device_count():\n    return 0\n",
    "backends.py": "class cudnn:\n    @staticmethod\n    def version():\n        return None\n",
}


def _second_torch(sandbox: Sandbox) -> None:
    folder = sandbox.at("elsewhere")
    for name, text in _STUB.items():
        sandbox.write(f"{folder}/torch/{name}", text)
    sandbox.variables["PYTHONPATH"] = folder


def _shadow_file(name: str, text: str) -> Make:
    def make(sandbox: Sandbox) -> None:
        sandbox.write(os.path.join(sandbox.cwd, name), text)

    return make


def _fake_numpy(sandbox: Sandbox) -> None:
    base = sandbox.at("userbase")
    version = os.path.basename(os.path.dirname(sandbox.site))
    folder = f"{base}/lib/{version}/site-packages"
    sandbox.write(f"{folder}/numpy/__init__.py", "__version__ = '1.0.0'\n")
    sandbox.write(
        f"{folder}/numpy-1.0.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: numpy\nVersion: 1.0.0\n",
    )
    sandbox.variables["PYTHONUSERBASE"] = base


def _user_site(sandbox: Sandbox) -> None:
    path = os.path.join(sandbox.prefix, "pyvenv.cfg")
    with open(path) as file:
        text = file.read()
    sandbox.write(
        path,
        text.replace("include-system-site-packages = false", "include-system-site-packages = true"),
    )
    _fake_numpy(sandbox)


def _base_gone(sandbox: Sandbox) -> None:
    gone = "/opt/python-that-was-removed/bin"
    for name in os.listdir(sandbox.bin):
        path = os.path.join(sandbox.bin, name)
        if name.startswith("python") and os.path.islink(path) and os.readlink(path).startswith("/"):
            os.unlink(path)
            os.symlink(f"{gone}/python3.11", path)
    sandbox.write(
        os.path.join(sandbox.prefix, "pyvenv.cfg"),
        f"home = {gone}\ninclude-system-site-packages = false\nversion = 3.11.7\nexecutable = {gone}/python3.11\n",
    )


_SIGNAL = "import os as _o, signal as _s; _o.kill(_o.getpid(), _s.{})"


FAULTS = (
    Fault(
        "torch-segfault",
        "import torch dies of SIGSEGV",
        _torch_starts_with(_SIGNAL.format("SIGSEGV")),
        Expectation(
            (r"torch.*(SIGSEGV|segmentation)|(SIGSEGV|segmentation).*torch",), (_TORCH_ABSENT,)
        ),
    ),
    Fault(
        "torch-sigill",
        "import torch dies of SIGILL",
        _torch_starts_with(_SIGNAL.format("SIGILL")),
        Expectation(
            (r"torch.*(SIGILL|illegal instruction)|(SIGILL|illegal).*torch",), (_TORCH_ABSENT,)
        ),
    ),
    Fault(
        "torch-hangs",
        "import torch never returns",
        _torch_starts_with("import time as _t; _t.sleep(3600)"),
        Expectation((r"torch.*(did not|exceed|hang|timed? ?out|longer than)",), (_TORCH_ABSENT,)),
    ),
    Fault(
        "torch-so-truncated",
        "libtorch_cpu.so cut to 200 KB (SIGBUS at import)",
        _truncate("torch/lib/libtorch_cpu.so", 200_000),
        Expectation(
            (
                r"libtorch_cpu\.so.*(truncat|size|bytes|damag|differ|short|cut|incomplete)",
                r"(SIGBUS|bus error).*torch|torch.*(SIGBUS|bus error)",
            ),
            (_TORCH_ABSENT,),
        ),
    ),
    Fault(
        "torch-so-empty",
        "libtorch_cpu.so has 0 bytes",
        _truncate("torch/lib/libtorch_cpu.so", 0),
        Expectation(
            (r"libtorch_cpu\.so.*(truncat|size|bytes|damag|differ|short|empty)",), (_TORCH_ABSENT,)
        ),
    ),
    Fault(
        "lfs-pointer",
        "libtorch_python.so is a Git LFS pointer",
        _pointer,
        Expectation(
            (
                r"libtorch_python\.so.*(lfs|pointer|size|bytes|differ|damag|invalid|short)",
                r"lfs.*pointer",
            ),
            (_TORCH_ABSENT,),
        ),
    ),
    Fault(
        "second-torch",
        "PYTHONPATH leads to another torch than the installed one",
        _second_torch,
        Expectation(
            (
                r"PYTHONPATH.*torch|torch.*PYTHONPATH|torch.*(shadow|not owned|another|second)|shadow.*torch",
            ),
            (_CPU_BUILD, _TORCH_ABSENT),
        ),
    ),
    Fault(
        "torch-py-in-cwd",
        "a file torch.py in the working directory",
        _shadow_file("torch.py", "value = 1\n"),
        Expectation(
            (r"torch\.py.*(shadow|hide|instead|before|import|not what)|shadow.*torch\.py",),
            (_CPU_BUILD, _TORCH_ABSENT),
        ),
    ),
    Fault(
        "random-py-in-cwd",
        "a file random.py in the working directory",
        _shadow_file("random.py", "value = 1\n"),
        Expectation(
            (r"random\.py.*(shadow|hide|instead|before|import|not what)|shadow.*random\.py",)
        ),
    ),
    Fault(
        "torch-directory-in-cwd",
        "a directory torch/ without __init__.py in the working directory",
        _shadow_file("torch/notes.txt", "x\n"),
        Expectation(healthy=True, wrong=(_CPU_BUILD, _TORCH_ABSENT)),
    ),
    Fault(
        "user-site-leak",
        "user site with numpy 1.0.0 reaches the environment",
        _user_site,
        Expectation((r"user.?site|PYTHONNOUSERSITE",)),
    ),
    Fault(
        "user-site-in-venv",
        "the same user site, but the environment is closed to it",
        _fake_numpy,
        Expectation(healthy=True),
    ),
    Fault(
        "venv-base-gone",
        "the venv's base Python was removed",
        _base_gone,
        Expectation(
            (
                r"(base|home|interpreter|python)\b.*(gone|removed|missing|does not exist|no longer|not there)|broken symlink|recreate",
            )
        ),
        outside=True,
        point="venv",
    ),
)
