"""Why cells fail, judged from logs of real failures, and from what a hostile package may write.

``tests/data/logs`` has the logs (README there); ``cases.json`` says of each what it must be.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from index_releases import recorded

from envcheck.matrix.causes import TRANSIENT, Failure, Verdict, build_rules, classify
from envcheck.matrix.causes.reading import read
from envcheck.model.cell import CAUSES, StepResult
from envcheck.model.matrix import Axes, Cell, Index, Limits, Steps, Subject

if TYPE_CHECKING:
    from envcheck.index.releases import Release

LOGS = Path(__file__).parents[2] / "data" / "logs"
CASES = json.loads((LOGS / "cases.json").read_text("utf-8"))
FAILED = [case for case in CASES if case["exit"]]


class Fault(NamedTuple):
    kind: str
    sentence: str


def releases(name: str) -> list[Release]:
    """What the index had of ``name`` when the logs were taken (a few releases of it)."""
    listed = json.loads((LOGS / "index.json").read_text("utf-8")).get(name, [])
    return recorded(listed)


def cell(**fields: Any) -> Cell:
    """One on ``slim`` with Python 3.12."""
    python, system = fields.pop("python", "3.12"), fields.pop("os", "slim")
    axes = {"python": python, "os": system, "architecture": "x86_64", "installer": "uv"}
    axes["installer"] = fields.pop("installer", "uv")
    test = Subject(requirements=fields.pop("requirements", []))
    index = fields.pop("index", Index())
    return Cell(id="x", axes=axes, test=test, index=index, steps=Steps(), limits=Limits())


def failure(step: str, log: str = "", **fields: Any) -> Failure:
    """A failed ``step``; fields of the step and of Failure by name."""
    known = {
        name: fields.pop(name) for name in ("exit", "signal", "oom", "seconds") if name in fields
    }
    status = fields.pop("status", "failed")
    fields.setdefault("cell", cell())
    fields.setdefault("installer", "uv 0.13.8")
    fields.setdefault("python", "3.12.1")
    fields.setdefault("libc", "glibc 2.36")
    fields.setdefault("releases", releases)
    return Failure(step=StepResult(name=step, status=status, **known), log=log, **fields)


def of_case(case: dict[str, Any]) -> Failure:
    minor = ".".join(case["python"].split(".")[:2])
    return failure(
        case["step"],
        (LOGS / f"{case['log']}.log").read_text("utf-8"),
        cell=cell(
            python=minor,
            os=case["os"],
            installer=case["installer"].split()[0],
            requirements=case["requirements"],
        ),
        installer=case["installer"],
        python=case["python"],
        libc=case["libc"],
        distribution="" if "musl" in case["libc"] else "debian",
        exit=case["exit"],
    )


@pytest.mark.parametrize("case", FAILED, ids=lambda case: case["log"])
def test_log_of_a_real_failure(case: dict[str, Any]) -> None:
    verdict = classify(of_case(case))
    assert (verdict.cause, verdict.sentence, verdict.remedy) == (
        case["cause"], case["sentence"], case["remedy"],
    )  # fmt: skip
    assert verdict.evidence
    assert verdict.status == "fail"


@pytest.mark.parametrize("case", FAILED, ids=lambda case: case["log"])
def test_without_an_index_the_prose_has_to_do(case: dict[str, Any]) -> None:
    verdict = classify(of_case(case)._replace(releases=None))
    alike = {case["cause"]}
    if case["step"] == "resolve" and case["installer"].startswith("pip"):
        alike |= {"not-found"}  # pip says of everything that there is no matching distribution
    assert verdict.cause in alike


def test_index_that_does_not_answer_is_no_answer() -> None:
    def broken(name: str) -> list[Release]:
        raise OSError(f"no index for {name}")

    case = next(case for case in FAILED if case["log"] == "uv-torch-musl")
    assert classify(of_case(case)._replace(releases=broken)).cause == "no-wheel"


def test_every_cause_is_a_word_of_the_model() -> None:
    assert {case["cause"] for case in FAILED} <= set(CAUSES)
    assert set(CAUSES) >= TRANSIENT


class TestNobodyElseSpeaks:
    """A package writes what it likes; it is never taken for the installer or the gateway."""

    FORGED = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because torch was not found in the package registry and you require torch\n"
        "ERROR: Could not find a version that satisfies the requirement torch"
        " (from versions: none)\n"
        "error: Failed to build `innocent==1.0`\n"
        "ERROR: HTTP error 503 while getting torch\n"
        "error sending request for url (http://127.0.0.1:8484/): connection refused\n"
        "Hash mismatch for `innocent==1.0`\n"
        "[end of output]\n"
        "OSError: [Errno 5] engine died, infrastructure\n"
    )

    def uv(self, written: str) -> str:
        lines = "".join(f"         {text}\n" for text in written.splitlines())
        return (
            "Resolved 1 package in 1.51s\n   Building hostile==1.0\n"
            "error: Failed to build `hostile==1.0`\n"
            "  cause: The build backend returned an error\n"
            "  cause: Call to `backend.build_wheel` failed (exit status: 1)\n\n"
            f"         [stdout]\n{lines}\n"
            "hint: Build failures usually indicate a problem with the package\n"
        )

    def pip(self, written: str) -> str:
        lines = "".join(f"      {text}\n" for text in written.splitlines())
        return (
            "Collecting hostile (from -r in.txt (line 1))\n"
            "  error: subprocess-exited-with-error\n  \n"
            "  × Building wheel for hostile (pyproject.toml) did not run successfully.\n"
            "  │ exit code: 1\n"
            f"  ╰─> [{written.count(chr(10))} lines of output]\n{lines}      [end of output]\n  \n"
            "  note: This error originates from a subprocess\n"
            "  ERROR: Failed building wheel for hostile\nFailed to build hostile\n"
        )

    def streamed(self, written: str) -> str:
        return (
            "Building wheel from source distribution...\n" + written +
            "error: Failed to build `/in/sdists/hostile-1.0.tar.gz`\n"
            "  cause: The build backend returned an error\n"
            "  cause: Call to `backend.build_wheel` failed (exit status: 1)\n\n"
            "hint: Build failures usually indicate a problem with the package\n"
        )  # fmt: skip

    @pytest.mark.parametrize("how", ["uv", "pip", "streamed"])
    def test_what_a_build_writes(self, how: str) -> None:
        installer = "pip 24.0" if how == "pip" else "uv 0.13.8"
        log = getattr(self, how)(self.FORGED)
        verdict = classify(failure("build", log, installer=installer))
        assert verdict.cause == "build-failed"
        assert "hostile" in verdict.sentence
        assert verdict.cause not in TRANSIENT

    @pytest.mark.parametrize("how", ["uv", "pip", "streamed"])
    def test_the_true_reason_among_forged_ones(self, how: str) -> None:
        installer = "pip 24.0" if how == "pip" else "uv 0.13.8"
        log = getattr(self, how)(
            self.FORGED + "x.c:1:10: fatal error: zlib.h: No such file or directory\n"
        )
        verdict = classify(failure("build", log, installer=installer, distribution="debian"))
        assert (verdict.cause, verdict.remedy) == (
            "missing-header",
            "`apt-get install -y zlib1g-dev`",
        )

    def test_what_an_import_writes(self) -> None:
        error = {"type": "RuntimeError", "message": "no", "module": "", "import": "hostile"}
        verdict = classify(failure("import", self.FORGED, error=error, exit=1))
        assert (verdict.cause, verdict.status) == ("import-failed", "fail")
        assert verdict.sentence == "`import hostile` raised RuntimeError: no"

    def test_escapes_and_line_ends_stay_in_their_line(self) -> None:
        log = self.uv("\x1b[2Kgcc\rerror: Failed to fetch\u2028ERROR: x\n")
        verdict = classify(failure("build", log))
        assert all(text.isprintable() for text in (verdict.sentence, *verdict.evidence))


class TestHealthyWords:
    """Frightening words that mean nothing."""

    def test_probes_of_a_build_are_not_why_it_failed(self) -> None:
        probes = (
            "checking... conftest.c:9:10: fatal error: zlib.h: No such file or directory\n"
            "/bin/sh: 1: pkg-config: not found\n"
            "Could NOT find OpenMP\n"
            "src/x.c:12:5: error: unknown type name 'PyTypo'\n"
            "error: command '/usr/bin/gcc' failed with exit code 1\n"
        )
        log = TestNobodyElseSpeaks().uv(probes)
        verdict = classify(failure("build", log))
        assert verdict.cause == "build-failed"
        assert "unknown type name 'PyTypo'" in verdict.sentence

    @pytest.mark.parametrize("case", [c for c in CASES if not c["exit"]], ids=lambda c: c["log"])
    def test_logs_of_installations_that_went_well_have_no_build_that_failed(
        self, case: dict[str, Any]
    ) -> None:
        log = (LOGS / f"{case['log']}.log").read_text("utf-8")
        assert read(log, case["installer"]).build is None

    def test_unknown_text_is_not_guessed_at(self) -> None:
        verdict = classify(
            failure("resolve", "all is lost\nthe moon is in the wrong place\n", exit=2)
        )
        assert verdict.cause == "unclassified"
        assert verdict.evidence == ("all is lost", "the moon is in the wrong place")
        assert "exit status 2" in verdict.sentence


class TestEnds:
    """How the process ended is evidence before any text."""

    def test_memory(self) -> None:
        verdict = classify(failure("build", "gcc: fatal error: Killed", oom=True, signal="SIGKILL"))
        assert verdict.cause == "memory"
        assert verdict.sentence == "the build of an sdist needed more memory than the limit of 4G"

    def test_time(self) -> None:
        verdict = classify(failure("import", "loading\n", status="timeout", seconds=300.2))
        assert verdict.cause == "timeout"
        assert verdict.sentence == "the import did not end in 300 s; the last it said was `loading`"
        assert verdict.remedy == "give it more time (limits.seconds.import)"

    def test_time_without_a_word(self) -> None:
        verdict = classify(failure("smoke", "\n\n", status="timeout", seconds=600))
        assert verdict.sentence == "the smoke script did not end in 600 s"

    @pytest.mark.parametrize(
        "signal", ["SIGSEGV", "SIGILL", "SIGABRT", "SIGBUS", "SIGKILL", "SIGRTMIN"]
    )
    def test_signal(self, signal: str) -> None:
        verdict = classify(failure("import", signal=signal))
        assert verdict.cause == "crash"
        assert signal in verdict.sentence

    def test_build_that_crashed(self) -> None:
        log = (
            TestNobodyElseSpeaks().uv("compiling").replace("exit status: 1", "signal: 11 (SIGSEGV)")
        )
        assert classify(failure("build", log)).sentence == "building hostile 1.0 crashed (SIGSEGV)"
        log = TestNobodyElseSpeaks().pip("compiling\n").replace("exit code: 1", "exit code: -11")
        verdict = classify(failure("build", log, installer="pip 24.0"))
        assert verdict.cause == "crash"

    def test_import_that_ends_itself(self) -> None:
        verdict = classify(failure("import", exit=0))
        assert verdict.cause == "import-failed"
        assert "ended itself (exit status 0)" in verdict.sentence


class TestGateway:
    """What the gateway could not give explains a failure before the installer's words do."""

    @pytest.mark.parametrize(
        ("kind", "cause", "status"),
        [
            ("hash", "hash", "fail"),
            ("unfit", "install-failed", "fail"),
            ("budget", "disk", "fail"),
            ("disk", "infrastructure", "error"),
            ("denied", "download", "error"),
            ("trouble", "download", "error"),
        ],
    )
    def test_fault(self, kind: str, cause: str, status: str) -> None:
        faults = [Fault(kind, "it is so")]
        verdict = classify(failure("install", "error: whatever", faults=faults))
        assert (verdict.cause, verdict.sentence, verdict.status) == (cause, "it is so", status)

    def test_does_not_explain_what_fails_later(self) -> None:
        error = {"type": "ModuleNotFoundError", "message": "No module named 'x'", "module": "x"}
        verdict = classify(failure("import", faults=[Fault("trouble", "once")], error=error))
        assert verdict.cause == "missing-module"


