"""Runs torch and other modules in grandchildren and makes facts of what they report."""

import sys
import time

from .. import protocol
from . import compute

_MARGIN = 3.0  # seconds that are left for the rest of the sheet
_IMPORT_SHARE = 0.6  # of the time, for the import; the tests have the rest
_MOST = 100.0  # seconds for torch
_WHOLE = 220.0  # seconds for all; the probe's own deadline is a little longer
_AT_ONCE = 3

_OURS = 'File "<envcheck>/'  # what ``smoke_child`` serves from memory

#: Largest norm of error over norm of product that the format's own rounding explains.
TOLERANCE = {
    "fp32": 1e-5,
    "tf32": 2e-3,
    "bf16": 1e-2,
    "fp16": 3e-3,
    "fp8_e4m3": 2e-2,
    "fp8_e5m2": 2e-2,
    "int8": 0.0,
}
REDUCED = 1e-2  # fp32 with an error up to this was computed with fewer bits
#: A format computed natively beats fp32 by more than this, an emulated one is slower than that.
#: Measured on a CPU with AVX512_BF16: native 0.25, through AVX512 1.3, through AVX2 40.
NATIVE_RATIO = 0.75
EMULATED_RATIO = 1.1
#: Instruction sets that multiply in this format.
FEATURES = {
    "bf16": ("avx512_bf16", "amx_bf16", "bf16", "svebf16"),
    "fp16": ("avx512_fp16", "amx_fp16", "asimdhp", "fphp"),
    "fp8_e4m3": ("amx_fp8",),
    "fp8_e5m2": ("amx_fp8",),
    "int8": ("avx512_vnni", "avx_vnni", "amx_int8", "i8mm", "svei8mm", "asimddp"),
}


def collect(facts, request):
    end = time.monotonic() + min(_WHOLE, request.left() - _MARGIN)
    limit = min(_MOST, end - time.monotonic())
    if not sys.executable or limit < 2:
        reason = (
            "too little time is left" if sys.executable else "Python does not know its own path"
        )
        for field in compute.FIELDS[1:]:
            facts.unknown(field.name, reason)
        return
    tests = (("gloo:2", "collective_child"), ("all", "torch_child"))
    values, outcome = grandchild("torch", limit * _IMPORT_SHARE, limit, tests)
    request.torch = record = trial(values, outcome)
    if record["status"] == "crash":
        record["library"] = loading(outcome, "torch", max(1.0, end - time.monotonic()))
    if record["missing"] == "torch":
        for field in compute.FIELDS[1:]:
            if field.name != "imports":
                facts.absent(field.name, "import torch")
    else:
        _import_facts(facts, record)
        _torch_facts(facts, record, values, outcome)
        _collectives(facts, values, outcome, end)
    facts.known("imports", _imports(request.modules, end), "import, each in its own process")


def source_of(name):
    """The text of a module beside this one, from wherever the agent's modules come."""
    from importlib.util import find_spec

    full = __name__.rpartition(".")[0] + "." + name
    return find_spec(full).loader.get_source(full)


def start(name, import_seconds, seconds, tests=(), env=None):
    """Start an import as the user would: no isolation, the user's variables and directory.

    ``tests``: pairs of a mode and the name of a script beside this one, run after the import.
    """
    argv = [sys.executable, "-B", "-c", source_of("import_child"), name, "%.1f" % import_seconds]
    for mode, script in tests:
        argv += [mode, source_of(script)]
    return protocol.command(argv, seconds, env=env, localized=True)


def grandchild(name, import_seconds, seconds, tests=(), env=None):
    """(what was reported, Outcome) of ``start``."""
    outcome = start(name, import_seconds, seconds, tests, env).wait()
    return protocol.emitted(outcome.out), outcome


def trial(values, outcome):
    """The record of one import."""
    record = {
        name: values.get(name) for name in ("seconds", "error", "where", "missing", "version")
    }
    record.update(status=values.get("status"), file=values.get("file"), signal=None, library=None)
    if record["seconds"] is not None:
        record["seconds"] = round(record["seconds"], 4)
    if record["status"] == "error":
        record["missing"] = record["missing"] or missing_library(record["error"] or "")
        record["library"] = damaged_library(record["error"] or "")
    elif outcome is None:
        record.update(status="unknown", error="too little time was left")
    elif record["status"] is None:
        _ended_badly(record, outcome)
    return record


