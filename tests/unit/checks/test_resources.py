"""RES: memory, processors, shared memory, limits; and what a profile asks of them."""

from __future__ import annotations

import pytest

GIB = 1 << 30
USUAL = {
    "host.os": "linux",
    "host.container": None,
    "host.rdma": None,
    "host.cpu.quota": None,
    "host.cpu.affinity": 8,
    "host.cpu.usable": 8,
    "host.cpu.model": "some",
    "host.cpu.features": ["avx2", "avx512_bf16"],
    "limits.memory.total": 16 * GIB,
    "limits.memory.effective": 16 * GIB,
    "limits.memory.limit": None,
    "limits.shm.total": 8 * GIB,
    "limits.shm.free": 8 * GIB,
    "limits.shm.writable": True,
    "limits.nofile": 1024,
    "limits.nofile_hard": 1048576,
    "limits.pids": None,
    "limits.processes": 63432,
    "limits.memlock": 8 << 20,
    "limits.address_space": None,
    "limits.data": None,
    "limits.cpu_time": None,
    "limits.file_size": None,
    "limits.threads": [],
    "torch.installed": True,
}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def threads(value, number, variable="OMP_NUM_THREADS"):
    return {"limits.threads": [{"variable": variable, "value": value, "number": number}]}


@pytest.mark.parametrize("code", [f"RES00{n}" for n in range(1, 10)])
def test_a_usual_machine_is_quiet(judged, code):
    assert one(judged(code, USUAL)).status in ("pass", "skip")


@pytest.mark.parametrize("code", [f"RES00{n}" for n in range(1, 9)])
def test_nothing_known_is_unknown(judged, code):
    assert one(judged(code, {})).status == "unknown"


@pytest.mark.parametrize(
    ("code", "facts", "status", "severity"),
    [
        ("RES001", {"limits.memory.effective": 3 * GIB}, "fail", "note"),
        ("RES001", {"limits.memory.effective": 15.9 * GIB}, "pass", "note"),
        ("RES002", {"host.cpu.quota": 0.5}, "fail", "note"),
        ("RES002", {"host.cpu.quota": 16.0}, "pass", "note"),
        ("RES002", {"host.cpu.quota": 2, **threads("2", 2)}, "pass", "note"),
        ("RES003", threads("64", 64), "fail", "warning"),
        ("RES003", threads("8", 8), "pass", "warning"),
        ("RES003", threads("0", 0), "fail", "warning"),
        ("RES003", threads("many", None), "fail", "warning"),
        ("RES003", threads("", None), "pass", "warning"),
        ("RES003", {"host.cpu.usable": 0.5, **threads("1", 1)}, "pass", "warning"),
        ("RES003", {"host.cpu.usable": 0.5, **threads("2", 2)}, "fail", "warning"),
        ("RES004", {"limits.shm.total": 64 << 20}, "fail", "note"),
        ("RES004", {"limits.shm.total": 64 << 20, "torch.installed": False}, "pass", "note"),
        ("RES004", {"limits.shm.total": None, "limits.shm.writable": None}, "fail", "warning"),
        ("RES004", {"limits.shm.writable": False}, "fail", "warning"),
        ("RES004", {"host.os": "darwin", "limits.shm.total": None}, "skip", "note"),
        ("RES005", {"limits.nofile": 256}, "fail", "warning"),
        ("RES005", {"limits.nofile": 256, "host.os": "darwin"}, "pass", "warning"),
        ("RES005", {"limits.nofile": None}, "pass", "warning"),
        ("RES006", {"limits.pids": 100}, "fail", "warning"),
        ("RES006", {"limits.pids": 32768}, "pass", "warning"),
        ("RES007", {"host.rdma": ["mlx5_0"]}, "fail", "warning"),
        ("RES007", {"host.rdma": ["mlx5_0"], "limits.memlock": None}, "pass", "warning"),
        ("RES008", {"limits.address_space": 4 * GIB}, "fail", "warning"),
        ("RES008", {"limits.data": 4 * GIB}, "fail", "warning"),
        ("RES008", {"limits.data": 16 * GIB}, "pass", "warning"),
        ("RES009", {"limits.cpu_time": 1800}, "fail", "warning"),
        ("RES009", {"limits.cpu_time": 7 * 86400}, "pass", "warning"),
        ("RES009", {"limits.file_size": 1 << 20}, "fail", "warning"),
        ("RES009", {"limits.file_size": 1 << 40}, "pass", "warning"),
    ],
)
def test_health(judged, code, facts, status, severity):
    finding = one(judged(code, {**USUAL, **facts}))
    assert (finding.status, finding.severity) == (status, severity), finding


