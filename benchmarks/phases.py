"""Where the time of a run goes: the agent alone, its probes, and files named by RECORDs."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import launcher
from benchmarks.candidates import BARE, DOCTOR
from benchmarks.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.environment import Environment
    from benchmarks.goals import Values

ROUNDS = 7
_BUNDLE = "from envcheck.targets import bundle; print(bundle.path())"


class Phases(NamedTuple):
    """CPU in seconds. ``probes`` and ``deep``: name -> smallest wall seconds of each probe."""

    agent_cpu: float
    probes: dict[str, float]
    deep: dict[str, float]
    before_tests_cpu: float | None
    files: int

    def markdown(self, measured: Values) -> str:
        """A section of the report."""
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
            ]
        )


def observe(env: Environment, variables: Mapping[str, str]) -> Phases:
    """Run the agent as the doctor does, several times, and once with ``--deep``."""
    done = subprocess.run(
        [env.python, "-c", _BUNDLE], capture_output=True, text=True, check=True, env=dict(variables)
    )
    agent = [env.python, "-I", "-B", done.stdout.strip()]
    cpu: list[float] = []
    probes: dict[str, float] = {}
    for _ in range(ROUNDS):
        usage = launcher.measure(agent, env=variables, cwd="/")
        cpu.append(usage.cpu)
        for name, seconds in _seconds(usage.output).items():
            probes[name] = min(seconds, probes.get(name, seconds))
    deep = launcher.measure([*agent, "--deep", "--timeout", "120"], env=variables, cwd="/")
    return Phases(min(cpu), probes, _seconds(deep.output), None, env.files)


def _sheet(output: bytes) -> dict[str, dict[str, dict[str, object]]]:
    """The sheet is the one line that is an object; probes' stray words may stand around it."""
    for line in output.splitlines():
        if line.startswith(b'{"schema"'):
            sheet: dict[str, dict[str, dict[str, object]]] = json.loads(line)
            return sheet
    return {"probes": {}}


def _seconds(output: bytes) -> dict[str, float]:
    probes = _sheet(output)["probes"]
    return {name: float(str(status.get("seconds", 0))) for name, status in probes.items()}
