"""What a mistyped name may have meant."""

from __future__ import annotations

import pytest

from envcheck.predict.spelling import nearest


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("numppy", "numpy"),
        ("torhc", "torch"),
        ("transfomers", "transformers"),
        ("pandsa", "pandas"),
    ],
)
def test_near_names(name: str, meant: str) -> None:
    assert nearest(name) == f" (did you mean `{meant}`?)"


@pytest.mark.parametrize("name", ["", "x", "nothing-that-anybody-knows"])
def test_what_is_like_no_name_suggests_none(name: str) -> None:
    assert nearest(name) == ""


def test_names_that_were_met_count_and_the_name_itself_does_not() -> None:
    assert nearest("our-own-libary", ["our-own-library"]) == " (did you mean `our-own-library`?)"
    assert "`numpy`" not in nearest("numpy")
