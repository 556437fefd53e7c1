"""The verdict on small indexes: every class, what blocks, what is taken, what is not known."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from gateway_client import QUICK
from index_faults import drop, status
from index_server import IndexServer
from wheels import File, c_extension, sdist, wheel

from envcheck.index.session import IndexSession
from envcheck.index.sources import Configuration
from envcheck.model.matrix import Index
from envcheck.model.prediction import CLASSES
from envcheck.predict import explain, targets
from envcheck.predict.judgement import judge
from envcheck.predict.requirements import parse
from envcheck.predict.world import Policy, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from envcheck.model.target import Target
    from envcheck.predict.judgement import Judgement

    Judged = Callable[..., Judgement]

DAY = date(2026, 11, 20)
LINUX = "cp312-cp312-manylinux_2_17_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
OLD, NEW = "2024-01-10T00:00:00Z", "2026-02-01T00:00:00Z"
WHEELS_ONLY = Policy(only_binary=frozenset([":all:"]))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Judged]:
    """``judged(files, requirements, target)``; the world and the session are kept on it."""
    sessions: list[IndexSession] = []

    def run(
        files: list[File] | IndexServer,
        asked: str,
        where: str | Target = "3.12-slim",
        *,
        policy: Policy | None = None,
        constraints: str = "",
        more: Configuration | None = None,
        index: Index | None = None,
    ) -> Judgement:
        server = files if isinstance(files, IndexServer) else IndexServer(*files)
        with server:
            configured = more or Configuration()
            configured = configured._replace(main=server.url)
            session = IndexSession(
                str(tmp_path), index or Index(), configured=configured, patience=QUICK
            )
            sessions.append(session)
            world = World(session, policy or Policy())
            target = targets.parse(where, today=DAY) if isinstance(where, str) else where
            requirements = [parse(one) for one in asked.split(" ; ")]
            world.prefetch([(one, target) for one in requirements])
            limits = [parse(one) for one in constraints.split(" ; ") if one]
            judgement = judge(world, target, requirements, limits)
            assert judgement.class_ in CLASSES
            assert all(one.kind in (*CLASSES, "conflict") for one in judgement.blockers)
            told = explain.prediction(world, judgement)
            assert 1 <= len(told.lines) <= 3
            assert all(line and "\n" not in line for line in told.lines)
            for one in explain.refused_files(world, judgement):
                assert one.taken or one.reason
            return judgement

    yield run
    for session in sessions:
        session.close()


def pins(judgement: Judgement) -> dict[str, str]:
    return {one.name: one.version for one in judgement.actual.picked.values()}


def blocked_by(judgement: Judgement) -> dict[str, str]:
    return {one.name: one.kind for one in judgement.blockers}


def one(version: str = "1.0", tag: str = LINUX, **said: Any) -> File:
    return wheel("one", version, tag=tag, **said)


def test_a_wheel(judged: Judged) -> None:
    judgement = judged([one("1.0"), one("2.0", requires=["two>=1"]), wheel("two")], "one")
    assert judgement.class_ == "wheel"
    assert pins(judgement) == {"one": "2.0", "two": "1.0"}
    assert judgement.subject.title == "one 2.0"
    assert not judgement.blockers
    assert not judgement.unread


def test_an_older_release(judged: Judged) -> None:
    files = [one("1.0", MUSL, uploaded=OLD), one("1.5", MUSL, uploaded=OLD), one("2.0"), one("2.1")]
    judgement = judged(files, "one", "3.12-alpine")
    assert judgement.class_ == "older-release"
    assert judgement.subject.version == "2.1"
    assert judgement.older
    assert (judgement.older.version, judgement.older.behind) == ("1.5", 2)
    assert judgement.older.uploaded == OLD
    assert pins(judgement) == {"one": "1.5"}


def test_an_older_wheel_for_any_platform_is_no_answer(judged: Judged) -> None:
    """It was made before the project had parts that must be compiled."""
    judgement = judged([one("0.1", "py3-none-any"), one("2.0")], "one", "3.12-alpine")
    assert judgement.class_ == "no-file"
    assert judgement.older
    assert judgement.older.version == "0.1"


def test_an_older_wheel_where_the_newest_must_be_compiled(judged: Judged) -> None:
    built = sdist("one", "2.0", extension=c_extension("one"), setup=SETUP)
    judgement = judged([one("1.0", MUSL), built], "one", "3.12-alpine")
    assert judgement.class_ == "older-release"
    assert judgement.older
    assert judgement.older.version == "1.0"


SETUP = """
from setuptools import Extension, setup
setup(name="one", ext_modules=[Extension("_one", ["_one.c"])])
"""


def test_a_pre_release_only(judged: Judged) -> None:
    judgement = judged([one("1.0"), one("2.0rc1", MUSL)], "one", "3.12-alpine")
    assert judgement.class_ == "pre-release"
    assert pins(judgement) == {"one": "2.0rc1"}
    judgement = judged([one("2.0rc1")], "one")
    assert judgement.class_ == "wheel"
    assert pins(judgement) == {"one": "2.0rc1"}


def test_pre_releases_that_are_asked_for(judged: Judged) -> None:
    files = [one("1.0"), one("2.0rc1"), wheel("two", requires=["one>=1"])]
    assert pins(judged(files, "one")) == {"one": "1.0"}
    assert pins(judged(files, "one>=1.0a1")) == {"one": "2.0rc1"}
    assert pins(judged(files, "one", policy=Policy(pre=True))) == {"one": "2.0rc1"}
    for judgement in (
        judged(files, "one==2.0rc1 ; two"),
        judged(files, "two ; one>=2.0rc1"),
        judged(files, "two", constraints="one>=2.0rc1"),
    ):
        assert judgement.class_ == "wheel"
        assert pins(judgement) == {"one": "2.0rc1", "two": "1.0"}


def test_a_yanked_release(judged: Judged) -> None:
    files = [one("1.0"), one("2.0", yanked="it was wrong")]
    judgement = judged(files, "one==2.0")
    assert judgement.class_ == "yanked"
    assert pins(judgement) == {"one": "2.0"}
    judgement = judged(files, "one")
    assert judgement.class_ == "wheel"
    assert pins(judgement) == {"one": "1.0"}
    judgement = judged(files, "one>=2")
    assert judgement.class_ == "not-found"


def test_an_sdist_without_anything_to_compile(judged: Judged) -> None:
    pure = sdist("one", standard="2.2", setup="from setuptools import setup\nsetup(name='one')\n")
    judgement = judged([pure], "one")
    assert [build.name for build in judgement.builds] == ["one"]
    assert judgement.class_ in ("sdist-pure", "sdist-build")
    assert judged([pure], "one", policy=WHEELS_ONLY).class_ == "no-file"


def test_an_sdist_that_must_be_compiled(judged: Judged) -> None:
    built = sdist("one", extension=c_extension("one"), setup=SETUP)
    judgement = judged([built], "one")
    assert judgement.class_ == "sdist-build"
    assert judgement.builds[0].name == "one"


def test_an_sdist_that_says_what_it_requires(judged: Judged) -> None:
    two = wheel("two")
    told = sdist("one", requires=["two"], standard="2.2")
    assert pins(judged([told, two], "one")) == {"one": "1.0", "two": "1.0"}


def test_an_sdist_that_does_not_say_what_it_requires(judged: Judged) -> None:
    """Its own metadata may not be believed; a wheel of the release tells, else nobody does."""
    silent = sdist("one", setup="import os\nsetup(install_requires=os.listdir())\n")
    judgement = judged([silent], "one")
    assert judgement.unread
    beside = [silent, one("1.0", MUSL, requires=["two"]), wheel("two")]
    judgement = judged(beside, "one")
    assert pins(judgement) == {"one": "1.0", "two": "1.0"}


@pytest.mark.parametrize("bound", [">=3.13", "<3.12", "!=3.12.*"])
def test_requires_python(judged: Judged, bound: str) -> None:
    judgement = judged([one("1.0", "py3-none-any", requires_python=bound)], "one")
    assert judgement.class_ == "requires-python"
    assert not judgement.actual.solved
    assert bound in judgement.blockers[0].sentence


def test_requires_python_of_the_newest_only(judged: Judged) -> None:
    files = [one("1.0", "py3-none-any"), one("2.0", "py3-none-any", requires_python=">=3.13")]
    judgement = judged(files, "one")
    assert judgement.class_ == "requires-python"
    assert pins(judgement) == {"one": "1.0"}
    assert judgement.older
    assert judgement.older.behind == 1


def test_no_file(judged: Judged) -> None:
    judgement = judged([one("1.0"), one("1.1")], "one", "3.12-alpine")
    assert judgement.class_ == "no-file"
    assert not judgement.actual.solved
    assert "manylinux" in judgement.blockers[0].sentence


def test_all_that_blocks_not_the_first(judged: Judged) -> None:
    files = [
        one("2.0", "py3-none-any", requires=["two", "three>=2", "four", "five"]),
        wheel("two", tag=LINUX), wheel("three", "1.0"), wheel("five", requires=["six"]),
        wheel("six", tag=LINUX),
        wheel("four", requires_python="<3.12"),
    ]  # fmt: skip
    judgement = judged(files, "one", "3.12-alpine")
    assert judgement.class_ == "blocked"
    assert blocked_by(judgement) == {
        "two": "no-file", "three": "not-found", "four": "requires-python", "six": "no-file",
    }  # fmt: skip
    paths = {one.name: one.path for one in judgement.blockers}
    assert paths["two"] == ["one 2.0"]
    assert paths["six"] == ["one 2.0", "five 1.0"]
    assert list(paths)[-1] == "six"  # the nearest first


def test_blocked_where_an_older_release_installs(judged: Judged) -> None:
    files = [
        one("1.0", "py3-none-any"), one("2.0", "py3-none-any", requires=["two"]),
        wheel("two", tag=LINUX),
    ]  # fmt: skip
    judgement = judged(files, "one", "3.12-alpine")
    assert judgement.class_ == "blocked"
    assert pins(judgement) == {"one": "1.0"}
    assert judgement.older
    assert judgement.older.version == "1.0"


def test_extras(judged: Judged) -> None:
    files = [
        one("2.0", "py3-none-any", requires=["two; extra == 'x'", "three; extra == 'y-z'"],
            extras=["x", "Y_z"]),
        wheel("two", tag=LINUX), wheel("three", requires=["one[x]"]),
    ]  # fmt: skip
    assert pins(judged(files, "one", "3.12-alpine")) == {"one": "2.0"}
    assert judged(files, "one[x]", "3.12-alpine").class_ == "blocked"
    assert pins(judged(files, "one[x]")) == {"one": "2.0", "two": "1.0"}
    judgement = judged(files, "one[Y.Z]")
    assert pins(judgement) == {"one": "2.0", "two": "1.0", "three": "1.0"}
    assert judgement.actual.picked["one"].extras == ("x", "y-z")
    assert pins(judged(files, "one[nothing]")) == {"one": "2.0"}


def test_markers(judged: Judged) -> None:
    files = [
        one("2.0", "py3-none-any", requires=["two; sys_platform == 'darwin'"]),
        wheel("two", tag=LINUX),
    ]  # fmt: skip
    assert pins(judged(files, "one", "3.12-alpine")) == {"one": "2.0"}
    assert judged(files, "one", "3.12-macos").class_ == "blocked"


def test_a_marker_of_the_requirement_itself(judged: Judged) -> None:
    judgement = judged([one()], "nowhere; python_version < '3'")
    assert judgement.class_ == "wheel"
    assert pins(judgement) == {}
    judgement = judged([one()], "nowhere; python_version < '3' ; one")
    assert judgement.class_ == "wheel"
    assert pins(judgement) == {"one": "1.0"}
    assert judgement.subject.title == "one 1.0"


def test_each_target_is_judged_by_its_own_wheel(judged: Judged) -> None:
    """Two wheels of one release may require different things."""
    files = [
        one("1.0", LINUX, requires=["two"]), one("1.0", MUSL, requires=["three"]),
        wheel("two"), wheel("three"),
    ]  # fmt: skip
    assert pins(judged(files, "one", "3.12-slim")) == {"one": "1.0", "two": "1.0"}
    assert pins(judged(files, "one", "3.12-alpine")) == {"one": "1.0", "three": "1.0"}


def test_not_found(judged: Judged) -> None:
    assert judged([one()], "nowhere").class_ == "not-found"
    judgement = judged([one()], "one==9")
    assert judgement.class_ == "not-found"
    assert "1.0" in judgement.blockers[0].sentence
    assert judged([one()], "one===9x").class_ == "not-found"
    judgement = judged([one("1.0", requires=["nowhere"])], "one")
    assert blocked_by(judgement) == {"nowhere": "not-found"}


def test_a_page_that_cannot_be_read(judged: Judged) -> None:
    server = IndexServer(one("1.0", requires=["two"]), wheel("two"))
    server.fault("/simple/two/", status(500))
    judgement = judged(server, "one")
    assert judgement.class_ == "unknown"
    assert not judgement.actual.solved
    server = IndexServer(one("1.0"))
    server.fault("/simple/one/", status(503))
    assert judged(server, "one", constraints="").class_ == "unknown"


def test_what_blocks_for_certain_does_whatever_else_is_not_known(judged: Judged) -> None:
    files = [one("1.0", "py3-none-any", requires=["two", "three"]), wheel("two", tag=LINUX)]
    server = IndexServer(*files)
    server.fault("/simple/three/", status(500))
    judgement = judged(server, "one", "3.12-alpine")
    assert judgement.class_ == "blocked"
    assert blocked_by(judgement) == {"two": "no-file", "three": "unknown"}


def test_a_wheel_that_cannot_be_read(judged: Judged) -> None:
    server = IndexServer(one("1.0"), metadata=False)
    server.fault("/files/*", drop(after=10))
    judgement = judged(server, "one")
    assert judgement.class_ == "unknown"
    assert "one 1.0" in judgement.unread[0]


@pytest.mark.parametrize("line", ["two=>1", "two @ http://127.0.0.1:9/two-1.0-py3-none-any.whl"])
def test_requirements_that_cannot_be_followed(judged: Judged, line: str) -> None:
    judgement = judged([one("1.0", requires=[line])], "one")
    assert judgement.class_ == "unknown"
    assert "two" in judgement.unread[0]


def test_a_requirement_with_an_address(judged: Judged) -> None:
    for files in ([one()], []):
        judgement = judged(files, "one @ http://127.0.0.1:9/one-1.0-py3-none-any.whl")
        assert judgement.class_ == "unknown"
        assert "address" in judgement.unread[0]


def test_a_platform_that_is_not_known(judged: Judged) -> None:
    nameless = targets.parse("3.12-slim", today=DAY)._replace(libc="")
    judgement = judged([one()], "one", nameless)
    assert judgement.class_ == "unknown"
    assert judged([one("1.0", "py3-none-any")], "one", nameless).class_ == "wheel"


def test_requirements_that_contradict_each_other(judged: Judged) -> None:
    files = [
        wheel("one", "1.0", requires=["two<2"]), wheel("three", requires=["two>=2"]),
        wheel("two", "1.0"), wheel("two", "2.0"),
    ]  # fmt: skip
    judgement = judged(files, "one ; three")
    assert judgement.class_ == "blocked"
    assert blocked_by(judgement) == {"two": "conflict"}
    assert "one 1.0" in judgement.blockers[0].sentence
    assert "three 1.0" in judgement.blockers[0].sentence
    judgement = judged(files, "two>=2 ; one")
    assert judgement.class_ == "blocked"
    assert blocked_by(judgement) == {"two": "conflict"}
    assert "you ask for two>=2" in judgement.blockers[0].sentence
    assert "one 1.0 needs two<2" in judgement.blockers[0].sentence


def test_the_one_of_several_that_cannot_be_had(judged: Judged) -> None:
    judgement = judged([wheel("good"), one(), wheel("fine")], "good ; one ; fine", "3.12-alpine")
    assert judgement.class_ == "no-file"
    assert judgement.subject.title == "one 1.0"
    judgement = judged([wheel("good")], "good ; nowhere")
    assert judgement.subject.title == "nowhere"


def test_the_newest_contradicts_and_an_older_one_does_not(judged: Judged) -> None:
    files = [
        wheel("one", "1.0"), wheel("one", "2.0", requires=["two<2", "three"]),
        wheel("three", requires=["two>=2"]), wheel("two", "1.0"), wheel("two", "2.0"),
    ]  # fmt: skip
    judgement = judged(files, "one")
    assert judgement.class_ == "blocked"
    assert blocked_by(judgement) == {"two": "conflict"}
    assert pins(judgement) == {"one": "1.0"}


def test_cycles_and_things_that_need_themselves(judged: Judged) -> None:
    files = [
        wheel("one", requires=["two", "one[x]"], extras=["x"]), wheel("two", requires=["one>=1"]),
    ]  # fmt: skip
    assert pins(judged(files, "one")) == {"one": "1.0", "two": "1.0"}
    judgement = judged([wheel("one", requires=["one<1"])], "one")
    assert judgement.class_ == "blocked"


def test_constraints(judged: Judged) -> None:
    files = [wheel("one", "2.0", requires=["two"]), wheel("two", "1.0"), wheel("two", "2.0")]
    assert pins(judged(files, "one", constraints="two<2")) == {"one": "2.0", "two": "1.0"}
    assert judged(files, "one", constraints="two<1").class_ == "blocked"
    assert judged(files, "one", constraints="one<2").class_ == "blocked"
    assert judged(files, "one", constraints="three<2").class_ == "wheel"


def test_only_days_before(judged: Judged) -> None:
    files = [wheel("one", "1.0", uploaded=OLD), wheel("one", "2.0", uploaded=NEW)]
    assert pins(judged(files, "one", index=Index(exclude_newer="2026-01-01"))) == {"one": "1.0"}
    assert pins(judged(files, "one")) == {"one": "2.0"}
    judgement = judged(files, "one", index=Index(exclude_newer="2020-01-01"))
    assert judgement.class_ == "not-found"


def test_two_indexes_and_a_directory(judged: Judged, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel("one", "3.0").write(folder)
    with IndexServer(wheel("one", "2.0")) as other:
        both = Configuration(extra=(other.url,))
        assert pins(judged([wheel("one", "1.0")], "one", more=both)) == {"one": "2.0"}
        all_ = both._replace(find_links=(str(folder),))
        assert pins(judged([wheel("one", "1.0")], "one", more=all_)) == {"one": "3.0"}


def test_one_of_two_indexes_is_down(judged: Judged) -> None:
    """What it would have is not known, so nothing is."""
    with IndexServer() as other:
        other.fault("*", status(500))
        both = Configuration(extra=(other.url,))
        assert judged([wheel("one", "1.0")], "one", more=both).class_ == "unknown"


def test_build_everything(judged: Judged) -> None:
    told = sdist("one", standard="2.2")
    judgement = judged([one(), told], "one", policy=Policy(no_binary=frozenset(["one"])))
    assert [build.name for build in judgement.builds] == ["one"]
    judgement = judged([one()], "one", policy=Policy(no_binary=frozenset([":all:"])))
    assert judgement.class_ == "no-file"


def test_a_yanked_release_that_is_named_serves_who_else_needs_it(judged: Judged) -> None:
    files = [
        wheel("one", "1.0", requires=["two>=1"]),
        wheel("two", "1.5", yanked="broken"),
        wheel("two", "2.0"),
    ]
    found = judged(files, "two==1.5 ; one")
    assert (found.class_, pins(found)) == ("yanked", {"one": "1.0", "two": "1.5"})
    assert found.subject.project.name == "two"


def test_several_requirements_of_one_name_hold_together(judged: Judged) -> None:
    files = [wheel("one", version) for version in ("1.0", "1.5", "2.0")]
    for order in (("one<2", "one>=1"), ("one>=1", "one<2")):
        assert pins(judged(files, " ; ".join(order))) == {"one": "1.5"}
