"""``envcheck matrix run`` from end to end: real containers, real interpreters, real installers."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest
from index_server import IndexServer
from wheels import sdist, wheel

MATRIX = """
schema = "envcheck.matrix/1"
[test]
requirements = ["one[more]>=1"]
constraints = ["two<2"]
smoke = "smoke.py"
[axes]
python = ["3.9", "3.11"]
os = ["slim", "alpine"]
installer = ["uv", "pip"]
[[exclude]]
python = "3.9"
os = "alpine"
[steps]
imports = 1
"""
SMOKE = """
import sys, one, two
import envcheck.accelerator
assert "envcheck_matrix" not in sys.modules
print("smoke", two.__version__ if hasattr(two, "__version__") else "ran")
"""
FILES = [
    wheel("one", "1.0", requires=["two; extra == 'more'"], extras=["more"]),
    wheel("two", "1.5"),
    wheel("two", "2.0"),
    sdist("made", "1.0"),
]


def toml(workplace, text: str = MATRIX, smoke: str = SMOKE) -> str:
    (workplace.folder / "smoke.py").write_text(smoke)
    return text


@pytest.mark.docker
def test_every_step_of_every_cell_by_both_installers(workplace):
    with IndexServer(*FILES) as index:
        ran = workplace.run(toml(workplace), index=index)
    assert ran.code == 0, ran.err + ran.out
    names = [result.cell.id for result in ran.run.results]
    assert names == [
        f"{python}-{system}-{installer}"
        for python, system in (("3.9", "slim"), ("3.11", "slim"), ("3.11", "alpine"))
        for installer in ("uv", "pip")
    ]
    for result in ran.run.results:
        assert result.status == "pass", (result.cell.id, result.sentence)
        assert result.version == "1.0"
        assert result.installer.startswith(f"{result.cell.installer} ")
        assert result.wheel == "wheel"
        assert result.smoke == "pass"
        assert result.isolated
        assert result.libc.startswith("musl" if "alpine" in result.cell.id else "glibc 2.36")
        assert result.python.startswith(result.cell.python)
        assert result.verdict in ("pass", "warn")
        steps = {step.name: step for step in result.steps}
        assert list(steps) == [
            "create", "resolve", "download", "install", "measure", "import", "smoke",
        ]  # fmt: skip
        for name in ("create", "resolve", "install", "import", "smoke", "measure"):
            assert steps[name].status == "ok"
            assert steps[name].seconds > 0
            assert steps[name].peak_memory > 1 << 20
        assert {one.name: (one.version, one.requested) for one in result.distributions} == {
            "one": ("1.0", True),
            "two": ("1.5", False),
        }
        assert result.disk.logical == sum(one.disk.logical for one in result.distributions)
        assert result.imports[0].module == "one"
        assert 0 < result.imports[0].first < 5
        bytecode = "compiled" if result.cell.installer == "pip" else "none"
        assert result.imports[0].bytecode == bytecode
    assert "smoke" in ran.log("3.11-slim-uv")


@pytest.mark.docker
def test_a_build_is_done_in_the_cell_and_shared_with_nobody(workplace):
    with IndexServer(*FILES) as index:
        ran = workplace.run(
            ["made", "--python", "3.11", "--os", "slim,alpine", "--smoke", "none"], index=index
        )
    assert ran.code == 0, ran.err
    for result in ran.run.results:
        assert result.wheel == "sdist"
        assert result.built == ["made"]
        assert [one.compiled for one in result.distributions] == [False]
        assert [step.name for step in result.steps].count("build") == 2  # made, and taken out


@pytest.mark.docker
def test_a_wheel_that_was_just_built_and_a_project(workplace):
    (workplace.folder / "dist").mkdir()
    one = wheel("mine", "3.0", requires=["two"])
    one.write(workplace.folder / "dist")
    with IndexServer(*FILES) as index:
        ran = workplace.run(
            [f"dist/{one.name}", "--python", "3.11", "--os", "slim,alpine", "--smoke", "none"],
            index=index,
        )
    assert ran.code == 0, ran.err
    assert {result.version for result in ran.run.results} == {"3.0"}
    assert ran.run.header.matrix == "mine"


@pytest.mark.docker
def test_cells_are_resumed_and_retried_by_name(workplace):
    with IndexServer(*FILES) as index:
        first = workplace.run(
            toml(workplace, smoke="raise SystemExit(3)"), "--only", "3.11-slim-*", index=index
        )
        assert first.code == 1
        assert {result.cause for result in first.run.results} == {"smoke-failed"}
        (workplace.folder / "smoke.py").write_text(SMOKE)
        again = workplace.run(
            [], "--resume", "--retry-failed", "--only", "*-uv", index=index, backend="auto"
        )
    assert again.code == 1  # the one by pip was left alone
    assert again.cell("3.11-slim-uv").smoke == "pass"
    assert again.cell("3.11-slim-pip").cause == "smoke-failed"
    nothing = workplace.run([], "--resume")
    assert nothing.code == 2
    assert "nothing of tried-1 is left" in nothing.err


def hear_ctrl_c() -> None:
    """Whoever is started in the background by a shell ignores it, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.docker
