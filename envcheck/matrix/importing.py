"""How long importing takes, in fresh processes, one after the other.

Defined the same on every backend:

- *first*: the import statement in the first process that imports the module, after the
  installation. The page cache is as the installation left it (in most cases: warm); what an earlier
  module has read is there for a later one, and ``page_cache`` says so.
- *settled*: the same statement in further fresh processes, which find the page cache and the
  bytecode that the first one has left. Minimum and median are taken of these. Only the first of the
  modules is imported more than once.
- Seconds are those of the statement alone, by the process's own clock. A process that claims more
  than it took, by the clock of its runner, is not believed.
- ``bytecode`` is the state before the first import, of those modules of the environment that it
  loaded from source files: ``compiled`` (all had bytecode beside them), ``none``, ``partly``;
  empty: it loaded no such module. What has no bytecode (the standard library of an image included)
  gets it outside the environment, where the next process finds it; so nothing that is measured
  later is changed, and the settled imports are what a user has from the second time on.
- *slowest*: see ``import_trace``.

Nothing else of the run is at work meanwhile: that is the runner's promise.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec.structs import replace

from envcheck.matrix.execution import LOG_BYTES, Command, StepOutcome, execute_all, island
from envcheck.matrix.import_trace import cache_of
from envcheck.model.cell import Imported, StepResult
from envcheck.report import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.matrix.backends.base import Room
    from envcheck.matrix.execution import KeepLog

_UNEXPLAINED = 1.0  # seconds of a process, apart from the statement, that are worth a word
_LIBRARY = re.compile(
    r"([\w.+-]+\.(?:so|dylib)[\w.]*): cannot open shared object file"
    r"|Error loading shared library ([^:\s]+):"
    r"|Library not loaded: (\S+)"
)


class Imports(NamedTuple):
    """The step, and what was imported, in the order in which it was asked for.

    ``error`` is of the first module that failed: ``type``, ``message``, ``module`` (the name of the
    module that was not found), ``outer`` (the exception that reached the statement, if another),
    ``traceback`` (its end), ``library`` (the shared object that was not found), ``import`` (what
    was being imported). Empty if all went well, or if the process ended without a word.
    """

    outcome: StepOutcome
    imports: list[Imported]
    error: dict[str, Any]


def time_imports(
    room: Room,
    modules: Sequence[str],
    *,
    settled: int = 3,
    seconds: float,
    log_bytes: int = LOG_BYTES,
    env: Mapping[str, str | None] | None = None,
    keep_log: KeepLog | None = None,
) -> Imports:
    """Import ``modules``, each in processes of its own.

    ``seconds`` are for all of it. Raises as ``execution.execute``.
    """
    commands, kinds = _commands(room, modules, settled, seconds, log_bytes, env or {})
    if not commands:
        step = StepResult(name="import", status="skipped", detail="there is nothing to import")
        return Imports(StepOutcome(step), [], {})
    outcomes = execute_all(room, commands, name="import", who="package", seconds=seconds)
    done = dict(zip(kinds, outcomes, strict=True))
    imports = [_imported(number, modules, done) for number in range(len(modules))]
    outcome = _whole(modules, done)
    if keep_log is not None and outcome.text:
        path = keep_log("import", outcome.text)
        outcome = outcome._replace(step=replace(outcome.step, log=path))
    return Imports(outcome, imports, _first_error(modules, done))


class _Kind(NamedTuple):
    """Which process: of the ``module`` of this number the ``turn``, 0 being the first import."""

    module: int
    turn: int


def _commands(
    room: Room,
    modules: Sequence[str],
    settled: int,
    seconds: float,
    log_bytes: int,
    env: Mapping[str, str | None],
) -> tuple[list[Command], list[_Kind]]:
    script = room.put("importing.py", island("importing").encode())
    commands, kinds = [], []
    for number, module in enumerate(modules):
        cache = cache_of(room, number)
        for turn in range(1 if number else settled + 1):
            words = [room.paths.python, "-I", script, module, cache]
            kinds.append(_Kind(number, turn))
            commands.append(
                Command(words, seconds, env, says=True, group=f"{number}", log_bytes=log_bytes)
            )
    return commands, kinds


def _claim(outcome: StepOutcome | None) -> dict[str, Any]:
    """What the process said, as far as it makes sense."""
    try:
        said = json.loads(outcome.said) if outcome else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def seconds_of(outcome: StepOutcome | None) -> float | None:
    """The statement's seconds; None if there are none that can be true."""
    claimed = _claim(outcome).get("seconds")
    if outcome is None or not isinstance(claimed, (int, float)) or isinstance(claimed, bool):
        return None
    return float(claimed) if 0 <= claimed <= outcome.step.seconds else None


def _good(outcome: StepOutcome | None) -> bool:
    """Whether it imported the module: it says so, and the process ended well and in time."""
    return outcome is not None and outcome.ok and seconds_of(outcome) is not None


def _bad(number: int, done: Mapping[_Kind, StepOutcome | None]) -> tuple[bool, StepOutcome | None]:
    """Whether importing this module failed, and the process that shows it (None: it never ran).

    That the time of the step was over before the last settled import is no failure.
    """
    for kind, outcome in done.items():
        if kind.module != number or _good(outcome):
            continue
        late = outcome is None or outcome.step.status == "timeout"
        return (not late or not kind.turn), outcome
    return False, None


