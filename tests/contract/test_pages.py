"""Every check has a page that is worth reading: ``envcheck explain CODE``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from envcheck import checks
from envcheck.checks.base import Context
from envcheck.checks.pages import HEADINGS, page
from envcheck.evaluate import SEVERITIES

if TYPE_CHECKING:
    from envcheck.checks.base import Check

CHECKS = checks.load()


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_page(check: Check) -> None:
    written = page(check)
    assert [heading for heading, _ in written.sections] == list(HEADINGS)
    assert written.summary, "the first line says what the code means"
    assert all(text for _, text in written.sections)
    assert len(check.title) <= 60
    assert not check.title.endswith(".")
    assert check.severity in SEVERITIES
    assert not re.search(r"(pip|uvx|pipx).{0,20}\benvcheck\b(?!-ml)", written.markdown())


def test_codes_belong_to_their_family_and_are_unique() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    for prefix, (modules, summary) in checks.FAMILIES.items():
        assert modules
        assert summary
        for check in checks.load((prefix,)):
            assert re.fullmatch(rf"{prefix}\d{{3}}", check.code)


def test_required_codes_exist() -> None:
    codes = {check.code for check in CHECKS}
    for check in CHECKS:
        assert set(check.requires) <= codes, check.code
        assert check.code not in check.requires


def test_every_family_has_a_name_for_people() -> None:
    from envcheck.report.headline import label

    for prefix in checks.FAMILIES:
        assert label(prefix) != prefix
        assert len(label(prefix)) <= 12


def test_what_is_left_out_unasked_has_nothing_to_judge() -> None:
    """The quick selection leaves out only checks that skip without a profile and ``--deep``."""
    from envcheck.evaluate import judge
    from envcheck.targets.base import AgentRequest
    from envcheck.targets.interpreter import this_interpreter

    quick = {check.code for check in checks.load(asked=frozenset())}
    left_out = [check for check in checks.load() if check.code not in quick]
    context = Context(this_interpreter().start(AgentRequest()).finish())
    assert left_out
    for check in left_out:
        assert {finding.status for finding in judge(check, context)} == {"skip"}, check.code
