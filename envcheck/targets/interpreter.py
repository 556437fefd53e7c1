"""An interpreter on this machine: by default the one of the active environment."""

from __future__ import annotations

import sys
from typing import NoReturn

from envcheck.errors import AgentError, TargetError
from envcheck.model.facts import FactSheet
from envcheck.process import Completed, Process
from envcheck.targets import bundle
from envcheck.targets.base import AgentRequest, read_sheet

_SLACK = 3.0  # seconds for the interpreter to start and the agent to print


class Interpreter:
    """The agent under ``executable``. ``chosen_by`` says why this one."""

    def __init__(self, executable: str, *, chosen_by: str) -> None:
        self.executable = executable
        self.chosen_by = chosen_by

    def start(self, request: AgentRequest) -> Running:
        """Start the agent in isolated mode."""
        return Running(self, request)

    def describe(self) -> dict[str, str]:
        """What goes into the sheet as ``target``."""
        return {"kind": "python", "name": self.executable, "chosen_by": self.chosen_by}


class Running:
    """An agent that was started."""

    def __init__(self, target: Interpreter, request: AgentRequest) -> None:
        self.target = target
        self.request = request
        self.agent = bundle.path()
        self.process = self._start("-I", "-B")

    def _start(self, *flags: str) -> Process:
        argv = [self.target.executable, *flags, self.agent, *self.request.argv()]
        return Process(argv, timeout=self.request.timeout + _SLACK)

    def finish(self) -> FactSheet:
        """The sheet. If start-up itself fails, once more without ``site``, saying so."""
        done = self.process.wait()
        target: dict[str, object] = dict(self.target.describe())
        if done.status == "exit" and b"-I" in done.stderr and b"nknown option" in done.stderr:
            done = self._start("-E", "-s", "-B").wait()  # Python 2
        elif done.status in ("exit", "signal") and not done.stdout:
            second = self._start("-I", "-S", "-B").wait()
            if second.status == "ok":
                target["startup"] = _startup_failure(done)
                done = second
        if done.stdout.strip():
            return read_sheet(done.stdout, target)
        self._fail(done)

    def _fail(self, done: Completed) -> NoReturn:
        name = self.target.executable
        reason = done.reason(name) or f"{name} printed nothing"
        error = TargetError if done.status == "missing" else AgentError
        tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-5:]
        raise error(
            f"cannot examine {name}: {reason}",
            context=tuple(tail) if done.status != "missing" else (),
            hint="name another interpreter with --python, or a broken environment with --venv",
        )


def _startup_failure(done: Completed) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{done.reason('start-up')}: {lines[-1] if lines else 'no message'}"


def this_interpreter() -> Interpreter:
    """The interpreter that runs envcheck."""
    return Interpreter(sys.executable, chosen_by="envcheck runs in it")
