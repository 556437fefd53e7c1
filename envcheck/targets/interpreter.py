"""An interpreter on this machine, and the environment around it when it does not start."""

from __future__ import annotations

import os
import sys
import time

from envcheck import process
from envcheck.targets import bundle, remote
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from envcheck.model.facts import FactSheet
    from envcheck.process import Completed
    from envcheck.targets.base import AgentRequest

_ALONE = 12.0  # seconds for an agent without a supervisor; what it waits for itself takes less


class Interpreter:
    """The agent under ``executable``. ``chosen_by`` says why this one.

    ``environment`` is the directory of its virtual or conda environment, if it is in one: where
    the interpreter does not start at all, that is examined from outside. ``own_tool``: envcheck's
    own environment, made by pipx or the like, because there was no other. ``env``: variables that
    the agent gets instead of this process's.
    """

    def __init__(
        self,
        executable: str,
        *,
        chosen_by: str,
        kind: str = "python",
        environment: str = "",
        own_tool: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.executable = executable
        self.chosen_by = chosen_by
        self.kind = kind
        self.environment = environment
        self.own_tool = own_tool
        self.env = env

    def start(self, request: AgentRequest) -> Running:
        """Start the agent in isolated mode."""
        return Running(self, request)

    def describe(self) -> dict[str, Any]:
        """What goes into the sheet as ``target``."""
        name = self.executable if self.kind == "python" else self.environment
        target: dict[str, Any] = {"kind": self.kind, "name": name, "chosen_by": self.chosen_by}
        if self.own_tool:
            target["own_tool_environment"] = True
        return target


class Running:
    """An agent that was started."""

    def __init__(self, target: Interpreter, request: AgentRequest) -> None:
        self.target = target
        self.request = request
        self.agent = self._file()
        self.started = time.monotonic()
        quick = not (request.deep or request.online or request.versions or request.smoke)
        self.alone = quick and bool(self.agent) and hasattr(os, "fork")
        self.process = self._start(remote.NORMAL, request.timeout + remote.SLACK)

    def _file(self) -> str:
        """The agent's file; empty if it goes by standard input, as always with a script of the
        user's: that is not for the cache.
        """
        if not self.request.smoke:
            return bundle.path(self.target.executable)
        if self.request.script[0]:
            return ""
        from envcheck.targets import islands

        return bundle.path(self.target.executable, islands.sources(self.request))

    def _start(
        self, flags: tuple[str, ...], seconds: float
    ) -> process.Process | process.WindowsProcess:
        if self.agent:
            alone = ["--alone"] if self.alone else []
            argv = [*flags, self.agent, *alone, *self.request.argv()]
            stdin = b""
        else:  # nothing can be written anywhere: from memory
            argv = remote.words(self.request, flags)
            stdin = remote.payload(self.request).encode()
        return process.start(
            [self.target.executable, *argv], timeout=seconds, stdin=stdin, env=self.target.env
        )

    def finish(self) -> FactSheet:
        """The sheet. If start-up fails or hangs, once more without ``site``; if that fails too, of
        the environment from outside. Both say so. Raises AgentError.
        """
        target = self.target.describe()
        sheet, first = remote.examine(self._attempt, target)
        if sheet is not None:
            return _withheld(sheet) if self.target.own_tool else sheet
        if self.target.environment and self.target.executable != sys.executable:
            target["startup"] = remote.startup_failure(first)
            return self._from_outside(target)
        raise remote.failure(
            self.target.executable,
            first,
            hint="name another interpreter with --python, or a broken environment with --venv",
        )

    def _attempt(self, flags: tuple[str, ...]) -> Completed:
        """Run the agent. Half of the time is for starting: an interpreter that has said nothing by
        then is hung, and there must be time for another attempt.
        """
        if flags != remote.NORMAL:
            self._again(flags)
        if not self.process.answers_within(self.request.timeout / 2):
            self.process.kill()
            return self.process.wait()._replace(status="timeout")
        if self.alone:
            lasted = time.monotonic() - self.process.started
            self.process.timeout = lasted + min(_ALONE, self.request.timeout / 2)
        done = self.process.wait()
        if self.alone and done.status != "ok" and done.stdout:
            self._again(flags)  # a probe took the agent with it, or keeps it
            done = self.process.wait()
        return done if self.agent else remote.ended(done)

    def _again(self, flags: tuple[str, ...]) -> None:
        """Start the agent once more, with a supervisor, for the time that is left."""
        self.alone = False
        left = self.started + self.request.timeout - time.monotonic()
        self.process = self._start(flags, max(left, 0.0) + remote.SLACK)

    def _from_outside(self, target: dict[str, Any]) -> FactSheet:
        """The environment's files, read by the interpreter that runs envcheck."""
        request = self.request._replace(prefix=self.target.environment)
        sheet = Interpreter(sys.executable, chosen_by="").start(request).finish()
        target["outside"] = sys.executable
        return type(sheet)({**sheet.document, "target": target})


def _withheld(sheet: FactSheet) -> FactSheet:
    """The sheet of envcheck's own environment: what is installed there is not what was asked."""
    entry = {
        "status": "unknown",
        "reason": "only envcheck's own environment was found; name another with --python or --venv",
    }
    prefixes = ("distributions.", "torch.", "libraries.", "compute.", "imports.", "smoke.")
    facts = {
        key: entry if key.startswith(prefixes) else fact
        for key, fact in sheet.document["facts"].items()
    }
    return type(sheet)({**sheet.document, "facts": facts})


def this_interpreter() -> Interpreter:
    """The interpreter that runs envcheck."""
    return Interpreter(sys.executable, chosen_by="envcheck runs in it", environment=sys.prefix)


def target(value: str, _python: str = "") -> Interpreter:
    """``value`` as a path, an environment's directory, a command on PATH or a version.

    Raises TargetError if there is none.
    """
    from envcheck.targets import search, venv

    if os.path.isdir(value):
        return venv.target(value)
    return around(search.interpreter(value), chosen_by="--python")


def around(executable: str, *, chosen_by: str) -> Interpreter:
    """The interpreter, knowing the virtual environment that it is in, if it is in one."""
    environment = os.path.dirname(os.path.dirname(os.path.abspath(executable)))
    if not os.path.exists(os.path.join(environment, "pyvenv.cfg")):
        environment = ""
    return Interpreter(executable, chosen_by=chosen_by, environment=environment)
