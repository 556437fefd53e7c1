"""Starts the grandchild that trains or runs a script, and makes facts of what it reports."""

import os
import sys
import time

from .. import protocol
from ..jsontext import dumps
from . import smoke
from .compute_run import innermost, source_of, trial

_MARGIN = 1.5  # seconds that are left for the sheet to be written and to travel
_GRACE = 1.0  # seconds between the grandchild's own deadline and its end by force
_MOST = 120.0  # seconds beside other tests; alone it has all there are
_IMPORT_SHARE = 0.6  # of the time, for the import of torch
_OUTPUT = 2000  # characters that are kept of what a script prints
PYTHON = (3, 9)  # what the accelerator needs
_TRIAL = [field.name for field in smoke.FIELDS[-1].item]
_IDENTITY = ("part", "device", "dtype", "model")


def collect(facts, request):
    started = time.monotonic()
    limit = request.left() - _MARGIN
    status, reason, values, trials = "unknown", _prevented(limit), {}, []
    if not reason:
        sources, script = _islands()
        status, reason = ("unknown", "") if script[0] else _before(request)
        if not reason:
            limit = min(_MOST, limit) if request.deep else limit
            work = {"sources": sources, "script": script, "parts": request.parts}
            values, outcome = _grandchild(work, limit)
            found = _script(values, outcome, script[0]) if script[0] else _training(values, outcome)
            status, reason, trials = found
    facts.known("status", status, "smoke training")
    facts.found("reason", reason or None)
    facts.known("parts", trials, "smoke training")
    facts.known("seconds", round(time.monotonic() - started, 3))
    imported = values.get("imported") == "torch" and values.get("status") == "ok"
    for name, key in (("torch", "version"), ("import.seconds", "seconds")):
        if imported and values.get(key) is not None:
            known = values[key] if key == "version" else round(values[key], 4)
            facts.known(name, known, "import torch")
        else:
            facts.unknown(name, "torch was not imported")


def _prevented(limit):
    """Why nothing can be started; empty if something can."""
    if not sys.executable:
        return "Python does not know its own path"
    return "too little time is left" if limit < 2 else ""


def _islands():
    """(module below ``envcheck`` -> text, (name, text) of the script): a module that the host
    makes and sends along.
    """
    from . import smoke_sources

    return smoke_sources.SOURCES, smoke_sources.SCRIPT


def _before(request):
    """(status, reason) where that is known without starting anything; else ("unknown", "")."""
    if sys.version_info < PYTHON:
        found = "%d.%d" % sys.version_info[:2]
        reason = "smoke training needs Python %d.%d or newer, this is %s" % (PYTHON + (found,))
        return "skip", reason
    return _import_failed(request.torch) if request.torch else ("unknown", "")


def _import_failed(record):
    """(status, reason) if torch could not be imported, by the record of its import."""
    if record["status"] == "ok":
        return "unknown", ""
    if record["missing"] == "torch":
        return "skip", "torch is not installed"
    reason = "import torch: %s" % (record["error"] or "it did not succeed")
    return "fail" if record["status"] in ("error", "crash") else "unknown", reason


def _grandchild(work, limit):
    """(what was reported, Outcome) of a Python that imports torch and does ``work``, or runs the
    script in it without that import.
    """
    name, mode = ("sys", "script") if work["script"][0] else ("torch", "parts")
    share = limit if mode == "script" else limit * _IMPORT_SHARE
    argv = [sys.executable, "-B", "-c", source_of("import_child"), name, "%.1f" % share]
    argv += [mode, source_of("smoke_child")]
    work["end"] = time.time() + limit - _GRACE
    folder = _folder() if mode == "parts" else None
    env = {"TMPDIR": folder, "TORCHINDUCTOR_CACHE_DIR": folder} if folder else None
    try:
        with _file(dumps(work).encode("ascii")) as file:
            child = protocol.command(argv, limit, env, localized=True, stdin=file.fileno())
            outcome = child.wait()
    finally:
        if folder:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)
    return dict(protocol.emitted(outcome.out), imported=name), outcome