def imported(kind: str, message: str, module: str = "", **fields: Any) -> Verdict:
    """The verdict on `import thing` that raised this."""
    error = {"type": kind, "message": message, "module": module, "import": "thing"}
    return classify(failure("import", exit=1, error=error, **fields))


class TestImport:
    """Exceptions; those with a comment were raised in cells here."""

    @pytest.mark.parametrize(
        ("kind", "message", "name", "remedy"),
        [
            # opencv-python 5.0 on Debian
            ("ImportError", "libxcb.so.1: cannot open shared object file: No such file",
             "libxcb.so.1 (X11 client (xcb))", "`apt-get install -y libxcb1`"),
            ("ImportError", "libGL.so.1: cannot open shared object file: No such file or directory",
             "libGL.so.1 (OpenGL (libGL))", "`apt-get install -y libgl1`"),
            ("OSError", "libgomp.so.1: cannot open shared object file: No such file or directory",
             "libgomp.so.1 (OpenMP (GNU))", "`apt-get install -y libgomp1`"),
            # soundfile 0.14, wheel for any platform
            ("OSError", "cannot load library 'libsndfile.so': libsndfile.so: cannot open shared"
             " object file: No such file or directory", "libsndfile.so (libsndfile)",
             "`apt-get install -y libsndfile1`"),
            # mlx 0.32 without its Metal
            ("ImportError", "libmlx.so: cannot open shared object file: No such file or directory",
             "libmlx.so", ""),
        ],
    )  # fmt: skip
    def test_shared_object_on_debian(self, kind: str, message: str, name: str, remedy: str) -> None:
        verdict = imported(kind, message, distribution="debian")
        assert verdict.cause == "missing-library"
        assert (
            verdict.sentence
            == f"`import thing` needs the shared library {name}, which is not there"
        )
        assert verdict.remedy == remedy

    def test_shared_object_on_alpine(self) -> None:  # soundfile 0.14
        verdict = imported(
            "OSError",
            "cannot load library 'libsndfile.so': Error loading shared library libsndfile.so:"
            " No such file or directory",
            distribution="alpine",
            libc="musl 1.2.5",
        )
        assert (verdict.cause, verdict.remedy) == ("missing-library", "`apk add libsndfile`")

    def test_shared_object_where_the_system_is_not_known(self) -> None:
        message = "libxcb.so.1: cannot open shared object file: No such file or directory"
        verdict = imported("ImportError", message, cell=cell(os="mine"))
        assert verdict.remedy == (
            "`apt-get install -y libxcb1` or `apk add libxcb` or `dnf install -y libxcb`"
        )

    @pytest.mark.parametrize(
        ("kind", "message", "remedy"),
        [
            ("OSError", "PortAudio library not found", "`apt-get install -y libportaudio2`"),
            ("ImportError", "failed to find libmagic. Check your installation",
             "`apt-get install -y libmagic1`"),
        ],
    )  # fmt: skip
    def test_library_looked_for_by_name(self, kind: str, message: str, remedy: str) -> None:
        verdict = imported(kind, message, distribution="debian")
        assert (verdict.cause, verdict.remedy) == ("missing-library", remedy)

    def test_glibc_code_on_musl(self) -> None:
        message = (
            "Error loading shared library ld-linux-x86-64.so.2: No such file (needed by /x/y.so)"
        )
        verdict = imported("ImportError", message, libc="musl 1.2.5")
        assert verdict.cause == "missing-library"
        assert verdict.remedy == "use a glibc image such as python:3.12-slim"
        verdict = imported(
            "ImportError", "Error relocating /x/y.so: __strdup_chk: symbol not found"
        )
        assert verdict.cause == "import-failed"
        assert "y.so needs `__strdup_chk`, which musl does not have" in verdict.sentence

    def test_newer_glibc(self) -> None:
        message = (
            "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /x/y.so)"
        )
        verdict = imported("ImportError", message)
        assert verdict.sentence.endswith("newer glibc: GLIBC_2.38 is missing (this is glibc 2.36)")

    @pytest.mark.parametrize(
        ("module", "said"),
        [
            ("torch", "needs the module `torch`, which nothing that was installed brings"),
            ("distutils", "which was removed in Python 3.12"),
            ("_sqlite3", "which this Python was built without (SQLite)"),
            ("pkg_resources", "a part of setuptools"),
            ("thing", "there is no module `thing`"),
        ],
    )
    def test_module(self, module: str, said: str) -> None:
        verdict = imported("ModuleNotFoundError", f"No module named '{module}'", module)
        assert verdict.cause == "missing-module"
        assert said in verdict.sentence

    def test_module_that_this_python_still_has(self) -> None:
        verdict = imported("ModuleNotFoundError", "No module named 'distutils'", "distutils",
                           python="3.11.7")  # fmt: skip
        assert "removed" not in verdict.sentence

    def test_numpy_of_another_major(self) -> None:
        verdict = imported(
            "ValueError", "numpy.dtype size changed, may indicate binary incompatibility"
        )
        assert (verdict.cause, "numpy<2" in verdict.remedy) == ("import-failed", True)

    def test_smoke(self) -> None:
        error = {"type": "AssertionError", "message": "loss grew", "module": ""}
        verdict = classify(failure("smoke", exit=1, error=error))
        assert verdict.cause == "smoke-failed"
        assert verdict.sentence == "the smoke script raised AssertionError: loss grew"

    def test_smoke_without_a_report_says_its_last_line(self) -> None:
        verdict = classify(failure("smoke", "step 1\nFAILED: loss grew\n", exit=3))
        assert verdict.cause == "smoke-failed"
        assert verdict.sentence.endswith("exit status 3: FAILED: loss grew")


