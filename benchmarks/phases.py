"""Where the time of a run goes: the agent alone, its probes, and files named by RECORDs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import launcher
from benchmarks.candidates import BARE, DOCTOR
from benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.environment import Environment
    from benchmarks.goals import Values

ROUNDS = 7
_WHERE = (
    "import os, sys, envcheck; from envcheck.targets import bundle;"
    "print(bundle.path(sys.executable)); print(os.path.dirname(envcheck.__file__))"
)


class Phases(NamedTuple):
    """CPU in seconds. ``probes`` and ``deep``: name -> smallest wall seconds of each probe.

    ``import_cpu``: the child in which ``--deep`` imports torch, without the tests that follow.
    ``checked`` and ``checked_deep``: files compared with their RECORD.
    """

    agent_cpu: float
    probes: dict[str, float]
    deep: dict[str, float]
    import_cpu: float
    checked: int
    checked_deep: int

    def markdown(self, measured: Values, files: int) -> str:
        """A section of the report; ``files``: how many lines all RECORDs have."""
        names = sorted(self.deep, key=lambda name: -self.probes.get(name, 0))
        rows = [
            [f"`{name}`", f"{self.probes.get(name, 0) * 1e3:.1f}", f"{self.deep[name] * 1e3:.0f}"]
            for name in names
        ]
        bare, doctor = measured[BARE].least * 1e3, measured[DOCTOR].least * 1e3
        agent = self.agent_cpu * 1e3
        return "\n".join(
            [
                "## Where the time goes\n",
                f"Of {doctor:.1f} ms CPU of the default doctor the agent, which observes, takes "
                f"{agent:.1f} ms and the host, which judges and renders, {doctor - agent:.1f} ms; "
                f"two starts of Python are {2 * bare:.1f} ms of it. "
                "Wall time of each probe, the smallest of "
                f"{ROUNDS} runs (with `--deep`: of one):\n",
                table(rows, ["probe", "default, ms", "`--deep`, ms"]),
                f"\nFiles compared with their RECORD: the default looks at {self.checked:,} "
                f"(some `__init__.py` of every distribution, all shared objects), `--deep` at "
                f"{self.checked_deep:,} of {files:,} (compiled Python is left out).\n",
                "`--deep` before its own tests begin: the default doctor and the child that "
                f"imports torch, {self.import_cpu * 1e3:.0f} ms CPU. All that it does besides is "
                "a test: every file's RECORD entry, versions of compilers, CA bundles, matrix "
                "products, collectives.",
            ]
        )


def observe(env: Environment, variables: Mapping[str, str]) -> Phases:
    """Run the agent as the doctor does, several times, and once with ``--deep``."""
    where = [env.python, "-c", _WHERE]
    done = subprocess.run(where, capture_output=True, text=True, check=True, env=dict(variables))
    bundle, package = done.stdout.split("\n")[:2]
    agent = [env.python, "-I", "-B", bundle]
    with open(os.path.join(package, "agent", "probes", "import_child.py")) as file:
        child = [env.python, "-B", "-c", file.read(), "torch", "100", "", ""]
    with tempfile.TemporaryDirectory() as folder:
        alone = [*agent, "--alone"]  # as the doctor starts it
        runs = [launcher.measure(alone, env=variables, cwd=folder) for _ in range(ROUNDS)]
        imports = [launcher.measure(child, env=variables, cwd=folder) for _ in range(ROUNDS)]
        deep = launcher.measure(
            [*agent, "--deep", "--timeout", "120"], env=variables, cwd=folder, timeout=150
        )
    sheets = [_sheet(run.output) for run in runs]
    names = sheets[0]["probes"]
    return Phases(
        min(run.cpu for run in runs),
        {name: min(_seconds(sheet)[name] for sheet in sheets) for name in names},
        _seconds(_sheet(deep.output)),
        min(usage.cpu for usage in imports),
        _checked(sheets[0]),
        _checked(_sheet(deep.output)),
    )


def _sheet(output: bytes) -> dict[str, Any]:
    """The sheet is the one line that is an object; probes' stray words may stand around it."""
    for line in output.splitlines():
        if line.startswith(b'{"schema"'):
            sheet: dict[str, Any] = json.loads(line)
            return sheet
    raise RuntimeError(f"the agent gave no sheet: {output[-500:]!r}")


def _seconds(sheet: dict[str, Any]) -> dict[str, float]:
    return {name: float(status.get("seconds", 0)) for name, status in sheet["probes"].items()}


def _checked(sheet: dict[str, Any]) -> int:
    return int(sheet["facts"].get("distributions.files.checked", {}).get("value") or 0)
