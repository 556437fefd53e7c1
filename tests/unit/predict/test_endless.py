"""An index that makes projects up as they are asked for: bounded, and said."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
from gateway_client import QUICK
from index_faults import HTML, Answer
from index_server import IndexServer
from wheels import wheel

from envcheck.index import session as index_session
from envcheck.index.pages import File
from envcheck.index.recording import Listing, Recording
from envcheck.index.session import IndexSession
from envcheck.index.sources import Configuration
from envcheck.model.artifact import WheelFacts
from envcheck.model.matrix import Index
from envcheck.predict import resolver, targets
from envcheck.predict.judgement import judge
from envcheck.predict.requirements import parse
from envcheck.predict.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from envcheck.predict.judgement import Judgement

TARGET = targets.parse("3.12-slim", today=date(2026, 11, 20))


class Endless(IndexServer):
    """Every project ``pN`` has a wheel, which needs ``breadth`` others, new ones."""

    breadth = 1

    def changed(self, method: str, path: str, answer: Answer) -> Answer:
        if match := re.fullmatch(r"/simple/p(\d+)/", path):
            name = f"p{match[1]}-1.0-py3-none-any.whl"
            body = f'<a href="/files/{name}" data-core-metadata="true">{name}</a>'.encode()
        elif match := re.fullmatch(r"/files/p(\d+)-1\.0-.*\.metadata", path):
            first = int(match[1]) * self.breadth + 1
            needs = [f"p{first + number}" for number in range(self.breadth)]
            body = wheel(f"p{match[1]}", requires=needs).metadata
        elif match := re.fullmatch(r"/files/p(\d+)-.*", path):
            body = wheel(f"p{match[1]}").data
        else:
            return super().changed(method, path, answer)
        return Answer(200, body, HTML, len(body))


def judged(server: IndexServer, cache: Path) -> Judgement:
    with (
        server,
        IndexSession(
            str(cache), Index(), configured=Configuration(main=server.url), patience=QUICK
        ) as session,
    ):
        world = World(session)
        world.prefetch([(parse("p0"), TARGET)])
        return judge(world, TARGET, [parse("p0")])


@pytest.mark.parametrize("breadth", [1, 3, 200])
def test_a_closure_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breadth: int
) -> None:
    monkeypatch.setattr(index_session, "MOST", 60)
    server = Endless()
    server.breadth = breadth
    judgement = judged(server, tmp_path)
    assert judgement.class_ == "unknown"
    assert "more than 60 projects" in judgement.blockers[0].sentence
    assert server.count("/simple/*") <= 60 + index_session.THREADS


def test_what_takes_too_many_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "_STEPS", 5)
    chain = [wheel(f"p{number}", requires=[f"p{number + 1}"]) for number in range(20)]
    judgement = judged(IndexServer(*chain, wheel("p20")), tmp_path)
    assert judgement.class_ == "unknown"
    assert any("too many steps" in text for text in judgement.unread)


def test_a_chain_of_two_thousand_is_followed() -> None:
    """Calls in calls would end at some depth: pages and files that are known need no waiting."""
    recording = Recording()
    for number in range(2000):
        name = f"part-{number}"
        file = f"part_{number}-1-py3-none-any.whl"
        listed = [File(filename=file, url=f"recorded:{file}")]
        recording.listings[name] = Listing(files=listed)
        lines = [f"Name: {name}", "Version: 1"]
        lines += [f"Requires-Dist: part-{number + 1}"] if number < 1999 else []
        recording.wheels[file] = WheelFacts(size=1, metadata="\n".join(lines) + "\n")
    with IndexSession("", Index(), replayed=recording) as session:
        for listing in list(recording.listings):
            session.listing(listing)  # all of it is here before it is asked for
        world = World(session)
        world.prefetch([(parse("part-0"), TARGET)] * 2)
        found = judge(world, TARGET, [parse("part-0")])
    assert len(found.actual.picked) == 2000