def _ended_badly(record, outcome):
    """The import neither went well nor raised: it crashed, hung, or ended the process."""
    text = outcome.text_err()
    record["where"] = innermost(text) or None
    record["seconds"] = round(outcome.seconds, 4)
    if outcome.status in ("timeout", "abandoned") or "\nTimeout (" in "\n" + text:
        record["status"] = "hang"
        record["error"] = "it did not end within %.3g s" % outcome.seconds
    elif outcome.status == "signal":
        record["status"], record["signal"] = "crash", protocol.signal_name(outcome.returncode)
        record["error"] = outcome.reason("it")
    else:
        record["status"] = "crash"
        record["error"] = outcome.reason("Python") or "it ended the process"
        last = text.splitlines()[-1:] if "most recent call first" not in text else []
        record["error"] += "".join(": " + line[:300] for line in last)


def innermost(text):
    """`file:line in function` of the innermost frame in faulthandler's traceback, "" if none.

    Frames of importlib and of the script that imports are left out. Of several threads the one
    counts that runs this script.
    """
    best = ""
    for block in text.split("(most recent call first):")[1:]:
        frames = [line.strip() for line in block.split("\n\n")[0].splitlines()]
        frames = [line for line in frames if line.startswith('File "')]
        found = [line for line in frames if not line.startswith('File "<') or _OURS in line]
        if found and (not best or any('"<string>"' in line for line in frames)):
            best = found[0]
    if not best:
        return ""
    path, _, rest = best[len('File "') :].partition('", line ')
    return "%s:%s" % (path, rest)


def missing_library(text):
    """`libX.so.N` that the loader (glibc's or musl's) did not find, None if it was not that."""
    head, mark, _ = text.partition(": cannot open shared object file")
    if not mark:
        _, mark, rest = text.partition("Error loading shared library ")
        head = rest.partition(":")[0]
    return head.split()[-1].rpartition("/")[2] if mark and head.split() else None


def damaged_library(text):
    """Path of the library that the loader found and refused, None if it is not that."""
    for mark in (": file too short", ": invalid ELF header", ": cannot read file data", ": ELF "):
        head, found, _ = text.partition(mark)
        if found and head.split():
            return head.split()[-1]
    return None


def loading(outcome, name, seconds):
    """The shared object in whose loading a crash happened, None if it was not in loading.

    The dynamic loader says which it is when it is asked to (glibc's LD_DEBUG): a second run.
    """
    if not protocol.IS_LINUX or outcome.status != "signal":
        return None
    blocks = outcome.text_err().split("(most recent call first):")
    frames = [line.strip() for line in blocks[-1].splitlines() if line.strip().startswith('File "')]
    if len(blocks) < 2 or not frames or not _is_loading(frames[0]):
        return None
    _, again = grandchild(name, seconds, seconds, env={"LD_DEBUG": "files,libs"})
    return last_loaded(again.err.decode("utf-8", "replace"))


def _is_loading(line):
    """Whether a frame is one from which Python calls the dynamic loader."""
    if line.startswith('File "<frozen importlib'):
        return True
    return "ctypes" in line and line.endswith((" in __init__", " in _load_library"))


def last_loaded(text):
    """The file that the loader dealt with last, from what LD_DEBUG=files,libs printed."""
    last = None
    places = {}
    for line in text.splitlines():
        said = line.partition(":\t")[2].strip()
        if said.startswith("trying file="):
            path = said[len("trying file=") :]
            places[path.rpartition("/")[2]] = path
        elif said.startswith("file="):
            path = said[len("file=") :].partition(" [")[0]
            last = path if path.startswith("/") else places.get(path, path)
        elif said.startswith("calling init: "):
            last = said[len("calling init: ") :]
    return last


def _import_facts(facts, record):
    source = "import torch"
    for name in ("status", "seconds", "error", "signal", "where", "library", "missing"):
        facts.found("torch.import." + name, record[name], source)
    for name in ("version", "file"):
        if record["status"] == "ok":
            facts.found("torch." + name, record[name], source)
        else:
            facts.unknown("torch." + name, "torch could not be imported")


def _torch_facts(facts, record, values, outcome):
    """What the tests reported; what they did not come to is unknown."""
    why = "torch could not be imported"
    if record["status"] == "ok":
        why = outcome.reason("the test of torch") or "the test of torch ended early"
        if outcome.status == "signal":
            why += " in " + (innermost(outcome.text_err()) or "native code")
        elif outcome.status == "exit" and outcome.text_err():
            why += ": " + outcome.text_err().splitlines()[-1][:300]
    if "tests" in values:
        facts.known("tests", values["tests"], "torch")
        why = values["tests"]
    elif record["status"] == "ok":
        facts.known("tests", why, "torch")
    else:
        facts.unknown("tests", why)
    for fact, key in (
        ("torch.cuda", "cuda"),
        ("torch.hip", "hip"),
        ("torch.config", "config"),
        ("torch.arch_list", "arch_list"),
        ("torch.devices", "devices"),
        ("torch.numpy", "numpy"),
        ("libraries", "libraries"),
    ):
        if key in values:
            facts.found(fact, values[key], "torch")
        else:
            facts.unknown(fact, why)
    if values.get("dtypes"):
        features = values.get("features") or []
        found = [_classified(item, features) for item in values["dtypes"]]
        facts.known("dtypes", found, "matrix products against float64")
    else:
        facts.unknown("dtypes", why)


