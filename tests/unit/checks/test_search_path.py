"""PY1xx: what is imported instead of what is meant."""

from __future__ import annotations

import pytest

USER = {
    "interpreter.user_site.enabled": True,
    "interpreter.user_site.path": "/home/u/.local/lib/python3.11/site-packages",
    "interpreter.user_site.distributions": ["numpy==1.26.0"],
    "interpreter.is_conda": False,
    "distributions.installed": [],
}


def one(findings):
    (finding,) = findings
    assert finding.status != "crash", finding.detail
    return finding


def test_a_file_that_hides_a_standard_module(judged):
    records = [
        {"module": "random", "file": "/w/random.py", "origin": "cwd"},
        {"module": "queue", "file": "/p/queue", "origin": "PYTHONPATH"},
    ]
    first, second = judged("PY101", {"interpreter.shadows": records})
    assert (first.status, first.severity, first.subject) == ("fail", "warning", "/w/random.py")
    assert "random" in first.title
    assert "PYTHONPATH" in second.detail
    assert one(judged("PY101", {"interpreter.shadows": []})).status == "pass"
    assert one(judged("PY101", {})).status == "unknown"


def test_another_pythons_library_is_one_finding(judged):
    modules = [f"m{number}" for number in range(100)]
    records = [
        {"module": name, "file": f"/usr/lib/python3.12/{name}.py", "origin": "PYTHONPATH"}
        for name in modules
    ]
    records.append({"module": "random", "file": "/w/random.py", "origin": "cwd"})
    library, script = judged("PY101", {"interpreter.shadows": records})
    assert (library.severity, library.subject) == ("error", "/usr/lib/python3.12")
    assert "hides 100 modules" in library.title
    assert script.subject == "/w/random.py"


def test_a_virtual_environments_own_come_before_the_users(judged):
    own = {"name": "numpy", "version": "2.1.0", "location": "/env/lib", "shadowed": False}
    (found,) = judged("PY102", {**USER, "distributions.installed": [own]})
    assert (found.status, found.severity) == ("fail", "note")
    (found,) = judged("PY102", {**USER, "distributions.installed": [{**own, "shadowed": True}]})
    assert found.severity == "warning"


@pytest.mark.parametrize(
    ("facts", "status", "severity"),
    [
        ({}, "fail", "note"),
        ({"interpreter.is_conda": True}, "fail", "warning"),
        ({"interpreter.user_site.distributions": []}, "pass", "note"),
        ({"interpreter.user_site.distributions": None}, "pass", "note"),
        ({"interpreter.user_site.enabled": False}, "skip", "note"),  # a virtual environment
        (
            {
                "distributions.installed": [
                    {"name": "NumPy", "version": "2.1.0", "location": "/env/site-packages"}
                ]
            },
            "fail",
            "warning",
        ),
        (
            {
                "distributions.installed": [
                    {
                        "name": "numpy",
                        "version": "1.26.0",
                        "location": "/home/u/.local/lib/python3.11/site-packages",
                    }
                ]
            },
            "fail",
            "note",
        ),
    ],
)
def test_user_site(judged, facts, status, severity):
    finding = one(judged("PY102", {**USER, **facts}))
    assert (finding.status, finding.severity) == (status, severity), finding
    if status == "fail":
        assert "numpy==1.26.0" in finding.detail
        assert finding.remedy.commands == ("export PYTHONNOUSERSITE=1",)


@pytest.mark.parametrize(
    ("home", "valid", "status", "severity"),
    [
        (None, None, "pass", "error"),
        ("/usr", True, "pass", "error"),
        ("/opt/python", True, "fail", "warning"),
        ("/opt/python2", False, "fail", "error"),
    ],
)
def test_pythonhome(judged, home, valid, status, severity):
    facts = {
        "interpreter.pythonhome": home,
        "interpreter.pythonhome.valid": valid,
        "interpreter.base_prefix": "/usr",
    }
    finding = one(judged("PY103", facts))
    assert (finding.status, finding.severity) == (status, severity)


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        (None, "pass"),
        (["/proj/src", "/opt/lib/python3.11/site-packages"], "pass"),
        (["/opt/lib/python3.9/site-packages"], "fail"),
        (["/usr/lib/python2.7"], "fail"),
        (["/src/python3.9/project"], "pass"),
        (["/src/python3.x"], "pass"),
    ],
)
def test_pythonpath_of_another_python(judged, entries, status):
    facts = {"interpreter.pythonpath": entries, "interpreter.version": "3.11.7"}
    assert one(judged("PY104", facts)).status == status
