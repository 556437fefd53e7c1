"""Parsers of the limits probe."""

from __future__ import annotations

import pytest

from envcheck.agent.probes import limits

PROC_LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max data size             4096                 unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max core file size        0                    unlimited            bytes
Max processes             63432                63432                processes
Max open files            1024                 1048576              files
Max locked memory         8388608              8388608              bytes
Max address space         unlimited            unlimited            bytes
"""


def test_proc_limits():
    found = limits.proc_limits(PROC_LIMITS)
    assert found["nofile"] == (1024, 1048576)
    assert found["address_space"] == (None, None)
    assert found["stack"] == (8388608, None)
    assert found["cpu_time"] == (None, None)
    assert found["data"] == (4096, None)
    expected = {"nofile", "memlock", "address_space", "processes", "core", "stack"}
    assert set(found) == expected | {"cpu_time", "data"}  # one that is not there is left out


def test_getrlimit_agrees_with_proc():
    with open("/proc/self/limits") as file:
        assert limits.proc_limits(file.read()) == limits._getrlimit()


def test_meminfo():
    found = limits.meminfo("MemTotal:   16 kB\nHugePages_Total:  3\nodd\nBad: x kB\n")
    assert found == {"MemTotal": 16384, "HugePages_Total": 3}


@pytest.mark.parametrize(
    ("value", "number"),
    [("8", 8), (" 4 ,2", 4), ("0", 0), ("-1", -1), ("two", None), ("", None), ("9" * 40, None)],
)
def test_threads(value, number):
    (record,) = limits.threads({"OMP_NUM_THREADS": value, "OTHER": "1"})
    assert record["variable"] == "OMP_NUM_THREADS"
    assert record["number"] == number
    assert len(record["value"]) <= 40
