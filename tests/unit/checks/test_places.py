"""RES1xx: space and rights at the places that matter."""

from __future__ import annotations

import pytest

GIB = 1 << 30
CODES = ["RES101", "RES102", "RES103", "RES104", "RES105"]


def place(label, **fields):
    record = {
        "label": label,
        "path": f"/home/u/{label}",
        "variable": "",
        "exists": False,
        "kind": None,
        "resolved": "/home/u",
        "filesystem": 1,
        "free": 100 * GIB,
        "total": 500 * GIB,
        "inodes_free": 1 << 20,
        "inodes_total": 1 << 24,
        "readonly": False,
        "writable": True,
        "executable": True,
        "error": "",
    }
    record.update(fields)
    return record


USUAL = [
    place(label)
    for label in ("output", "TMPDIR", "site-packages", "HF_HOME", "TORCH_HOME", "TRITON_CACHE_DIR")
]


def facts(*records, installed=()):
    return {
        "limits.disks": list(records),
        "distributions.installed": [{"name": name} for name in installed],
    }


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


@pytest.mark.parametrize("code", CODES)
def test_a_usual_machine_passes(judged, code):
    assert one(judged(code, facts(*USUAL, installed=["torch", "datasets"]))).status == "pass"
    assert one(judged(code, {})).status == "unknown"


@pytest.mark.parametrize("code", CODES)
def test_odd_records_do_no_harm(judged, code):
    odd = [{}, 7, None, {"label": 3, "free": "much"}, {"label": "TMPDIR"}, place("x", free=None)]
    assert one(judged(code, facts(*odd))).status == "pass"


def test_a_full_file_system_is_one_finding_with_all_its_places(judged):
    full = [place(label, free=1 << 20) for label in ("HF_HOME", "output")]
    finding = one(judged("RES101", facts(*full, place("TMPDIR", filesystem=2))))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert finding.subject == "HF_HOME, output"
    assert "the default, no variable is set" in finding.detail


@pytest.mark.parametrize(
    ("record", "status", "severity"),
    [
        (place("HF_HOME", free=GIB), "fail", "warning"),
        (place("HF_HOME", free=3 * GIB), "pass", "warning"),
        (place("TMPDIR", free=GIB), "pass", "warning"),
        (place("TMPDIR", free=100 << 20), "fail", "warning"),
        (place("TMPDIR", free=0), "fail", "error"),
        (place("site-packages", free=0), "fail", "warning"),
    ],
)
def test_how_little_is_too_little(judged, record, status, severity):
    finding = one(judged("RES101", facts(record)))
    assert (finding.status, finding.severity) == (status, severity)


def test_inodes_are_told_from_space(judged):
    finding = one(judged("RES102", facts(place("HF_HOME", inodes_free=3, variable="HF_HOME"))))
    assert (finding.status, finding.severity) == ("fail", "error")
    assert "100 GiB" in finding.detail
    assert "HF_HOME decides it" in finding.detail
    assert one(judged("RES102", facts(place("HF_HOME", inodes_free=None)))).status == "pass"


@pytest.mark.parametrize(
    ("label", "installed", "severity"),
    [
        ("HF_HOME", ["huggingface_hub"], "error"),
        ("HF_HOME", ["numpy"], "warning"),
        ("TMPDIR", [], "error"),
        ("TRITON_CACHE_DIR", [], "warning"),
        ("TRITON_CACHE_DIR", ["torch"], "error"),
    ],
)
def test_a_cache_that_cannot_be_written(judged, label, installed, severity):
    record = place(label, readonly=True, writable=False, variable="XDG_CACHE_HOME")
    finding = one(judged("RES103", facts(record, installed=installed)))
    assert (finding.status, finding.severity) == ("fail", severity)
    assert "read-only" in finding.title
    assert "XDG_CACHE_HOME decides it" in finding.detail
    assert finding.remedy.commands[0].startswith(f"export {label}=")


@pytest.mark.parametrize("label", ["output", "site-packages"])
def test_places_that_need_not_be_written(judged, label):
    assert one(judged("RES103", facts(place(label, writable=False)))).status == "pass"


def test_noexec(judged):
    finding = one(judged("RES104", facts(place("TMPDIR", executable=False))))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert one(judged("RES104", facts(place("HF_HOME", executable=False)))).status == "pass"
    assert one(judged("RES104", facts(place("TMPDIR", executable=None)))).status == "pass"
    packages = one(judged("RES104", facts(place("site-packages", executable=False))))
    assert packages.severity == "error"


def test_a_variable_that_names_nothing(judged):
    error = "TMPDIR names /gone, which is no directory"
    finding = one(judged("RES105", facts(place("TMPDIR", error=error))))
    assert (finding.status, finding.severity) == ("fail", "warning")
    assert error in finding.title
    nowhere = one(judged("RES105", facts(place("TMPDIR", path=None, error=error))))
    assert nowhere.severity == "error"
    file = one(judged("RES105", facts(place("HF_HOME", kind="file", exists=True))))
    assert "no directory" in file.title
    assert file.severity == "warning"
    for found in (
        place("HF_HOME", kind="file", exists=True),
        place("HF_HOME", error="Permission denied"),
        place("HF_HOME", exists=False, error="/a/file is no directory"),
    ):
        used = one(judged("RES105", facts(found, installed=["transformers"])))
        assert used.severity == "error"
    unset = place("HF_HOME", error="a variable in it is not set")
    used = one(judged("RES105", facts(unset, installed=["transformers"])))
    assert used.severity == "warning"
    homeless = [
        place(label, path=None, free=None, error="there is no home directory")
        for label in ("HF_HOME", "TORCH_HOME")
    ]
    assert one(judged("RES105", facts(*homeless))).subject == "HF_HOME, TORCH_HOME"


@pytest.mark.parametrize(
    ("record", "profile", "status"),
    [
        (place("output"), "minimum_gib = 50", "pass"),
        (place("output", free=GIB), "minimum_gib = 50", "fail"),
        (place("output", writable=False), "minimum_gib = 50", "fail"),
        (place("output", inodes_free=10), "minimum_gib = 1\ninodes = 1000", "fail"),
        (place("output", inodes_free=None), "minimum_gib = 1\ninodes = 1000", "pass"),
        (place("output", free=None, error="Stale file handle"), "minimum_gib = 1", "unknown"),
        (place("HF_HOME"), 'path = "HF_HOME"\nminimum_gib = 1', "pass"),
        (place("/data"), 'path = "/scratch"\nminimum_gib = 1', "unknown"),
    ],
)
def test_required_disk(judged, record, profile, status):
    finding = one(judged("RES202", facts(record), profile=f"[[disk]]\n{profile}\n"))
    assert finding.status == status, finding
    assert finding.required


@pytest.mark.parametrize(
    ("record", "extra", "status"),
    [
        (place("/data/x", exists=True, kind="file"), "", "pass"),
        (place("/data/x"), "", "fail"),
        (place("/data/x"), "optional = true\n", "pass"),
        (place("/data/x", exists=None, error="Permission denied"), "", "unknown"),
        (place("/data/y"), "", "unknown"),
    ],
)
def test_required_file(judged, record, extra, status):
    finding = one(judged("RES205", facts(record), profile=f'[[file]]\npath = "/data/x"\n{extra}'))
    assert finding.status == status, finding
