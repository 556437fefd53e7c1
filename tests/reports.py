"""Reports with everything in them that a reporter must cope with. Literal: nothing is observed."""

from __future__ import annotations

from typing import Any

from envcheck.evaluate import count, verdict
from envcheck.model.facts import FactSheet
from envcheck.model.finding import Anchor, Evidence, Finding, Remedy, Report, Waiver

PYTHON = "/home/ann/proj/.venv/bin/python"
SITE = "/home/ann/proj/.venv/lib/python3.11/site-packages"


def known(value: Any, source: str = "") -> dict[str, Any]:
    return {"status": "known", "value": value} | ({"source": source} if source else {})


def sheet(facts: dict[str, Any] | None = None, **target: Any) -> FactSheet:
    chosen = {"kind": "python", "name": PYTHON, "chosen_by": "VIRTUAL_ENV", **target}
    return FactSheet(
        {
            "schema": "envcheck.facts/1",
            "agent": {"status": "ok", "version": "1", "seconds": 0.031},
            "target": chosen,
            "probes": {"interpreter": {"status": "ok", "seconds": 0.0004}},
            "facts": FACTS if facts is None else facts,
        }
    )


FACTS = {
    "interpreter.version": known("3.11.7", "platform.python_version()"),
    "interpreter.implementation": known("CPython"),
    "interpreter.executable": known(PYTHON, "sys.executable"),
    "interpreter.prefix": known("/home/ann/proj/.venv"),
    "interpreter.is_venv": known(True),
    "host.os": known("linux"),
    "host.arch": known("x86_64"),
    "host.libc.family": known("glibc"),
    "host.libc.version": known("2.36"),
    "host.cpu.usable": known(2.0),
    "limits.memory.effective": known(25232932864, "/sys/fs/cgroup/memory.max"),
    "limits.shm.total": known(67108864, "/dev/shm"),
    "limits.disks": known([{"label": "HF_HOME", "path": "/home/ann/.cache", "free": 79000000000}]),
    "distributions.installed": known([{"name": "torch", "version": "2.13.0"}] * 164),
    "torch.installed": known(True),
    "torch.version": known("2.13.0+cu130", "torch/version.py"),
    "torch.build.kind": known("cuda"),
    "torch.build.cuda": known("13.0"),
    "devices.list": known([{"kind": "cuda", "name": "NVIDIA A10G"}]),
    "nvidia.smi.version": {"status": "absent", "source": "PATH"},
    "network.index": {"status": "unknown", "reason": "not asked: --online"},
}


def report(*findings: Finding, of: FactSheet | None = None, **fields: Any) -> Report:
    made = {"version": "0.1.0", "created": "2026-11-20T15:00:00Z", "seconds": 0.11} | fields
    return Report(of or sheet(), findings, verdict(findings), count(findings), **made)


RUNS = Finding("PY001", "pass", "error", "the interpreter can be examined")
LINUX = Finding("OS101", "pass", "error", "the operating system is supported")
ACCELERATE = Finding(
    "PKG201",
    "fail",
    "error",
    "accelerate 0.20.1 does not meet accelerate>=0.34",
    detail="The Trainer imports names that came with accelerate 0.34.",
    subject="accelerate",
    evidence=(
        Evidence(
            "distributions.installed",
            "accelerate 0.20.1",
            f"{SITE}/accelerate-0.20.1.dist-info/METADATA",
        ),
    ),
    remedy=Remedy(
        "Upgrade accelerate in this environment",
        (f"uv pip install --python {PYTHON} 'accelerate>=0.34'",),
    ),
    anchor=Anchor("profiles/training.toml", 12),
    required=True,
    source="transformers' setup.py, 2025-10-01",
)
DRIVER = Finding(
    "GPU101",
    "fail",
    "error",
    "torch 2.13.0+cu130 needs driver 580 or newer, found 550.54.14",
    detail="CUDA 13 needs another generation of the driver; minor-version compatibility does not "
    "reach across majors.",
    evidence=(
        Evidence("nvidia.kernel.version", "550.54.14", "/proc/driver/nvidia/version"),
        Evidence("torch.build.cuda", "13.0", "torch/version.py"),
    ),
    remedy=Remedy(
        "Install the build for CUDA 12.6, or update the driver",
        (f"uv pip install --python {PYTHON} --torch-backend=cu126 --reinstall torch",),
    ),
)
NO_DEVICE = Finding("GPU110", "fail", "error", "no CUDA device can be used", cause="GPU101")
BF16 = Finding("DTYPE201", "unknown", "error", "bf16 is native", cause="GPU110", required=True)
DUPLICATE = Finding(
    "PKG105",
    "fail",
    "warning",
    "numpy has two dist-infos",
    detail="numpy-1.26.4.dist-info and numpy-2.1.0.dist-info are both there.",
    subject="numpy",
)
SHM = Finding(
    "RES101",
    "fail",
    "warning",
    "/dev/shm has 64 MiB",
    waiver=Waiver("one worker only", "2027-01-01"),
)
OFFLINE = Finding("NET101", "skip", "warning", "the index answers", detail="add --online")
TOKEN = Finding(
    "CRED101",
    "unknown",
    "warning",
    "HF_TOKEN is well formed",
    detail="credentials.list could not be observed: permission denied",
)
CRASH = Finding("IMP101", "crash", "error", "torch imports", detail="KeyError: 'arch'")
NOTE = Finding("DST101", "fail", "note", "accelerate has no configuration", detail="Defaults apply")

