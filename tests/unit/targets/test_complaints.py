"""What Python says while it starts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envcheck.targets.complaints import complaints

PTH = """Error processing line 2 of /env/lib/python3.11/site-packages/a.pth:

  Traceback (most recent call last):
    File "<frozen site>", line 186, in addpackage
    File "<string>", line 1, in <module>
  ModuleNotFoundError: No module named 'gone'

Remainder of file ignored
"""
SITECUSTOMIZE = """Error in sitecustomize; set PYTHONVERBOSE for traceback:
RuntimeError: x
"""
PRELOAD = (
    "ERROR: ld.so: object '/gone.so' from LD_PRELOAD cannot be preloaded "
    "(cannot open shared object file): ignored.\n"
)


def test_a_pth_file_once_though_site_says_it_twice():
    file = "/env/lib/python3.11/site-packages/a.pth"
    reason = "ModuleNotFoundError: No module named 'gone'"
    assert complaints(PTH + PTH) == [f"{file}, line 2: {reason}"]


def test_sitecustomize_and_preload():
    assert complaints(SITECUSTOMIZE) == ["sitecustomize: RuntimeError: x"]
    assert complaints(PRELOAD) == [PRELOAD.strip()]


def test_anything_else_is_left_out():
    assert complaints("Welcome to the cluster\npassword: hunter2\nWARNING: no swap limit\n") == []


def test_cut_off():
    assert complaints(PTH[:60]) == ["/env/lib/python3.11/site-packages, line 2: no reason given"]
    assert complaints("Error in sitecustomize;") == ["sitecustomize: "]


@given(st.text())
def test_any_text(text):
    assert all(isinstance(item, str) for item in complaints(text))
    assert len(complaints((PTH + text) * 3)) <= 20
