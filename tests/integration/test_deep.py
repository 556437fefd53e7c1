"""``--deep``: torch and other modules really run, healthy, damaged and absent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

#: An interpreter whose environment has torch; by default the one that runs the tests.
TORCH = os.environ.get("ENVCHECK_TEST_TORCH_PYTHON", sys.executable)


needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")


@pytest.fixture
def deep(tmp_path):
    """``deep(WORDS…)``: report, failures by code, exit status of a doctor in an empty directory."""

    def run(*words, python=sys.executable, timeout=60, **variables):
        environment = {**os.environ, **variables}
        argv = [sys.executable, "-m", "envcheck", "doctor", "--python", python, "--deep"]
        argv += ["--timeout", str(timeout), "--report", "json", "-vv", *words]
        (tmp_path / "cwd").mkdir(exist_ok=True)
        environment["PYTHONPATH"] = os.pathsep.join(
            part for part in (variables.get("PYTHONPATH"), os.getcwd()) if part
        )
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=300,
            env=environment,
            cwd=tmp_path / "cwd",
            check=False,
        )
        document = json.loads(done.stdout)
        findings = {item["code"]: item for item in document["findings"] if item["status"] == "fail"}
        return document, findings, done.returncode

    return run


def facts_of(document):
    return document["facts"]


@pytest.fixture
def shadow(tmp_path):
    """``shadow("source", other="source")``: a directory with a package torch in it."""

    def write(source, **modules):
        folder = tmp_path / "shadow" / "torch"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(source)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        return folder

    return write


def build(source, output, *flags):
    file = output.with_suffix(".c")
    file.write_text(source)
    include = sysconfig.get_path("include")
    argv = ["gcc", "-shared", "-fPIC", f"-I{include}", "-o", str(output), str(file), *flags]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


EXTENSION = """
int answer(void);
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_C", 0, -1, 0};
PyMODINIT_FUNC PyInit__C(void) { answer(); return PyModule_Create(&module); }
"""
LIBRARY = "char filler[200000] = {1};\nint answer(void) { return 42; }\n"


@pytest.fixture
def extension(shadow):
    """A package torch with a native module that needs a native library beside it."""
    folder = shadow("import torch._C")
    build(LIBRARY, folder / "libanswer.so")
    build(EXTENSION, folder / "_C.so", f"-L{folder}", "-lanswer", "-Wl,-rpath,$ORIGIN")
    return folder


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGILL", "SIGABRT", "SIGKILL"])
def test_a_torch_that_dies(deep, shadow, name):
    """Scenario 19."""
    folder = shadow(
        "import torch.native", native=f"import os, signal; os.kill(os.getpid(), signal.{name})"
    )
    _, findings, code = deep(PYTHONPATH=str(folder.parent))
    assert code == 1
    assert name in findings["IMP301"]["title"]
    if name != "SIGKILL":
        assert "native.py:1" in findings["IMP301"]["detail"]
    assert not {"IMP302", "IMP303"} & findings.keys()


def test_a_torch_that_hangs(deep, shadow):
    """Scenario 20."""
    folder = shadow("import torch.slow", slow="import time\ntime.sleep(600)")
    _, findings, code = deep(PYTHONPATH=str(folder.parent), timeout=12)
    assert code == 1
    assert "slow.py:2" in findings["IMP302"]["detail"]


@needs_gcc
def test_a_healthy_extension(deep, extension):
    """The control: what is damaged below is whole here."""
    document, findings, _ = deep(PYTHONPATH=str(extension.parent))
    assert facts_of(document)["compute.torch.import.status"]["value"] == "ok"
    assert not {"IMP301", "IMP302", "IMP303"} & findings.keys()


@needs_gcc
@pytest.mark.parametrize(
    ("file", "size"), [("_C.so", 9000), ("libanswer.so", 9000)], ids=["module", "library"]
)
def test_a_truncated_library_kills_and_is_named(deep, extension, file, size):
    """Scenario 21: cut in the middle, where only touching it tells."""
    os.truncate(extension / file, size)
    document, findings, _ = deep(PYTHONPATH=str(extension.parent))
    known = facts_of(document)
    assert known["compute.torch.import.status"]["value"] in ("crash", "error")
    finding = findings.get("IMP301") or findings["IMP303"]
    assert file in finding["detail"]


@needs_gcc
@pytest.mark.parametrize(
    "content", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\x7fELF"]
)
def test_a_library_that_the_loader_refuses(deep, extension, content):
    (extension / "libanswer.so").write_bytes(content)
    _, findings, _ = deep(PYTHONPATH=str(extension.parent))
    assert "libanswer.so" in findings["IMP303"]["detail"]


@needs_gcc
def test_a_library_that_is_gone(deep, extension):
    (extension / "libanswer.so").unlink()
    _, findings, _ = deep(PYTHONPATH=str(extension.parent))
    assert "libanswer.so is not found" in findings["IMP303"]["title"]


@needs_gcc
def test_a_library_with_instructions_that_trap(deep, extension):
    build(
        "__attribute__((constructor)) void x(void) { __builtin_trap(); }\n" + LIBRARY,
        extension / "libanswer.so",
    )
    document, findings, _ = deep(PYTHONPATH=str(extension.parent))
    assert "SIG" in findings["IMP301"]["title"]
    assert facts_of(document)["compute.torch.import.library"]["value"] == str(
        extension / "libanswer.so"
    )


def test_an_exception_with_its_cause(deep, shadow):
    folder = shadow(
        "try:\n    import torch.numbers_\nexcept ImportError as error:\n"
        "    raise ImportError('torch could not be loaded') from error\n",
        numbers_="import gone_module",
    )
    _, findings, _ = deep(PYTHONPATH=str(folder.parent))
    assert "gone_module" in findings["IMP303"]["title"]
    assert "torch could not be loaded" in findings["IMP303"]["detail"]


def test_a_torch_that_is_not_installed_is_no_problem(deep, venv):
    document, findings, _ = deep(python=str(venv() / "bin" / "python"))
    known = facts_of(document)
    assert known["compute.torch.import.status"]["status"] == "absent"
    assert known["compute.dtypes"]["status"] == "absent"
    assert not [code for code in findings if code.startswith(("IMP", "DTYPE", "DST"))]


def test_modules_that_are_named(deep, tmp_path):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "crashing.py").write_text("import os; os.kill(os.getpid(), 11)")
    document, findings, _ = deep(
        "--module", "json", "--module", "crashing", "--module", "no_such_module",
        PYTHONPATH=str(folder),
    )  # fmt: skip
    records = {item["module"]: item for item in facts_of(document)["compute.imports"]["value"]}
    assert records["json"]["status"] == "ok"
    assert records["crashing"]["signal"] == "SIGSEGV"
    assert records["no_such_module"]["missing"] == "no_such_module"
    assert findings["IMP303"]["subject"] == "no_such_module"


def test_a_torch_that_was_built_for_another_numpy(deep, shadow):
    """Scenario 42: both are there, and exchange nothing."""
    folder = shadow("def from_numpy(array):\n    raise RuntimeError('Numpy is not available')\n")
    (folder.parent / "numpy.py").write_text("def arange(n):\n    return [0.0, 1.0, 2.0]\n")
    _, findings, _ = deep(PYTHONPATH=str(folder.parent))
    assert "not available" in findings["IMP304"]["detail"]


def test_a_torch_that_dies_when_it_computes(deep, shadow):
    folder = shadow(
        "import os\nfrom torch import version\n"
        "def get_num_threads():\n    os.kill(os.getpid(), 4)\n",
        version="cuda = hip = None",
    )
    document, findings, _ = deep(PYTHONPATH=str(folder.parent))
    assert "SIGILL" in findings["IMP305"]["detail"]
    assert "in get_num_threads" in findings["IMP305"]["detail"]
    assert facts_of(document)["compute.torch.import.status"]["value"] == "ok"


@pytest.mark.torch
def test_a_real_torch(deep):
    document, findings, _ = deep(python=TORCH, timeout=200)
    known = facts_of(document)
    assert known["compute.torch.import.status"]["value"] == "ok"
    assert known["compute.tests"]["value"] == "ok"
    assert known["compute.torch.numpy"]["value"] == "ok"
    formats = {
        item["dtype"]: item for item in known["compute.dtypes"]["value"] if item["device"] == "cpu"
    }
    assert formats["fp32"]["verdict"] == "native"
    assert formats["fp32"]["error"] < 1e-5
    for name in ("bf16", "fp16"):
        assert formats[name]["verdict"] in ("native", "emulated", "unknown")
    (gloo,) = [item for item in known["compute.collectives"]["value"] if item["backend"] == "gloo"]
    assert (gloo["status"], gloo["processes"]) == ("ok", 2)
    assert "torch" in {item["name"] for item in known["compute.libraries"]["value"]}
    assert not [code for code in findings if code.startswith(("IMP3", "DTYPE3", "DST3", "SMK3"))]
    passed = {f["code"] for f in document["findings"] if f["status"] == "pass"}
    assert {"SMK301", "SMK303", "SMK304"} <= passed


@pytest.mark.torch
def test_bf16_without_instructions_for_it_is_not_native(deep):
    """oneDNN limited to AVX2: an emulated format, on whatever processor."""
    document, _, _ = deep(python=TORCH, timeout=200, ONEDNN_MAX_CPU_ISA="AVX2")
    (bf16,) = [
        item
        for item in facts_of(document)["compute.dtypes"]["value"]
        if (item["device"], item["dtype"]) == ("cpu", "bf16")
    ]
    assert bf16["verdict"] != "native", bf16


@pytest.mark.torch
def test_gloo_that_cannot_work(deep):
    document, findings, _ = deep(python=TORCH, timeout=200, GLOO_SOCKET_IFNAME="none0")
    (gloo,) = facts_of(document)["compute.collectives"]["value"]
    assert gloo["status"] == "error"
    assert findings["DST301"]["severity"] == "warning"
    assert not [code for code in findings if code.startswith("SMK")], "one cause, told once"
    assert facts_of(document)["compute.tests"]["value"] == "ok"