def test_remedies_have_the_numbers_of_this_machine(judged):
    quota = one(judged("RES002", {**USUAL, "host.cpu.quota": 2.5}))
    assert quota.remedy.commands == ("export OMP_NUM_THREADS=3",)
    many = one(judged("RES003", {**USUAL, **threads("64", 64, "MKL_NUM_THREADS")}))
    assert many.remedy.commands == ("export MKL_NUM_THREADS=8",)
    files = one(judged("RES005", {**USUAL, "limits.nofile": 256, "limits.nofile_hard": 4096}))
    assert files.remedy.commands == ("ulimit -n 4096",)
    hopeless = one(judged("RES005", {**USUAL, "limits.nofile": 256, "limits.nofile_hard": 256}))
    assert hopeless.remedy.commands == ()


@pytest.mark.parametrize(
    ("code", "facts", "profile", "status"),
    [
        ("RES201", {}, "[[memory]]\nminimum_gib = 16\n", "pass"),
        (
            "RES201",
            {"limits.memory.effective": 15.3 * GIB},
            "[[memory]]\nminimum_gib = 16\n",
            "pass",
        ),
        ("RES201", {"limits.memory.effective": 3 * GIB}, "[[memory]]\nminimum_gib = 16\n", "fail"),
        ("RES203", {}, "[[shared_memory]]\nminimum_gib = 8\n", "pass"),
        ("RES203", {"limits.shm.total": 64 << 20}, "[[shared_memory]]\nminimum_gib = 1\n", "fail"),
        ("RES203", {"limits.shm.total": None}, "[[shared_memory]]\nminimum_gib = 1\n", "fail"),
        ("RES203", {"host.os": "darwin"}, "[[shared_memory]]\nminimum_gib = 1\n", "skip"),
        ("RES204", {}, "[[cpu]]\nminimum = 8\n", "pass"),
        ("RES204", {"host.cpu.usable": 2}, "[[cpu]]\nminimum = 8\n", "fail"),
        ("RES204", {}, '[[cpu]]\nfeatures = ["avx2", "avx512bf16"]\n', "pass"),
        ("RES204", {}, '[[cpu]]\nfeatures = ["amx_tile"]\n', "fail"),
    ],
)
def test_requirements(judged, code, facts, profile, status):
    finding = one(judged(code, {**USUAL, **facts}, profile=profile))
    assert finding.status == status, finding
    if status != "skip":
        assert finding.required
        assert finding.anchor.line == 2


@pytest.mark.parametrize(
    ("code", "profile"),
    [
        ("RES201", "[[memory]]\nminimum_gib = 16\n"),
        ("RES203", "[[shared_memory]]\nminimum_gib = 8\n"),
        ("RES204", "[[cpu]]\nminimum = 8\n"),
        ("RES202", "[[disk]]\nminimum_gib = 8\n"),
        ("RES205", '[[file]]\npath = "/data/x"\n'),
    ],
)
def test_what_is_asked_for_and_not_known_leaves_the_verdict_open(judged, code, profile):
    finding = one(judged(code, {}, profile=profile))
    assert (finding.status, finding.required) == ("unknown", True)