def _folder():
    """A directory for all temporary files, so that what is killed leaves none behind; None where
    nothing can be written.
    """
    import tempfile

    try:
        return tempfile.mkdtemp(prefix="envcheck-smoke-")
    except OSError:
        return None


def _file(data):
    """An open file with ``data`` that has no name: nothing is left behind."""
    if hasattr(os, "memfd_create"):
        try:
            file = os.fdopen(os.memfd_create("smoke"), "w+b")
        except OSError:
            file = None
    else:
        file = None
    if file is None:
        import tempfile

        file = tempfile.TemporaryFile()
    file.write(data)
    file.flush()
    file.seek(0)
    return file


def _script(values, outcome, name):
    """(status, reason, [record]) of a script."""
    result = values.get("result") or _unsaid(outcome)
    record = dict.fromkeys(_TRIAL)
    record.update(part="script", status=result["status"], reason=result.get("reason"))
    record.update(seconds=round(outcome.seconds, 3), output=_tail(outcome.text_err()))
    reason = record["reason"]
    return record["status"], "%s: %s" % (os.path.basename(name), reason) if reason else "", [record]


def _unsaid(outcome):
    """How a program ended that did not come to its end as Python has it."""
    if outcome.status == "ok":
        return {"status": "pass"}  # os._exit(0)
    status, reason = _ending(outcome, "it")
    return {"status": status, "reason": reason}


def _ending(outcome, what):
    """(status, reason) of a grandchild that ended before it said so."""
    text = outcome.text_err()
    at = innermost(text)
    inside = " in " + at if at else ""
    if outcome.status in ("timeout", "abandoned") or "\nTimeout (" in "\n" + text:
        return "unknown", "%s did not end within %.3g s%s" % (what, outcome.seconds, inside)
    reason = (outcome.reason(what) or "%s ended without a word" % what) + inside
    if outcome.status == "signal" and outcome.returncode == protocol.signal.SIGKILL:
        return "unknown", reason + ": most often the kernel does that, for lack of memory"
    return "fail", reason


def _training(values, outcome):
    """(status, reason, records) of the training, by what it reported before it ended."""
    record = trial(values, outcome)
    if record["status"] != "ok":
        return _import_failed(record) + ([],)
    trials = _merged(values)
    result = values.get("result") or {"status": "ended"}
    if result["status"] == "skip":
        return "skip", result["reason"], []
    ended, why = "pass", ""
    if result["status"] != "ok":
        ended, why = result["status"], result.get("reason")
        if ended == "ended":
            ended, why = _ending(outcome, "it")
        for one in trials:
            if one["status"] == "running":
                one["status"], one["reason"] = ended, why
    return _folded(trials, ended, why) + (trials,)


def _merged(values):
    """The trials in order, each as it was reported last; without an end it is ``running``."""
    found = {}
    number = 1
    while "trial %d" % number in values:
        said = values["trial %d" % number]
        record = {name: said.get(name) for name in _TRIAL}
        found[tuple(record[name] for name in _IDENTITY)] = record
        number += 1
    return list(found.values())


def _folded(trials, ended, why):
    """(status, reason) of all together."""
    statuses = [one["status"] for one in trials] + ([ended] if ended != "pass" else [])
    for status in ("fail", "unknown"):
        if status in statuses:
            reasons = {}
            for one in trials:
                if one["status"] == status:
                    reasons.setdefault(one["reason"], []).append(_label(one))
            texts = ["%s: %s" % (", ".join(who), reason) for reason, who in reasons.items()]
            return status, "; ".join(texts) or why
    if "pass" in statuses:
        return "pass", ""
    reasons = [one["reason"] or "" for one in trials if one["status"] == "skip"]
    return ("skip", reasons[0]) if reasons else ("unknown", "nothing was tried")


def _label(record):
    return " ".join(str(record[name]) for name in ("part", "device", "dtype") if record[name])


def _tail(text):
    return text[-_OUTPUT:]
