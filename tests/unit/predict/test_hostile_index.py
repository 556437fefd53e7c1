"""Indexes that lie, hang or break in the middle of a closure: "could not be judged", and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from gateway_client import QUICK
from index_faults import (
    altered,
    drop,
    endless,
    garbage,
    instead,
    redirect,
    slow,
    stall,
    status,
    truncate,
)  # fmt: skip
from index_server import IndexServer
from wheels import File, wheel

from envcheck.index.session import IndexSession
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index
from envcheck.predict import targets
from envcheck.predict.judgement import judge
from envcheck.predict.requirements import parse
from envcheck.predict.world import Policy, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from envcheck.predict.judgement import Judgement

APP = wheel("app", requires=["dep>=1"])
DEP = wheel("dep", "2.0")
OLD = wheel("dep", "1.0")
PAGE, FILE = "/simple/dep/", f"/files/{DEP.name}*"
TARGET = targets.parse("3.12-slim-bookworm", today=date(2026, 11, 20))


@pytest.fixture
def judged(tmp_path: Path) -> Callable[[IndexServer], Judgement]:
    """The verdict on `app`, wheels only, with a cache of the test's own."""

    def judged(index: IndexServer) -> Judgement:
        configured = Configuration(main=index.url, no_index=False)
        cache = str(tmp_path)
        with IndexSession(cache, Index(), configured=configured, patience=QUICK) as session:
            world = World(session, Policy(only_binary=frozenset([":all:"])))
            world.prefetch([(parse("app"), TARGET)])
            return judge(world, TARGET, [parse("app")])

    return judged


def said(judgement: Judgement) -> str:
    return repr((judgement.blockers, judgement.unread))


def test_the_same_without_faults(judged):
    with IndexServer(APP, DEP, OLD) as index:
        judgement = judged(index)
        assert judgement.class_ == "wheel"
        assert sorted(judgement.actual.picked) == ["app", "dep"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (status(500), "it answers 500"),
        (status(403), "not allowed"),
        (status(429, retry_after="1"), "it answers 429"),
        (drop(after=10), "the connection was dropped"),
        (stall(30), "it does not answer in time"),
        (slow(500), "less than 5000 bytes per second"),
        (endless(), "it is longer than"),
        (instead(b"PK", "application/zip"), "neither HTML nor JSON"),
        (instead(b"[[[[", "application/json"), "no JSON page"),
        (redirect(), "it redirects without end"),
        (redirect("file:///etc/passwd"), "it redirects away from the web"),
    ],
)
def test_a_page_that_cannot_be_read_is_not_taken_for_an_empty_one(judged, fault, why):
    with IndexServer(APP, DEP, OLD) as index:
        index.fault(PAGE, fault)
        judgement = judged(index)
    assert judgement.class_ == "unknown"
    assert why in said(judgement)


def test_a_page_of_garbage_lists_nothing(judged):
    with IndexServer(APP, DEP, OLD) as index:
        index.fault(PAGE, garbage())
        assert judged(index).class_ == "blocked"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (status(500), "it answers 500"),
        (status(404), "no such thing"),
        (drop(after=10), "the connection was dropped"),
        (stall(30), "it does not answer in time"),
        (altered(), "not what its index says|no wheel|hash"),
        (truncate(100), ""),
        (instead(b"<html>log in</html>"), ""),
        (redirect(), "it redirects without end"),
    ],
)
@pytest.mark.parametrize("ranges", [True, False])
def test_a_wheel_that_cannot_be_looked_at_is_not_taken_for_one_without_requirements(
    judged, fault, why, ranges
):
    with IndexServer(APP, DEP, metadata=False, ranges=ranges) as index:
        index.fault(FILE, fault)
        judgement = judged(index)
    assert judgement.class_ == "unknown" or judgement.unread
    assert DEP.name in said(judgement)
    assert any(word in said(judgement) for word in why.split("|"))


def test_another_distribution_in_the_wheel(judged):
    """A wheel that says of itself that it is something else, which needs nothing."""
    lie = File(DEP.name, wheel("lie", "2.0").data, wheel("lie", "2.0").metadata)
    for metadata in (True, False):
        with IndexServer(APP, lie, metadata=metadata) as index:
            judgement = judged(index)
            assert judgement.class_ == "unknown" or judgement.unread
            assert "lie" in said(judgement)


def test_files_of_other_projects_on_a_page(judged):
    with IndexServer(APP, OLD) as index:
        link = f'<a href="{index.root}/files/{wheel("other", "9.0").name}">other</a>'
        own = f'<a href="{index.root}/files/{OLD.name}#sha256={OLD.sha256}">own</a>'
        index.fault(PAGE, instead(f"{link}{own}".encode()))
        judgement = judged(index)
        assert judgement.class_ == "wheel"
        assert judgement.actual.picked["dep"].file.filename == OLD.name


VARIANT = "dep-3.0-cp312-cp312-manylinux_2_28_x86_64-cu129.whl"


def test_variants_and_names_that_are_none_are_passed_over(judged):
    names = [
        VARIANT, "dep-3.0-variants.json", "dep-3.0.whl", "dep-3.0-py3-none.whl", "dep.tar.gz",
        "dep-not.a.version-py3-none-any.whl", "dep-3.0-py3-none-any.whl.metadata", "-.whl",
        f"dep-3.0-{'.'.join(f'py3{n}' for n in range(60))}-none-any.whl",
    ]  # fmt: skip
    with IndexServer(APP, DEP) as index:
        links = "".join(f'<a href="{index.root}/files/{name}">x</a>\n' for name in names)
        own = f'<a href="{index.root}/files/{DEP.name}#sha256={DEP.sha256}">own</a>'
        index.fault(PAGE, instead(f"{links}{own}".encode()))
        judgement = judged(index)
        assert judgement.class_ == "wheel"
        assert judgement.actual.picked["dep"].file.filename == DEP.name


@pytest.mark.parametrize(
    "requires",
    [
        ["app"],
        ["app>=1", "dep"],
        ["dep==2.0", "dep[x]", "dep; extra == 'x'"],
        ["==="],
        ["dep ==="],
        ["app; python_version <"],
        ["\ud83d\udca5 @ file:///etc/passwd"],
        ["evil @ file:///etc/passwd"],
        ["evil @ http://127.0.0.1:9/evil-1.0-py3-none-any.whl"],
        [f"x{number}; extra == 'x'" for number in range(20_000)],
    ],
    ids=lambda requires: str(requires)[:24],
)
def test_metadata_that_makes_no_sense(judged, requires: Sequence[str]):
    """Cycles, contradictions and nonsense end in a verdict, whichever."""
    text = DEP.metadata.decode() + "".join(f"Requires-Dist: {line}\n" for line in requires)
    dep = wheel("dep", "2.0")._replace(
        metadata=text.replace("\n\n", "\n").encode("utf-8", "surrogatepass")
    )
    with IndexServer(APP, dep) as index:
        judgement = judged(index)
        assert judgement.class_ in ("wheel", "unknown", "blocked")
        assert index.count("*evil*") == 0


def test_contradictions(judged):
    app, dep = wheel("app", requires=["dep>=2"]), wheel("dep", "2.0", requires=["app<1"])
    with IndexServer(app, dep) as index:
        judgement = judged(index)
        assert judgement.class_ in ("blocked", "not-found")
        assert "app<1" in said(judgement)


def test_no_network(judged):
    with IndexServer(APP) as index:
        pass
    judgement = judged(index)
    assert judgement.class_ == "unknown"
    assert "the connection was refused" in said(judgement)
