"""Reading of what torch's process left behind, and the verdict about a number format."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

import envcheck
from envcheck.agent import protocol
from envcheck.agent.probes import compute, compute_run, import_child
from envcheck.agent.probes.compute_run import classify

AVX2 = ["avx2"]
AVX512_BF16 = ["avx2", "avx512_bf16"]


def item(**values):
    fields = {"device": "cpu", "dtype": "bf16", "status": "ok", "error": 0.0017, "ratio": 1.0}
    return {**fields, "why": None, "claimed": None, **values}


@pytest.mark.parametrize(
    ("values", "features", "verdict"),
    [
        # measured: an EPYC with AVX512_BF16; the same limited to AVX512; the same limited to AVX2
        ({"ratio": 0.26}, AVX512_BF16, "native"),
        ({"ratio": 1.3}, ["avx2", "avx512f"], "emulated"),
        ({"ratio": 41.0}, AVX2, "emulated"),
        ({"ratio": 41.0}, AVX512_BF16, "emulated"),
        ({"ratio": 0.9}, AVX512_BF16, "unknown"),
        ({"ratio": 0.9}, AVX2, "emulated"),
        ({"ratio": 0.3}, AVX2, "unknown"),
        ({"ratio": 0.3}, [], "unknown"),
        ({"ratio": None}, AVX512_BF16, "unknown"),
        ({"dtype": "fp16", "error": 2e-4, "ratio": 40.0}, AVX2, "emulated"),
        ({"dtype": "fp32", "error": 3e-7}, AVX2, "native"),
        ({"dtype": "fp32", "error": 4e-4}, AVX2, "reduced"),
        ({"dtype": "fp32", "error": 0.3}, AVX2, "wrong"),
        ({"error": 0.5, "ratio": 0.2}, AVX512_BF16, "wrong"),
        ({"error": None, "ratio": 0.2}, AVX512_BF16, "wrong"),
        ({"dtype": "int8", "error": 1e-9, "ratio": 0.2}, ["avx512_vnni"], "wrong"),
        ({"dtype": "int8", "error": 0.0, "ratio": 0.2}, ["avx512_vnni"], "native"),
        ({"status": "error", "why": "RuntimeError: no"}, AVX2, "unsupported"),
        # a GPU: torch's own answer and the clock have to agree
        ({"device": "cuda:0", "ratio": 0.2, "claimed": True}, AVX2, "native"),
        ({"device": "cuda:0", "ratio": 3.0, "claimed": False}, AVX2, "emulated"),
        ({"device": "cuda:0", "ratio": 0.9, "claimed": False}, AVX2, "emulated"),
        ({"device": "cuda:0", "ratio": 0.9, "claimed": True}, AVX2, "unknown"),
        ({"device": "cuda:0", "ratio": 0.2, "claimed": False}, AVX2, "unknown"),
        ({"device": "mps:0", "ratio": 0.3}, AVX2, "native"),
        ({"device": "mps:0", "ratio": 1.5}, AVX2, "emulated"),
        ({"device": "cuda:0", "dtype": "tf32", "error": 4e-7}, AVX2, "unsupported"),
        ({"device": "cuda:0", "dtype": "tf32", "error": 3e-4, "ratio": 0.3}, AVX2, "native"),
    ],
)
def test_verdicts(values, features, verdict):
    found, why = classify(item(**values), features)
    assert found == verdict, why
    assert why


NUMBERS = st.none() | st.floats(0, 1e3)


@given(
    st.sampled_from(sorted(compute_run.TOLERANCE)),
    NUMBERS,
    NUMBERS,
    st.sampled_from(["cpu", "cuda:0"]),
    st.sampled_from([None, True, False]),
    st.lists(st.sampled_from(["avx2", "avx512_bf16", "avx512_fp16"])),
)
def test_never_native_without_evidence(dtype, error, ratio, device, claimed, features):
    values = {"dtype": dtype, "error": error, "ratio": ratio, "device": device, "claimed": claimed}
    verdict, why = classify(item(**values), features)
    assert why
    if verdict == "native" and dtype != "fp32":
        assert ratio <= compute_run.NATIVE_RATIO
        assert claimed is not False or device == "cpu"


TIMEOUT = """\
noise
Timeout (0:00:05)!
Thread 0x00007f (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 9 in wait

Thread 0x00007e (most recent call first):
  File "/env/torch/slow.py", line 3 in connect
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "/env/torch/__init__.py", line 1 in <module>
  File "<string>", line 99 in main
"""
CRASH = """\
Fatal Python error: Bus error

Current thread 0x00007f (most recent call first):
  File "<frozen importlib._bootstrap>", line 241 in _call_with_frames_removed
  File "<frozen importlib._bootstrap_external>", line 1176 in create_module
  File "/env/torch/__init__.py", line 427 in <module>
  File "<string>", line 99 in main

Extension modules: numpy.core (total: 1)
"""


def test_innermost_frames():
    assert compute_run.innermost(TIMEOUT) == "/env/torch/slow.py:3 in connect"
    assert compute_run.innermost(CRASH) == "/env/torch/__init__.py:427 in <module>"
    assert compute_run.innermost("Killed") == ""


LOADER = """\
      2028:\tfind library=libdep.so [0]; searching
      2028:\t  trying file=/env/torch/lib/libdep.so
      2028:
      2028:\tfile=libdep.so [0];  generating link map
      2028:\topening file=/env/other.so [0]; direct_opencount=1
noise on standard error: calling init: /nothing
"""


def test_the_library_that_was_being_loaded():
    assert compute_run.last_loaded(LOADER) == "/env/torch/lib/libdep.so"
    assert compute_run.last_loaded("   7:\tcalling init: /env/a.so\n") == "/env/a.so"
    assert compute_run.last_loaded("   7:\tfile=/env/b.so [0];  generating link map") == "/env/b.so"
    assert compute_run.last_loaded("") is None


@pytest.mark.parametrize(
    ("text", "missing", "damaged"),
    [
        (
            "ImportError: libcudart.so.12: cannot open shared object file: No such file",
            "libcudart.so.12",
            None,
        ),
        (
            "OSError: Error loading shared library libgomp.so.1: No such file (needed by /a/b.so)",
            "libgomp.so.1",
            None,
        ),
        ("ImportError: /env/torch/_C.so: file too short", None, "/env/torch/_C.so"),
        ("OSError: /env/x.so: invalid ELF header", None, "/env/x.so"),
        ("ImportError: cannot import name 'x'", None, None),
        ("", None, None),
    ],
)
def test_what_the_loader_says(text, missing, damaged):
    assert compute_run.missing_library(text) == missing
    assert compute_run.damaged_library(text) == damaged


PLAIN = json_values(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    st.text("ab\"\\\n"),
)  # fmt: skip


@given(PLAIN)
def test_its_own_json_is_json(value):
    assert json.loads(import_child.encode(value)) == value


def test_numbers_that_json_does_not_have():
    assert import_child.encode([float("nan"), float("inf")]) == "[null, null]"


def trial(source, tmp_path, seconds=20.0, slack=5.0):
    """The record of importing a module ``broken`` with this source."""
    (tmp_path / "broken.py").write_text(source)
    script = compute_run.source_of("import_child")
    env = {"PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-B", "-c", script, "broken", str(seconds)]
    outcome = protocol.command(argv, seconds + slack, env=env, localized=True).wait()
    return compute_run.trial(protocol.emitted(outcome.out), outcome)


def test_an_import_that_goes_well(tmp_path):
    record = trial('print(\'{"status": "lie"}\')\n__version__ = 3', tmp_path)
    assert (record["status"], record["version"]) == ("ok", "3")
    assert record["file"] == str(tmp_path / "broken.py")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import gone.inner", {"status": "error", "missing": "gone"}),
        ("raise OSError('libx.so.1: cannot open shared object file')", {"missing": "libx.so.1"}),
        ("def f(:", {"status": "error"}),
        ("import sys; sys.exit(3)", {"status": "error", "error": "SystemExit: 3"}),
        ("import os; os._exit(3)", {"status": "crash", "signal": None}),
        ("import os; os.kill(os.getpid(), 11)", {"status": "crash", "signal": "SIGSEGV"}),
        ("import os; os.kill(os.getpid(), 4)", {"status": "crash", "signal": "SIGILL"}),
        ("import os; os.abort()", {"status": "crash", "signal": "SIGABRT"}),
        ("import os; os.close(1); os.close(2); raise ValueError('x')", {"status": "error"}),
        (
            "try:\n  import gone\nexcept ImportError as e:\n  raise RuntimeError('see') from e",
            {"missing": "gone"},
        ),
    ],
)
def test_imports_that_do_not(tmp_path, source, expected):
    record = trial(source, tmp_path)
    assert {key: record[key] for key in expected} == expected
    if record["signal"]:
        assert record["where"].startswith(str(tmp_path / "broken.py"))


def test_an_import_that_hangs(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    record = trial("import slow", tmp_path, seconds=1.0)
    assert record["status"] == "hang"
    assert record["where"] == f"{tmp_path / 'slow.py'}:2 in <module>"


def test_an_import_that_stops_itself(tmp_path):
    """Not even its watchdog runs: it is killed from outside."""
    record = trial("import os; os.kill(os.getpid(), 19)", tmp_path, seconds=0.3, slack=0.5)
    assert record["status"] == "hang"


def test_modules_of_the_standard_library_are_not_hidden(tmp_path):
    """A program's json.py is what that program would import: the trial imports none itself."""
    (tmp_path / "json.py").write_text("raise ValueError('shadowed')")
    record = trial("import json", tmp_path)
    assert "shadowed" in record["error"]
    assert record["where"] == f"{tmp_path / 'json.py'}:1 in <module>"


def test_the_scripts_parse_where_the_agent_does():
    for name in ("import_child", "torch_child", "collective_child"):
        compile(compute_run.source_of(name), name, "exec")
    assert len(compute_run.source_of("torch_child")) < 100_000  # Linux: 128 KiB for an argument


def test_not_asked():
    facts = protocol.Facts()
    compute.collect(facts, protocol.Request())
    assert facts.value("asked") is False
    reasons = {entry.get("reason") for entry in facts.entries.values()} - {None}
    assert reasons == {compute.NOT_ASKED}
    assert set(facts.entries) == {field.name for field in compute.FIELDS}


def test_from_outside():
    request, facts = protocol.Request(), protocol.Facts()
    request.deep, request.prefix = True, "/elsewhere"
    compute.collect(facts, request)
    assert facts.entries["dtypes"]["status"] == "unknown"


def test_nothing_of_the_deep_part_is_loaded_by_default(tmp_path):
    code = (
        "import sys\nfrom envcheck.agent import protocol\n"
        "from envcheck.agent.probes import compute, credentials, launch, network, toolchain\n"
        "for probe in (compute, credentials, launch, network, toolchain):\n"
        "    probe.collect(protocol.Facts(), protocol.Request())\n"
        "print(*sorted(set(sys.modules) & set(sys.argv[1].split())))"
    )
    heavy = "re ssl subprocess ast typing tempfile shutil ctypes pathlib urllib socket json"
    root = os.path.dirname(os.path.dirname(envcheck.__file__))
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {root!r})\n{code}",
            heavy,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HOME": str(tmp_path), "PATH": os.defpath},
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