def _classified(item, features):
    verdict, why = classify(item, features)
    names = ("device", "dtype", "status", "error", "ratio")
    return dict({name: item[name] for name in names}, verdict=verdict, why=why)


def classify(item, features):
    """(verdict, why) of one measured number format.

    ``item``: ``device dtype status error ratio why claimed``, the last is torch's own answer (or
    None). ``features``: instruction sets of the CPU; empty if they could not be read.
    """
    name, error, ratio = item["dtype"], item["error"], item["ratio"]
    if item["status"] != "ok":
        return "unsupported", item["why"] or "torch refused it"
    if error is None:
        return "wrong", "the result is not a number"
    if error > TOLERANCE[name]:
        if name == "fp32" and error <= REDUCED:
            return "reduced", "error %.2g: computed with fewer bits than fp32 has" % error
        return "wrong", "error %.2g, where rounding explains %.2g" % (error, TOLERANCE[name])
    if name == "fp32":
        return "native", "error %.2g" % error
    if name == "tf32" and error < TOLERANCE["fp32"]:
        return "unsupported", "it was computed in fp32: error %.2g" % error
    if ratio is None:
        return "unknown", "it was not timed"
    hardware, reason = _hardware(item, features)
    said = "%.3g times the time of fp32; %s" % (ratio, reason)
    if ratio >= EMULATED_RATIO:
        return "emulated", said
    if ratio <= NATIVE_RATIO and hardware is not False:
        return ("native", said) if hardware or item["device"] != "cpu" else ("unknown", said)
    if hardware is False and ratio > NATIVE_RATIO:
        return "emulated", said
    return "unknown", said


def _hardware(item, features):
    """(whether the device has instructions for it, in words); None if that is not known."""
    if item["device"] != "cpu":
        claimed = item.get("claimed")
        words = {True: "torch calls it native", False: "torch calls it emulated"}
        return claimed, words.get(claimed, "torch does not say whether it is native")
    if not features:
        return None, "the CPU's instruction sets are not known"
    there = [name for name in FEATURES.get(item["dtype"], ()) if name in features]
    if there:
        return True, "the CPU has " + ", ".join(there)
    return False, "the CPU has no instructions for it"


def _collectives(facts, values, outcome, end):
    if "gloo" not in values:
        facts.unknown(
            "collectives", outcome.reason("the test of torch") or "torch was not imported"
        )
        return
    records = [values["gloo"]] if values["gloo"] else []
    devices = [one for one in values.get("devices") or [] if one["kind"] in ("cuda", "rocm")]
    if devices and not any(one["error"] for one in devices):
        records += _nccl(min(2, len(devices)), end)
    facts.known("collectives", records, "two processes on this machine")


def _nccl(processes, end):
    """NCCL's record, from a process of its own: CUDA must not have been initialised before."""
    record = {"backend": "nccl", "status": "timeout", "processes": processes, "seconds": 0.0}
    seconds = min(60.0, end - time.monotonic())
    if seconds < 5:
        return [dict(record, status="unknown", reason="too little time was left")]
    tests = (("nccl:%d" % processes, "collective_child"),)
    values, outcome = grandchild("torch", seconds, seconds, tests)
    if "nccl" in values:
        return [values["nccl"]] if values["nccl"] else []
    if outcome.status not in ("timeout", "abandoned"):
        record["status"] = "crash"
    reason = outcome.reason("the test of NCCL") or "the test of NCCL ended early"
    return [dict(record, reason=reason, seconds=round(outcome.seconds, 3))]


def _imports(modules, end):
    """A record for each of these modules, a few at once."""
    records = []
    for index in range(0, len(modules), _AT_ONCE):
        names = modules[index : index + _AT_ONCE]
        seconds = min(60.0, end - time.monotonic() - 1.0)
        if seconds < 1:
            records += [dict(trial({}, None), module=name) for name in names]
            continue
        started = [(name, start(name, seconds, seconds + 1)) for name in names]
        for name, child in started:
            outcome = child.wait()
            values = protocol.emitted(outcome.out)
            record = trial(values, outcome)
            left = end - time.monotonic()
            if record["status"] == "crash" and left > 1:
                record["library"] = loading(outcome, name, min(seconds, left))
            records.append(dict(record, module=name))
    return records
