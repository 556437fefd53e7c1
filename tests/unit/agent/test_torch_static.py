"""torch's version.py, read and not run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envcheck.agent import protocol
from envcheck.agent.probes import torch_static

NEW = """from typing import Optional
__version__ = '2.13.0+cu130'
debug = False
cuda: Optional[str] = '13.0'  # built with
git_version = 'abc'
hip: Optional[str] = None
def f():
    cuda = '1'
"""


def build(
    text: str, version: str = "", pins: tuple[dict[str, str], ...] = ()
) -> tuple[object, object]:
    facts = protocol.Facts()
    stated = torch_static.parse_version(text)
    facts.found("version", stated.get("version") or version)
    torch_static._build(facts, stated, list(pins), "version.py")
    return facts.value("build.kind"), facts.value("build.cuda")


@pytest.mark.parametrize(
    ("text", "version", "kind", "cuda"),
    [
        (NEW, "", "cuda", "13.0"),
        ("__version__ = '2.4.1'\ncuda = '12.1'\nhip = None\n", "", "cuda", "12.1"),
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip = None", "", "cpu", None),
        ("__version__ = '2.9.0+rocm6.4'\ncuda = None\nhip = '6.4.43482'", "", "rocm", None),
        ("__version__ = '2.9.0+xpu'\ncuda = None\nhip = None\nxpu = '20250301'", "", "xpu", None),
        ('cuda : str | None = "12.8"\n', "2.8.0", "cuda", "12.8"),
        ("", "2.8.0+cu128", "cuda", "12.8"),
        ("", "2.8.0+cpu", "cpu", None),
        ("", "2.8.0+git123", None, None),
        ("", "2.8.0", None, None),
        ("raise SystemExit", "", None, None),
    ],
)
def test_builds(text: str, version: str, kind: str | None, cuda: str | None) -> None:
    assert build(text, version) == (kind, cuda)


def test_pins_tell_of_cuda_if_nothing_else_does() -> None:
    assert build("", "2.8.0", ({"name": "nvidia-cudnn-cu12"},)) == ("cuda", None)


@given(st.text())
def test_any_version_file(text: str) -> None:
    for value in torch_static.parse_version(text).values():
        assert value is None or isinstance(value, str)
