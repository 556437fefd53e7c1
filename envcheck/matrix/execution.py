"""Running a command in a room, and what is known of it afterwards.

Every command runs under ``cell/run_step.py``, which gives it a deadline, measures it and ends all
that it leaves behind. Its answer is told from what the command prints by a nonce that the command
cannot see. Definitions of what is measured are in that module.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import signal as signals
import zlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from envcheck.model.cell import StepResult
from envcheck.redact import without_secrets
from envcheck.report import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envcheck.matrix.backends.base import Room, Who
    from envcheck.process import Completed

    #: Keeps a log: name and text to its path below the run's directory.
    KeepLog = Callable[[str, str], str]

GRACE = 15.0  # seconds that starting the runner, ending processes and answering may take
LONGEST_REQUEST = 100_000  # bytes of one argument; Linux takes 131,072
MOST_UNPACKED = 16 << 20
LOG_BYTES = 256 << 10


class Command(NamedTuple):
    """What is to be run. ``cwd``: where; empty: the scratch space of a package, ``/`` for the
    installer, which must not meet there what a package has written.

    ``read``: files whose contents are wanted afterwards (at most 8 MiB each). ``says``: what it
    writes to file descriptor 3 is wanted (at most 4 MiB). ``group``: where one fails, those of
    its group that come after it are left out.
    """

    words: Sequence[str]
    seconds: float
    env: Mapping[str, str | None] = {}
    cwd: str = ""
    read: Sequence[str] = ()
    says: bool = False
    group: str = ""
    log_bytes: int = LOG_BYTES


class StepOutcome(NamedTuple):
    """A command that was run.

    ``text`` is its log: standard output and standard error in their order, cut in the middle, with
    credentials hidden and every control character made visible. ``files``: what it was to leave,
    None for what is not there. ``said``: what it wrote to descriptor 3. All of these come from the
    package where it ran as ``package``: they are claims. The numbers of ``step`` are measured.
    ``left``: processes that it left behind and that were killed. ``answered`` is False if its
    runner was killed too: then nothing was measured.
    """

    step: StepResult
    text: str = ""
    files: Mapping[str, bytes | None] = {}
    said: bytes = b""
    left: int = 0
    answered: bool = True

    @property
    def ok(self) -> bool:
        """Whether it ended with status 0, in time."""
        return self.step.status == "ok"


def execute(
    room: Room,
    words: Sequence[str],
    *,
    name: str,
    who: Who,
    seconds: float,
    log_bytes: int = LOG_BYTES,
    env: Mapping[str, str | None] | None = None,
    cwd: str = "",
    read: Sequence[str] = (),
    says: bool = False,
    keep_log: KeepLog | None = None,
) -> StepOutcome:
    """Run one command in ``room`` for at most ``seconds``; ``name`` is the step's.

    Raises TargetError only where ``Room.run`` does: for faults of the infrastructure.
    """
    command = Command(words, seconds, env or {}, cwd, read, says, log_bytes=log_bytes)
    (outcome,) = execute_all(room, [command], name=name, who=who, seconds=seconds)
    assert outcome is not None
    if keep_log is None or not outcome.text:
        return outcome
    return outcome._replace(step=replace(outcome.step, log=keep_log(name, outcome.text)))


def execute_all(
    room: Room, commands: Sequence[Command], *, name: str, who: Who, seconds: float
) -> list[StepOutcome | None]:
    """Run ``commands`` one after the other, started once, for at most ``seconds`` in all.

    An outcome for each; None for what was left out. Raises as ``execute``.
    """
    room.out_of_memory()  # what happened before is not this step's
    nonce = secrets.token_hex(16)
    runner = room.put("run_step.py", island("run_step").encode())
    wanted = [_for_runner(room, command, who) for command in commands]
    done = room.run(
        [room.paths.base, "-I", "-S", "-B", runner, _request(room, wanted, seconds)],
        who=who,
        timeout=seconds + GRACE,
        env={"ENVCHECK_NONCE": nonce},
    )
    answers, fault = _answers(done, nonce, len(commands))
    outcomes: list[StepOutcome | None] = [None] * len(commands)
    for number, answer in answers.items():
        outcomes[number] = _outcome(answer, commands[number], name, room)
    last = max(answers, default=-1)
    if fault or (done.status != "ok" and last + 1 < len(commands)) or not answers:
        last = min(last + 1, len(commands) - 1)
        outcomes[last] = _unanswered(done, name, fault)
    if room.out_of_memory():
        number = _whose_memory(outcomes)
        outcome = outcomes[number]
        assert outcome is not None
        outcomes[number] = outcome._replace(step=_out_of_memory(outcome.step))
    return outcomes


def _whose_memory(outcomes: Sequence[StepOutcome | None]) -> int:
    """Which command has run out of memory: one that was killed, else that failed, else the last."""
    ran = {number: one for number, one in enumerate(outcomes) if one is not None}
    killed = [number for number, one in ran.items() if one.step.signal == "SIGKILL"]
    failed = [number for number, one in ran.items() if not one.ok]
    return (killed or failed or [max(ran)])[0]


def _for_runner(room: Room, command: Command, who: Who) -> dict[str, Any]:
    return {
        "words": list(command.words),
        "cwd": command.cwd or (room.paths.scratch if who == "package" else "/"),
        "env": {"NO_COLOR": "1", "TERM": "dumb", **command.env},
        "seconds": command.seconds,
        "log_bytes": command.log_bytes,
        "read": list(command.read),
        "says": command.says,
        "group": command.group,
    }


def _request(room: Room, commands: list[dict[str, Any]], seconds: float) -> str:
    text = json.dumps({"commands": commands, "seconds": seconds}, ensure_ascii=False)
    if len(text.encode()) < LONGEST_REQUEST:
        return text
    return room.put("request.json", text.encode())


@cache
def island(name: str) -> str:
    """The text of a script of ``envcheck/cell``."""
    return files("envcheck").joinpath("cell", f"{name}.py").read_text(encoding="utf-8")


def _answers(done: Completed, nonce: str, most: int) -> tuple[dict[int, dict[str, Any]], str]:
    """The runner's answers by the command's number, and why they cannot be believed."""
    answers: dict[int, dict[str, Any]] = {}
    for line in done.stdout.split(b"\n"):
        if line.startswith(nonce.encode()):
            try:
                answer = json.loads(line[len(nonce) :])
            except ValueError:
                return answers, "its runner's answer was cut off"
            if answer["index"] in answers or not 0 <= answer["index"] < most:
                return {}, "somebody else answered in its runner's name"
            answers[answer["index"]] = answer
    return answers, ""


def _outcome(answer: dict[str, Any], command: Command, name: str, room: Room) -> StepOutcome:
    head, tail, cut = unpacked(answer["head"]), unpacked(answer["tail"]), answer["cut"]
    text, cut = log_text(head or b"", tail or b"", cut)
    how = answer["status"]
    step = StepResult(
        name=name,
        status="timeout" if how == "timeout" else "ok" if answer["exit"] == 0 else "failed",
        seconds=answer["seconds"],
        exit=answer["exit"] if how == "exit" else None,
        signal=answer["signal"] if how == "signal" else "",
        peak_memory=answer["peak"] or None,
        log_cut=cut,
        detail=_detail(answer, room),
    )
    read = dict(zip(command.read, map(unpacked, answer["files"]), strict=True))
    return StepOutcome(step, text, read, unpacked(answer["said"]) or b"", answer["left"])


def _detail(answer: dict[str, Any], room: Room) -> str:
    parts = []
    if answer["status"] == "missing":
        parts.append(f"it could not be started: {answer['error']}")
    if answer["status"] == "timeout":
        parts.append(f"it was ended after {answer['seconds']:.0f} s")
    if answer["status"] == "signal":
        parts.append(f"it was ended by {answer['signal']}")
    if answer["left"] and answer["status"] != "timeout":
        count = answer["left"]
        parts.append(f"it left {count} process{'' if count == 1 else 'es'} behind, killed")
    if answer["escaped"]:
        parts.append("not all of its processes could be killed")
    if room.isolated and not answer["guarded"]:
        parts.append("its runner could not be guarded against it")
    return "; ".join(parts)


def _signal(done: Completed) -> str:
    """The name of the signal that ended a process, where one did; a shell adds it to 128."""
    number = done.code if done.status == "signal" else done.code - 128
    if done.status not in ("signal", "exit"):
        return ""
    try:
        return signals.Signals(number).name
    except ValueError:
        return ""


def _unanswered(done: Completed, name: str, fault: str) -> StepOutcome:
    """The runner did not answer: the command killed or stopped it, or memory ran out."""
    if not fault and done.status == "timeout":
        fault = f"neither it nor its runner ended within {done.seconds:.0f} s"
    elif not fault:
        fault = f"its runner was killed: {done.reason('it') or 'it said nothing'}"
    signal = _signal(done)
    text, cut = log_text(done.stderr[-LOG_BYTES:], b"", 0)
    step = StepResult(
        name=name,
        status="timeout" if done.status == "timeout" else "failed",
        seconds=done.seconds,
        signal=signal,
        detail=fault,
        log_cut=cut,
    )
    return StepOutcome(step, text, answered=False)


def _out_of_memory(step: StepResult) -> StepResult:
    detail = step.detail or "the memory limit ended one of its processes"
    return replace(step, oom=True, detail=detail)


def unpacked(text: object) -> bytes | None:
    """What the runner packed; None for what was not there or is no such thing."""
    if not isinstance(text, str):
        return None
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text), MOST_UNPACKED)
    except (binascii.Error, zlib.error):
        return None


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_EDGE = 4096  # bytes in which a line's end is looked for where the log is cut


def log_text(head: bytes, tail: bytes, cut: int) -> tuple[str, int]:
    """A log fit to be shown and kept, and the bytes left out of it.

    It is cut between lines where that is possible, lest a part of a credential stays. Colours are
    dropped; other escape sequences and control characters stay, visible and harmless.
    """
    parts = [head + tail]
    if cut:
        kept = max(head.rfind(b"\n", len(head) - _EDGE) + 1, 0) or len(head)
        begin = tail.find(b"\n", 0, _EDGE) + 1
        cut += len(head) - kept + begin
        parts = [head[:kept], tail[begin:]]
    texts = [part.decode("utf-8", "replace") for part in parts]
    return f"\n… {cut} bytes left out …\n".join(map(_harmless, texts)), cut


def _harmless(text: str) -> str:
    text = without_secrets(_COLOURS.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))
    return "\n".join(printable.block(text))
