"""PYTHONOPTIMIZE."""

from __future__ import annotations

import pytest

from envcheck.agent.probes import interpreter

READER = [{"name": "Transformers", "version": "5.0"}]


@pytest.mark.parametrize(
    ("level", "installed", "status", "severity"),
    [
        (None, READER, "pass", "note"),
        (1, READER, "pass", "note"),
        (2, READER, "fail", "error"),
        (2, [], "fail", "note"),
        (3, READER, "fail", "error"),
    ],
)
def test_docstrings(judged, level, installed, status, severity):
    facts = {"interpreter.optimize": level, "distributions.installed": installed}
    (found,) = judged("PY105", facts)
    assert (found.status, found.severity) == (status, severity)


def test_unknown(judged):
    assert judged("PY105", {})[0].status == "unknown"


@pytest.mark.parametrize(
    ("text", "level"),
    [("", None), ("1", 1), ("2", 2), ("0", None), ("x", 1), ("-1", 1), ("\u00b2", 1)],
)
def test_how_python_reads_it(text, level):
    assert interpreter._optimize(text) == level
