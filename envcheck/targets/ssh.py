"""Another machine by ssh: nothing is written there, the agent comes by standard input."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from envcheck import process
from envcheck.errors import TargetError
from envcheck.targets import remote

if TYPE_CHECKING:
    from envcheck.model.facts import FactSheet
    from envcheck.process import Completed
    from envcheck.targets.base import AgentRequest

_CONNECT = 10  # seconds for the connection
_NO_PYTHON = "envcheck: no Python"

#: Runs the first interpreter that starts, with the words after it. One line: csh takes no
#: more.
_SCRIPT = (
    'for p in {candidates}; do "$p" -S -c "" </dev/null >/dev/null 2>&1 && exec "$p" "$@"; done; '
    f"echo {_NO_PYTHON} >&2; exit 127"
)
_CANDIDATES = (
    '"${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}" "${CONDA_PREFIX:+$CONDA_PREFIX/bin/python}" '
    "python3 python /usr/local/bin/python3 /opt/conda/bin/python python2"
)

#: What ssh says -> (what it means, what helps).
_FAILURES = (
    ("Could not resolve hostname", "its name is not known", "check the name, or ~/.ssh/config"),
    ("Host key verification failed", "its host key is not known", "connect once with `ssh {host}`"),
    ("Permission denied", "it refuses the login", "load a key: it must work without a password"),
    ("Too many authentication failures", "it refuses the login", "name the key in ~/.ssh/config"),
    ("Connection refused", "nothing listens there", "is sshd running, and is the port right?"),
    ("timed out", "it does not answer", "is it up, and does a firewall let ssh through?"),
    ("No route to host", "there is no way to it", "is it up, and is a VPN needed?"),
    ("Network is unreachable", "there is no network", ""),
)


class Remote:
    """The interpreter that ``python`` names on ``host``, else the first that starts there."""

    def __init__(self, host: str, python: str = "") -> None:
        self.host = host
        self.python = python

    def start(self, request: AgentRequest) -> Running:
        """Connect and start the agent."""
        return Running(self, request)

    def command(self, request: AgentRequest, flags: tuple[str, ...]) -> list[str]:
        """The whole command line. Of the remote it expects a POSIX ``sh``, not as login shell."""
        candidates = shlex.quote(self.python) if self.python else _CANDIDATES
        script = _SCRIPT.format(candidates=candidates)
        words = ["sh", "-c", script, "envcheck", *remote.words(request, flags)]
        options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={_CONNECT}"]
        return ["ssh", *options, "--", self.host, shlex.join(words)]


class Running:
    """An agent that was started by ssh."""

    def __init__(self, target: Remote, request: AgentRequest) -> None:
        self.target = target
        self.request = request
        self.agent = remote.payload(request).encode()
        self.process = self._start(remote.NORMAL)

    def _start(self, flags: tuple[str, ...]) -> process.Process | process.WindowsProcess:
        argv = self.target.command(self.request, flags)
        seconds = self.request.timeout + remote.SLACK + _CONNECT
        return process.start(argv, timeout=seconds, stdin=self.agent)

    def finish(self) -> FactSheet:
        """The sheet. Raises TargetError that tells the network, the login and Python apart."""
        by = f"--ssh, --python {self.target.python}" if self.target.python else "--ssh"
        target = {"kind": "ssh", "name": self.target.host, "chosen_by": by}
        return remote.examine_elsewhere(self._attempt, target, self._failure)

    def _attempt(self, flags: tuple[str, ...]) -> Completed:
        if flags != remote.NORMAL:
            self.process = self._start(flags)
        done = self.process.wait()
        if done.status == "missing":
            raise TargetError(
                "cannot use --ssh: there is no ssh on PATH",
                hint="install the OpenSSH client",
            )
        if done.status == "exit" and (done.code == 255 or _NO_PYTHON.encode() in done.stderr):
            raise self._failure(done)
        return remote.ended(done)

    def _failure(self, done: Completed) -> TargetError:
        host = self.target.host
        said = done.text_err()
        if _NO_PYTHON in said:
            which = self.target.python or "python3 or python"
            return TargetError(
                f"cannot examine {host}: no interpreter starts there as {which}",
                hint="name one with --python PATH beside --ssh",
            )
        if done.status == "exit" and done.code == 255:
            for sign, meaning, hint in _FAILURES:
                if sign in said:
                    tail = tuple(said.splitlines()[-3:])
                    text = f"cannot reach {host}: {meaning}"
                    return TargetError(text, context=tail, hint=hint.format(host=host))
        return remote.failure(host, done)


def target(value: str, python: str = "") -> Remote:
    """The machine that ssh knows as ``value``."""
    return Remote(value, python)