def _imported(
    number: int, modules: Sequence[str], done: Mapping[_Kind, StepOutcome | None]
) -> Imported:
    first = done[_Kind(number, 0)]
    turns = [one for kind, one in done.items() if kind.module == number and kind.turn > 0]
    claim = _claim(first)
    processors = claim.get("processors")
    failed, outcome = _bad(number, done)
    return Imported(
        module=modules[number],
        first=seconds_of(first) if _good(first) else None,
        settled=[time for one in turns if _good(one) and (time := seconds_of(one)) is not None],
        bytecode=_bytecode(claim),
        page_cache=f"after importing {modules[number - 1]}"
        if number
        else "as installation left it",
        threads=processors if isinstance(processors, int) and 0 < processors < 10**6 else None,
        error=_sentence(outcome) if failed else "",
    )


def _bytecode(claim: dict[str, Any]) -> str:
    compiled, source = claim.get("compiled"), claim.get("source")
    if not isinstance(compiled, int) or not isinstance(source, int) or not compiled + source:
        return ""
    return "none" if not compiled else "partly" if source else "compiled"


def _error(outcome: StepOutcome | None, module: str) -> dict[str, Any]:
    """What the process said of its failure, made safe to show; with ``library``."""
    said = _claim(outcome).get("error")
    if not isinstance(said, dict) or outcome is None or outcome.ok:
        return {}
    error = {
        name: "\n".join(printable.block(printable.shorten(value, 4000)))
        for name in ("type", "message", "module", "outer", "traceback")
        if isinstance(value := said.get(name, ""), str)
    }
    found = _LIBRARY.search(error.get("message", ""))
    library = next((group for group in found.groups() if group), "") if found else ""
    return {**error, "library": library, "import": module}


def _first_error(
    modules: Sequence[str], done: Mapping[_Kind, StepOutcome | None]
) -> dict[str, Any]:
    errors = (_error(outcome, modules[kind.module]) for kind, outcome in done.items())
    return next((error for error in errors if error), {})


def _sentence(outcome: StepOutcome | None) -> str:
    """Why an import failed, in one line."""
    if outcome is None:
        return "there was no time left for it"
    if outcome.ok:
        lie = "seconds" in _claim(outcome)
        return (
            "the process claims what cannot be"
            if lie
            else "the process ended with status 0 while it was importing"
        )
    error = _error(outcome, "")
    if error:
        return ": ".join(filter(None, (error["type"], error["message"].partition("\n")[0])))
    if outcome.step.exit is not None:
        return f"the process ended with status {outcome.step.exit} while it was importing"
    return outcome.step.detail


def _whole(modules: Sequence[str], done: Mapping[_Kind, StepOutcome | None]) -> StepOutcome:
    """The processes as one step; what the traced one printed is not in its log."""
    ran = [outcome for outcome in done.values() if outcome is not None]
    bad = [found for number in range(len(modules)) if (found := _bad(number, done))[0]]
    shown = bad[0][1] if bad else None
    peaks = [one.step.peak_memory for one in ran if one.step.peak_memory is not None]
    status: Literal["ok", "failed", "timeout"] = "failed" if bad else "ok"
    if bad and (shown is None or shown.step.status == "timeout"):
        status = "timeout"
    step = StepResult(
        name="import",
        status=status,
        seconds=sum(one.step.seconds for one in ran),
        exit=shown.step.exit if shown else None if bad else 0,
        signal=shown.step.signal if shown else "",
        peak_memory=max(peaks, default=None),
        log_cut=sum(one.step.log_cut for kind, one in done.items() if one and kind.turn >= 0),
        detail=_sentence(shown) if bad else _remark(modules, done),
        oom=any(one.step.oom for one in ran),
    )
    left = sum(one.left for one in ran)
    return StepOutcome(
        step, _log(modules, done), left=left, answered=all(one.answered for one in ran)
    )


def _remark(modules: Sequence[str], done: Mapping[_Kind, StepOutcome | None]) -> str:
    """Where a process took much longer than the statement that it was for."""
    for kind, outcome in done.items():
        seconds = seconds_of(outcome)
        if outcome is None or seconds is None:
            continue
        if outcome.step.seconds - seconds > max(_UNEXPLAINED, seconds):
            return (
                f"importing {modules[kind.module]} is said to have taken {seconds:.2f} s;"
                f" its process took {outcome.step.seconds:.2f} s"
            )
    return next((one.step.detail for one in done.values() if one and one.step.detail), "")


def _log(modules: Sequence[str], done: Mapping[_Kind, StepOutcome | None]) -> str:
    """What the first process of each module printed, and others that printed something else."""
    parts: list[str] = []
    printed = ""
    for kind, outcome in done.items():
        if outcome is None:
            continue
        printed = "" if not kind.turn else printed
        if outcome.text and outcome.text != printed:
            turn = f"again, {kind.turn}" if kind.turn else "first"
            parts += [f"$ import {modules[kind.module]}  # {turn}", outcome.text]
            printed = outcome.text
    return "\n".join(parts)
