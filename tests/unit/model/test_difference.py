"""What differs, and what is worth saying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from envcheck.model.difference import MISSING, Difference, compare
from envcheck.model.facts import FactSheet

if TYPE_CHECKING:
    from types import ModuleType


def sheets(reports: ModuleType, **values: tuple[Any, Any]) -> tuple[FactSheet, FactSheet]:
    """Two sheets that differ in these facts (``__`` for a dot); ``...`` leaves one out."""
    pair = []
    for side in (0, 1):
        facts = {
            key.replace("__", "."): reports.known(value[side])
            for key, value in values.items()
            if value[side] is not ...
        }
        pair.append(reports.sheet(facts))
    return pair[0], pair[1]


def test_the_same_is_no_difference(reports: ModuleType) -> None:
    assert compare(reports.sheet(), reports.sheet()) == []


def test_what_matters_comes_first(reports: ModuleType) -> None:
    left, right = sheets(
        reports,
        launch__x=("a", "b"),
        interpreter__version=("3.11.7", "3.12.1"),
        new__fact=(1, 2),
        torch__version=("2.2", "2.3"),
        host__libc__family=("glibc", "musl"),
        nvidia__kernel__version=("535", "580"),
        distributions__installed=([{"name": "a", "version": "1"}], [{"name": "a", "version": "2"}]),
    )
    assert [difference.key for difference in compare(left, right)] == [
        "nvidia.kernel.version",
        "torch.version",
        "interpreter.version",
        "host.libc.family",
        "distributions.installed",
        "launch.x",
        "new.fact",
    ]


def test_versions_that_differ_stand_before_what_one_side_has_not(reports: ModuleType) -> None:
    left, right = sheets(
        reports,
        distributions__installed=(
            [{"name": "a", "version": "1"}, {"name": "typing_extensions", "version": "4"}],
            [{"name": "Typing-Extensions", "version": "5"}, {"name": "z", "version": "2"}],
        ),
    )
    assert compare(left, right) == [
        Difference("distributions.installed", "typing_extensions", "4", "5"),
        Difference("distributions.installed", "a", "1", MISSING),
        Difference("distributions.installed", "z", MISSING, "2"),
    ]


@pytest.mark.parametrize(
    ("key", "left", "right"),
    [
        ("limits__memory__available", 1, 2),
        ("limits__shm__free", 1, 2),
        ("interpreter__prefix", "/a", "/b"),
        ("interpreter__site_packages", ["/a/x"], ["/b/x", "/b/y"]),
        ("limits__disks", [{"label": "TMPDIR", "free": 1}], [{"label": "TMPDIR", "free": 2}]),
        ("x__list", [{"name": "a", "path": "/a"}], [{"name": "a", "path": "/b"}]),
    ],
)
def test_places_and_what_changes_by_the_minute_only_with_everything(
    reports: ModuleType, key: str, left: object, right: object
) -> None:
    pair = sheets(reports, **{key: (left, right)})
    assert compare(*pair) == []
    assert len(compare(*pair, everything=True)) == 1


def test_absent_unknown_and_missing_are_told_apart(reports: ModuleType) -> None:
    absent = {"status": "absent"}
    unknown = {"status": "unknown", "reason": "no answer"}
    known = reports.known("yes")
    facts = {"a": [absent, known], "b": [unknown, absent], "c": [known, None]}
    left, right = (
        reports.sheet({key: pair[side] for key, pair in facts.items() if pair[side]})
        for side in (0, 1)
    )
    assert compare(left, right) == [
        Difference("a", "", "absent", "yes"),
        Difference("b", "", "unknown: no answer", "absent"),
        Difference("c", "", "yes", MISSING),
    ]


def test_long_lists_say_what_only_one_has(reports: ModuleType) -> None:
    common = [f"x{n}" for n in range(20)]
    left, right = sheets(reports, host__cpu__features=([*common, "avx"], common))
    (difference,) = compare(left, right)
    assert (difference.left, difference.right) == ("only here: avx", "nothing else")
    left, right = sheets(reports, host__tags=(common, common[::-1]))
    (difference,) = compare(left, right)
    assert "order" in difference.left


_values = json_values(keys=st.sampled_from(["name", "version", "path", "x"]))
_facts = st.dictionaries(
    st.sampled_from(["torch.version", "host.x", "distributions.installed"]),
    st.fixed_dictionaries({"status": st.sampled_from(["known", "absent", "odd"]), "value": _values})
    | _values,
)


@given(_facts, _facts)
def test_any_two_sheets(one: dict[str, Any], two: dict[str, Any]) -> None:
    left, right = FactSheet({"facts": one}), FactSheet({"facts": two})
    found = compare(left, right, everything=True)
    assert all(isinstance(text, str) for difference in found for text in difference)
    assert compare(left, left, everything=True) == []
    assert len(compare(right, left, everything=True)) == len(found)
