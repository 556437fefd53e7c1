"""The parts that can be asked for are those that the smoke has."""

from __future__ import annotations

from envcheck import smoke
from envcheck.model.smoke import PARTS


def test_the_tables_agree():
    assert PARTS == smoke.PARTS
    assert set(PARTS) == set(smoke.FUNCTIONS)