def test_ctrl_c_leaves_what_is_done_and_no_container(workplace):
    text = MATRIX.replace('requirements = ["one[more]>=1"]', 'requirements = ["one", "endless"]')
    endless = wheel("endless", files={"endless/__init__.py": "import time; time.sleep(60)"})
    file = workplace.folder / "tried.toml"
    file.write_text(toml(workplace, text))
    with IndexServer(*FILES, endless) as index:
        process = subprocess.Popen(
            workplace.argv("run", str(file), "--backend", "docker", "--jobs", "2"),
            env=workplace.variables(index),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_ctrl_c,
        )
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if sum(" Up " in line for line in containers(workplace)) >= 2:
                break
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "--resume tried-1` goes on" in err
    assert containers(workplace) == []


def containers(workplace) -> list[str]:
    owner = workplace.cache / "docker" / "owner"
    if not owner.exists():
        return []
    label = f"label=envcheck.owner={owner.read_text()}"
    words = ["docker", "ps", "-a", "--format", "{{.Names}} {{.Status}}", "--filter", label]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.docker
def test_the_doctor_examines_the_image_that_the_matrix_built(workplace):
    with IndexServer(*FILES) as index:
        ran = workplace.run(
            ["two", "--python", "3.11", "--os", "alpine", "--smoke", "none"], index=index
        )
    image = ran.run.results[0].image_id
    done = subprocess.run(
        [*workplace.argv("x")[:3], "facts", "--image", image],
        env=workplace.variables(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)["facts"]
    assert facts["host.libc.family"]["value"] == "musl"
    assert facts["interpreter.version"]["value"].startswith("3.11")


@pytest.mark.interpreters
def test_without_an_engine_the_same_matrix_runs_in_interpreters_and_it_is_said(workplace):
    with IndexServer(*FILES) as index:
        ran = workplace.run(
            toml(workplace),
            index=index,
            backend="auto",
            DOCKER_HOST="unix:///nowhere/docker.sock",
        )
    assert ran.code == 0, ran.err
    assert "no engine answers" in " ".join([*ran.run.header.notes, ran.err])
    assert "nothing is isolated" in ran.err
    assert ran.run.header.backend == "interpreters"
    found = {result.cell.id: result for result in ran.run.results}
    for name, result in found.items():
        if "alpine" in name:
            assert (result.status, result.cause) == ("skipped", "unavailable")
            assert "musl" in result.sentence
    done = [result for name, result in found.items() if name.startswith("3.11-slim")]
    assert [result.smoke for result in done] == ["pass", "pass"]
    assert not any(result.isolated for result in done)


@pytest.mark.interpreters
def test_a_recorded_run_is_given_out_again(workplace):
    words = ["two", "--python", "3.10,3.11", "--os", "slim", "--smoke", "none"]
    with IndexServer(*FILES) as index:
        first = workplace.run(words, index=index, backend="interpreters")
    again = workplace.run([*words, "--only", "3.11-*"], "--recording", "two-1", backend="auto")
    assert (first.code, again.code) == (0, 0), again.err
    (result,) = again.run.results
    assert again.run.header.backend == "replay"
    assert result.imports == first.cell("3.11-slim").imports
    assert "recorded in the run two-1" in result.notes[-1]


@pytest.mark.docker
def test_the_smoke_matrix_from_the_real_index(workplace):
    done = subprocess.run(
        [*workplace.argv("run", "smoke", "--backend", "docker"), "--report", "json"],
        env={**workplace.variables(), "ENVCHECK_IMAGES": IMAGES},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["header"]["matrix"] == "smoke"
    statuses = {one["cell"]["id"]: one["status"] for one in document["results"]}
    assert len(statuses) == 8
    assert set(statuses.values()) <= {"pass", "warn"}


IMAGES = "slim=envcheck-base:{python}-slim,alpine=envcheck-base:{python}-musl"
