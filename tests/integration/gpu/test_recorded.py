"""Fact sheets of machines with GPUs, recorded with the fakes: they are judged as they should be,
and the agent still observes the same. ``--update-golden`` records them anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envcheck import checks
from envcheck.evaluate import evaluate
from envcheck.model.facts import SCHEMA, FactSheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.gpu.conftest import Case, Machine

FOLDER = Path(__file__).parents[2] / "facts" / "gpu"
G = 1 << 30
T4, A100 = f"Tesla T4;7.5;{15 * G}", f"NVIDIA A100-SXM4-80GB;8.0;{80 * G}"
V100, NEW = f"Tesla V100-SXM2-16GB;7.0;{16 * G}", f"NVIDIA GeForce RTX 5090;12.0;{32 * G}"
MISMATCH = "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18"


def _visible(machine: Machine, value: str) -> Machine:
    machine.env["CUDA_VISIBLE_DEVICES"] = value
    return machine


def _newest(machine: Machine, *devices: str) -> Machine:
    return machine.driver(*devices, version="13.2", driver="590.10").torch("2.15.0", "13.2")


def _minor(machine: Machine) -> Machine:
    machine.driver(A100, version="12.2", driver="535.183.01")
    return machine.torch("2.10.0+cu128", "12.8")


#: name -> (how it is made, the findings that are not in order)
MACHINES: dict[str, tuple[Callable[[Machine], Any], dict[str, str]]] = {
    "no-gpu": (lambda m: m.torch("2.15.0", "13.2"), {}),
    "healthy-a100": (lambda m: _newest(m, A100, A100), {}),
    "healthy-minor-version": (_minor, {}),
    "healthy-mig": (lambda m: m.driver(A100, mig=2), {}),
    "mismatch": (lambda m: m.cuda(T4, init=803).nvml(init=18).smi(MISMATCH), {"GPU101": "fail"}),
    "not-loaded": (lambda m: m.cuda(init=100).nvml(init=9), {"GPU102": "fail"}),
    "fabric-manager": (lambda m: m.cuda(A100, init=802).nvml(), {"GPU104": "fail"}),
    "wedged": (lambda m: m.cuda(T4, init="hang").nvml(init="hang"), {"GPU107": "unknown"}),
    "utility-only": (lambda m: m.nvml(T4), {"GPU108": "fail"}),
    "old-driver": (lambda m: m.driver(A100).torch("2.15.0", "13.2"), {"GPU111": "fail"}),
    "cpu-build": (lambda m: m.driver(A100).torch("2.13.0+cpu"), {"GPU112": "fail"}),
    "new-gpu": (lambda m: m.driver(NEW).torch("2.6.0+cu124", "12.4"), {"GPU113": "fail"}),
    "dropped-gpu": (lambda m: _newest(m, V100), {"GPU113": "fail", "GPU114": "fail"}),
    "wrong-separator": (lambda m: _visible(m.driver(T4, T4), "0;1"), {"GPU115": "fail"}),
}


def facts_of(sheet: FactSheet, folder: Path) -> dict[str, Any]:
    """The facts that the fakes decide, without this run's paths and seconds."""
    prefixes = ("nvidia.", "devices.", "torch.", "host.os", "host.arch")
    facts = {key: sheet.document["facts"][key] for key in sheet if key.startswith(prefixes)}
    text = json.dumps(facts).replace(str(folder), "/machine")
    text = re.sub(r"/python3\.\d+/", "/python3/", text)
    text = re.sub(r"within [\d.e-]+ s", "within 4 s", text)
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.mark.parametrize("name", MACHINES)
def test_observed(case: Case, name: str, request: pytest.FixtureRequest) -> None:
    MACHINES[name][0](case.machine)
    facts = facts_of(case.sheet(), case.machine.folder)
    file = FOLDER / f"{name}.json"
    if request.config.getoption("--update-golden"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        target = {"kind": "python", "name": "/machine/venv/bin/python"}
        document = {"schema": SCHEMA, "agent": {"status": "ok"}, "target": target, "facts": facts}
        file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    recorded = json.loads(file.read_text())["facts"]
    own = (
        "nvidia.kernel",
        "nvidia.bus",
        "nvidia.wsl",
        "host.",
        "devices.rocm",
        "devices.undecided",
    )
    for key in set(facts) | set(recorded):
        if not key.startswith(own):
            assert facts.get(key) == recorded.get(key), key


@pytest.mark.parametrize("name", MACHINES)
def test_judged(name: str) -> None:
    document = json.loads((FOLDER / f"{name}.json").read_text())
    report = evaluate(FactSheet(document), checks.load(("GPU",)))
    wrong = {f.code: f.status for f in report.findings if f.status not in ("pass", "skip")}
    assert wrong == MACHINES[name][1]
