"""Command lines that run the agent without any file of ours on the target.

Two stages. The *guard* starts without ``site``, so that nothing of the environment can stop it,
and starts the *loader* with an alarm, which survives ``exec``: the same interpreter in isolated
mode, which reads the agent from its arguments or from standard input. An interpreter that hangs
while it starts is ended by the alarm, also where the host has no way to kill it. (The guard stays
as its parent because an alarm does not end the first process of a container.)
"""

from __future__ import annotations

import math

from envcheck.errors import AgentError
from envcheck.process import Completed, signals
from envcheck.targets import bundle
from envcheck.targets.base import as_sheet, find_sheet, from_elsewhere
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from envcheck.errors import TargetError
    from envcheck.model.facts import FactSheet
    from envcheck.targets.base import AgentRequest

#: One line each, without quotes of the other kind: they pass through a remote shell.
GUARD = (
    "import os,signal,sys;"
    "p=os.fork() or (signal.alarm(int(sys.argv[1])),"
    "os.execv(sys.executable,[sys.executable]+sys.argv[2:]));"
    "s=os.waitpid(p,0)[1];sys.exit(s>>8 or s and 128+(s&127))"
)
LOADER = (
    "import json,sys;n=3+int(sys.argv[2]);"
    "a=json.loads(''.join(sys.argv[3:n]) or sys.stdin.read());"
    "s={'__name__':'boot'};exec(a['boot.py'],s);s['run'](a,int(sys.argv[1]),sys.argv[n:])"
)
_PIECE = 100_000  # Linux takes 128 KiB for one argument
SLACK = 4.0  # seconds for an interpreter to start and its answer to travel

#: Interpreter options, in the order in which they are tried: normal; an interpreter without ``-I``
#: (Python 2); one whose start-up fails.
NORMAL: tuple[str, ...] = ("-I", "-B")
ANCIENT: tuple[str, ...] = ("-E", "-s", "-B")
WITHOUT_SITE: tuple[str, ...] = ("-I", "-S", "-B")


def payload(request: AgentRequest | None = None) -> str:
    """The agent, with what ``request`` needs along with it, as one JSON object, ASCII only."""
    sources = bundle.read_sources()
    if request is not None and request.smoke:
        from envcheck.targets import islands

        sources.update(islands.sources(request))
    import json

    return json.dumps({name: data.decode() for name, data in sources.items()})


def words(request: AgentRequest, flags: tuple[str, ...], agent: str = "") -> list[str]:
    """Arguments for the target's interpreter. Without ``agent`` it reads standard input."""
    pieces = [agent[at : at + _PIECE] for at in range(0, len(agent), _PIECE)]
    bare = [flag for flag in flags if flag != "-S"]
    seconds = request.timeout + SLACK
    guard = [*bare, "-S", "-c", GUARD, str(math.ceil(seconds / 2))]
    loader = [*flags, "-c", LOADER, str(math.ceil(seconds)), str(len(pieces))]
    return [*guard, *loader, *pieces, *request.argv()]


def examine(
    attempt: Callable[[tuple[str, ...]], Completed], target: dict[str, Any]
) -> tuple[FactSheet | None, Completed]:
    """The sheet of ``target`` from the first ``attempt`` that gives one; and how it went at first.

    ``attempt`` runs the agent with interpreter options. If start-up fails or hangs, once more
    without ``site``; ``target`` then says so.
    """
    first = done = attempt(NORMAL)
    flags = NORMAL
    document = find_sheet(done.stdout)
    if document is None and b"-I" in done.stderr and b"nknown option" in done.stderr:
        first = done = attempt(ANCIENT)
        document = find_sheet(done.stdout)
    elif document is None and done.status in ("ok", "exit", "signal", "timeout"):
        flags = WITHOUT_SITE
        done = attempt(flags)
        document = find_sheet(done.stdout)
    if document is None:
        return None, first
    if flags == WITHOUT_SITE:
        target["startup"] = startup_failure(first)
    elif done.stderr:
        from envcheck.targets.complaints import complaints

        found = complaints(done.text_err())
        if found:
            target["complaints"] = found
    return as_sheet(document, target), first


def examine_elsewhere(
    attempt: Callable[[tuple[str, ...]], Completed],
    target: dict[str, Any],
    refuse: Callable[[Completed], TargetError],
) -> FactSheet:
    """As ``examine``, where the answer need not be trusted: it is held to its schema.

    Raises what ``refuse`` makes of the first attempt if none gave a sheet.
    """
    sheet, first = examine(attempt, target)
    if sheet is None:
        raise refuse(first)
    return from_elsewhere(sheet)


def startup_failure(done: Completed) -> str:
    """What an interpreter that does not start says, as one sentence."""
    if done.status == "signal" and done.code == signals.SIGALRM:  # the guard's
        return f"start-up did not end within {done.seconds:.3g} s"
    lines = done.text_err().splitlines()
    if done.status == "ok":
        return "the interpreter ended with status 0 before it ran anything"
    if done.status == "missing" or not lines:
        return done.reason("the interpreter")
    return f"{done.reason('start-up')}: {lines[-1]}"


def failure(name: str, done: Completed, *, hint: str = "") -> AgentError:
    """The agent gave no sheet: why, with the end of what it said."""
    reason = done.reason(name) or f"{name} printed no fact sheet"
    if done.status == "signal" and done.code == signals.SIGKILL:
        hint = "a process that is killed unasked has usually met a memory limit"
    tail = done.text_err().splitlines()[-5:]
    return AgentError(f"cannot examine {name}: {reason}", context=tuple(tail), hint=hint)


def ended(done: Completed) -> Completed:
    """What the guard, or a shell, tells by its exit status: above 128 it was a signal."""
    if done.status in ("ok", "exit"):
        code = done.code
        status = "ok" if code == 0 else "signal" if 128 < code < 192 else "exit"
        return done._replace(status=status, code=code - 128 if status == "signal" else code)
    return done


def completed(code: int, out: bytes, err: bytes, seconds: float) -> Completed:
    """The same for a process in a container."""
    return ended(Completed("exit", code, out, err, seconds))