class TestInstall:
    """Installers that cannot install what was resolved."""

    @pytest.mark.parametrize(
        ("installer", "line", "cause"),
        [
            ("uv 0.13.8", "error: Failed to install: x-1.0-py3-none-any.whl (x==1.0)\n"
             "  cause: No space left on device (os error 28)", "disk"),
            ("pip 24.0", "ERROR: Could not install packages due to an OSError: [Errno 28]"
             " No space left on device", "disk"),
            ("pip 24.0", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS"
             " FILE.", "hash"),
            ("uv 0.13.8", "  cause: Scripts must not use the reserved name `python3`",
             "install-failed"),
            ("uv 0.13.8", "error: something new", "install-failed"),
        ],
    )  # fmt: skip
    def test_own_words(self, installer: str, line: str, cause: str) -> None:
        verdict = classify(failure("install", f"Resolved 1 package\n{line}\n", installer=installer))
        assert verdict.cause == cause


def test_sdist_that_may_not_be_built_is_none() -> None:
    index = Index(only_binary=["psycopg2"])
    log = (
        "error: No solution found when resolving dependencies\n"
        "  cause: Because psycopg2 has no usable wheels and you require psycopg2, we can conclude\n"
    )
    asked = cell(requirements=["psycopg2"], index=index)
    verdict = classify(failure("resolve", log, cell=asked))
    assert verdict.cause == "no-wheel"
    assert "building its sdist is not allowed (index.only-binary)" in verdict.sentence


def test_rules_compile_and_each_kind_is_known() -> None:
    from envcheck.matrix.causes import building

    assert {rule.kind for rule in build_rules.rules()} == set(building._HANDLERS)


def test_a_long_log_is_judged_at_once() -> None:
    log = TestNobodyElseSpeaks().uv("x" * 5000 + "\n" + "error: gcc " * 20_000 + "\n" * 1000)
    assert classify(failure("build", log)).cause in ("build-failed", "no-compiler")


def test_axes_are_as_the_model_has_them() -> None:
    assert set(cell().axes) == {"python", "os", "architecture", "installer"}
    assert Axes(python=["3.12"]).installer == ["uv"]
