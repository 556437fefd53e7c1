"""What differs between two real targets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SLIM, MUSL = "image:envcheck-base:3.11-slim", "image:envcheck-base:3.11-musl"


def test_an_environment_does_not_differ_from_itself(
    envcheck: Callable[..., Any], venv: Callable[..., Any]
) -> None:
    """Nor from another one made the same way: where it lies is no difference."""
    one, two = str(venv()), str(venv())
    for pair in ((one, one), (one, two)):
        done = envcheck("diff", *pair)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "No differences" in done.stdout


@pytest.mark.docker
def test_slim_and_musl(envcheck: Callable[..., Any]) -> None:
    done = envcheck("diff", SLIM, MUSL, "--format", "json")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    found = {d["fact"]: (d["a"], d["b"]) for d in document["differences"]}
    assert found["host.libc.family"] == ("glibc", "musl")
    assert "manylinux_2_17_x86_64" in found["host.tags"][0]
    assert "musllinux_1_2_x86_64" in found["host.tags"][1]
    order = list(found)
    assert order.index("host.libc.family") < order.index("host.tags")
    assert not any("free" in key or "seconds" in key for key in found)


def test_a_target_that_is_not_there(envcheck: Callable[..., Any]) -> None:
    done = envcheck("diff", "python:/no/such/python", "python:/no/such/python")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