HOSTILE = (
    "\x1b[31mred\x1b[0m \x07 \u202eevil\u202c | `code` <script>alert(1)</script> ]]> &amp; "
    "::error::pwned ##[error]x\r\n::warning::y\t%0A \udc80 \ufffe @octocat [a](http://x) "
    "\x00 \x9b1m"
)


def hostile() -> Report:
    text = HOSTILE
    finding = Finding(
        "PKG9",
        "fail",
        "error",
        text,
        detail=text,
        subject=text,
        evidence=(Evidence("distributions.installed", text, text),),
        remedy=Remedy(text, (f"pip uninstall {text}", text)),
        anchor=Anchor(text, -3),
        source=text,
    )
    others = (
        finding._replace(code="X", status="skip"),
        finding._replace(code="Y1", status="unknown", required=True),
        finding._replace(code="Z2", status="crash"),
        finding._replace(code="Z3", waiver=Waiver(text, text)),
        finding._replace(code=text, severity="note"),
        finding._replace(code="V1", cause="PKG9"),
    )
    facts = {
        text: known(text, text),
        "interpreter.version": known(text),
        "interpreter.prefix": known({"not": "text"}),
        "interpreter.is_venv": known(True),
        "host.os": known([text]),
        "host.cpu.usable": known(float("nan")),
        "limits.memory.effective": known("much"),
        "limits.disks": known([1, None, {"free": float("inf")}]),
        "distributions.installed": known({"a": 1}),
        "devices.list": known([{"name": text}, 3]),
        "odd.number": known(float("inf")),
        "odd.status": {"status": "no such status"},
        "odd.entry": 7,
    }
    return report(
        finding,
        *others,
        of=sheet(facts, name=text, kind=text, chosen_by=text),
        profiles=(text,),
        notes=(text,),
        version=text,
        created=text,
    )


def cases() -> dict[str, Report]:
    many = tuple(
        ACCELERATE._replace(title=f"package{n} 1.0 does not meet package{n}>=2", subject=f"p{n}")
        for n in range(1, 13)
    )
    chain = (
        DRIVER,
        NO_DEVICE,
        BF16,
        Finding("IMP102", "fail", "error", "torch.cuda initialises", cause="GPU110"),
        Finding("RES301", "fail", "warning", "of a circle", cause="RES302"),
        Finding("RES302", "fail", "warning", "of the same circle", cause="RES301"),
        Finding("DST301", "fail", "warning", "its cause did not fail", cause="PY001"),
        RUNS,
    )
    old = {
        "interpreter.version": known("2.7.18"),
        "interpreter.implementation": known("CPython"),
        "interpreter.executable": known("/usr/bin/python2"),
    }
    return {
        "healthy": report(RUNS, LINUX, OFFLINE),
        "broken": report(
            RUNS, LINUX, ACCELERATE, DUPLICATE, DRIVER, NO_DEVICE, BF16, SHM, OFFLINE, TOKEN, CRASH,
            NOTE, profiles=("transformers-training",), notes=("redacted: 1 value",),
        ),
        "empty": report(of=sheet({}, name="", kind="", chosen_by="")),
        "unknown": report(RUNS, TOKEN, BF16._replace(cause="", detail="no device answered")),
        "crash": report(RUNS, CRASH),
        "waived": report(RUNS, SHM, ACCELERATE._replace(waiver=Waiver("waits for a release"))),
        "folded": report(*chain),
        "many": report(RUNS, *many),
        "image": report(
            RUNS, of=sheet({"interpreter.version": known("3.12.1")}, kind="image",
                           name="python:3.12-slim", chosen_by="--image"),
        ),
        "old-python": report(
            Finding("PY001", "fail", "error", "Python 2.7.18 is too old to be examined"),
            of=sheet(old, name="/usr/bin/python2", chosen_by="--python"),
        ),
        "hostile": hostile(),
    }  # fmt: skip
