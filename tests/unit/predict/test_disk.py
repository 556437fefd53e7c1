"""The disk of closures: as installers really fill it, and what is not known."""

from __future__ import annotations

import email
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wheels
from gateway_client import QUICK
from index_server import IndexServer
from msgspec.structs import replace
from rooms import LocalRoom

from envcheck.index import pages, remote_wheel
from envcheck.index.client import Client
from envcheck.index.sources import Network
from envcheck.matrix.disk import measure
from envcheck.model.artifact import Contents, WheelFacts
from envcheck.model.target import Target
from envcheck.predict import disk

HERE = Target(id="here", python="{}.{}.{}".format(*sys.version_info))
MAIL = Path(email.__file__).parent  # Python as people write it
MANY = {f"one/{path.name}": path.read_text() for path in MAIL.glob("*.py")}
CLOSURE = [
    wheels.wheel("one", files={**MANY, "one/data.bin": os.urandom(70_000)}),
    wheels.wheel(
        "two",
        requires=["one"],
        files={
            "two/__init__.py": "x = 1\n",
            "two/tests/test_two.py": "def test():\n    assert [n for n in range(9)]\n" * 9,
            "two-1.0.data/scripts/run-two": "#!python\nprint(2)\n",
            "two-1.0.data/data/share/two.txt": "2" * 5000,
            "two-1.0.data/purelib/late/__init__.py": "y = 2\n",
        },
    ),
]


def held(folder, *files):
    """Each wheel with its facts."""
    client = Client(Network(), QUICK)
    links = [pages.File(filename=f.name, url=f.write(folder).as_uri()) for f in files]
    return [(link, remote_wheel.inspect(link, client, lambda _: None)) for link in links]


def installed(folder, url, installer, *, compiled):
    """What a run measures of an environment with the closure in it."""
    (folder / f"{installer}-{compiled}").mkdir()
    room = LocalRoom(folder / f"{installer}-{compiled}", sys.executable)
    environment = room.paths.environment
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", environment], check=True)
    inside = f"{environment}/bin/python"
    if installer == "uv":
        program = os.path.join(os.path.dirname(sys.executable), "uv")
        words = [program, "pip", "install", "-q", "-p", inside]
        words += ["--compile-bytecode"] if compiled else []
    else:
        words = [sys.executable, "-m", "pip", "--python", inside, "install", "-q"]
        words += ["--compile" if compiled else "--no-compile"]
    subprocess.run(
        [*words, "--index-url", url, "two"],
        check=True,
        env={**os.environ, "UV_LINK_MODE": "copy", "UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"},
    )
    total = measure(room, seconds=60).total
    assert total
    return total


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_installers_fill_the_disk_as_predicted(tmp_path, installer):
    """All but what the paths of ``.data`` are in RECORD; of bytecode there is only a rule."""
    closure = held(tmp_path, *CLOSURE)
    found = disk.estimate(closure, HERE, installer=installer, requested=["Two"])
    plain, full = found.usage(bytecode=False), found.usage(bytecode=True)
    with IndexServer(*CLOSURE) as index:
        really = installed(tmp_path, index.url, installer, compiled=False)
        fully = installed(tmp_path, index.url, installer, compiled=True)
    assert plain
    assert (plain.allocated, plain.files) == (really.allocated, really.files)
    assert abs(plain.logical - really.logical) < 100
    assert full
    assert full.files == fully.files
    assert abs(full.logical - full.bytecode - (fully.logical - fully.bytecode)) < 200
    assert 0.8 < full.bytecode / fully.bytecode < 1.2
    assert found.download == sum(len(file.data) for file in CLOSURE)
    assert found.scripts == len("#!python\nprint(2)\n")
    assert found.other == 5000


FILE = pages.File(filename="some-1.0-py3-none-any.whl", url="", sha256="1" * 64)
CONTENTS = Contents(
    members=12, site=900_000, allocated=950_000, files=11, python=10, python_bytes=100_000
)


def of(version="3.12.1", project="some", implementation="cpython", **more):
    target = Target(id="t", python=version, implementation=implementation)
    file = pages.File(filename=f"{project}-1.0-py3-none-any.whl", url="")
    contents = replace(CONTENTS, **more)
    return disk.of_wheel(file, WheelFacts(size=5, contents=contents), target)


def test_bytecode_by_version_and_project():
    assert of("3.9.25").bytecode < of("3.13.1").bytecode < of("3.11.1").bytecode
    assert of("3.15.0").bytecode == of("3.13.9").bytecode  # newer than what was measured
    assert of("3.7.2").bytecode == of("3.9.2").bytecode
    assert of(tests_bytes=100_000).bytecode > of().bytecode
    assert of(project="numpy").bytecode != of().bytecode  # which was measured
    assert of(python=0).bytecode == 0


def test_bytecode_of_another_implementation_is_not_known():
    found = of(implementation="pypy")
    assert found.bytecode is None
    assert found.usage(bytecode=True) is None
    assert found.usage(bytecode=False)
    whole = disk.estimate([(FILE, WheelFacts(contents=CONTENTS))],
                          Target(id="p", python="3.11.13", implementation="pypy"))  # fmt: skip
    assert whole.bytecode is None
    assert whole.download is None  # no size is known


def test_contents_that_are_not_known():
    found = disk.estimate(
        [(FILE, WheelFacts(size=5)), (FILE, WheelFacts(size=7, contents=CONTENTS))], HERE
    )
    assert found.unknown == ("some",)
    assert found.download == 12
    assert found.usage(bytecode=False) is None
    assert found.usage(bytecode=True) is None


def test_nothing_is_nothing():
    usage = disk.estimate([], HERE).usage(bytecode=True)
    assert usage
    assert (usage.logical, usage.files) == (0, 0)


def test_files_that_two_wheels_have_in_the_same_places_count_once(tmp_path):
    """The second is a part of the first; the third shares no more than a directory with them."""
    files = {f"big/m{n}.py": "x = 1\n" * n for n in range(300)}
    some = dict(list(files.items())[100:200])
    apart = {f"big/n{n}.py": "x = 1\n" for n in range(60)}
    closure = held(
        tmp_path,
        wheels.wheel("big", files={**files, "big/__init__.py": ""}),
        wheels.wheel("big-part", files={**some, "big/__init__.py": ""}),
        wheels.wheel("big-more", files={**apart, "big/__init__.py": ""}),
    )
    each = [disk.of_wheel(file, facts, HERE) for file, facts in closure]
    found = disk.estimate(closure, HERE)
    twice = sum(map(len, some.values()))
    assert sum(one.logical for one in each) - found.logical == pytest.approx(twice, rel=0.2)
    alone = disk.estimate([closure[0], closure[2]], HERE)
    assert alone.logical == each[0].logical + each[2].logical
    assert found.download == sum(one.download for one in each)


def test_what_environments_share_counts_once():
    facts = WheelFacts(size=500, contents=CONTENTS)
    other = FILE.__class__(filename="other-2.0-py3-none-any.whl", url="", sha256="2" * 64)
    one, two = [(FILE, facts)], [(FILE, facts), (other, facts)]
    estimates = [disk.estimate(closure, HERE) for closure in (one, two)]
    found = disk.shared(list(zip(estimates, (one, two), strict=True)))
    assert (found.download, found.wheels) == (1000, 2)
    own = sum(estimate.logical for estimate in estimates) - 3 * CONTENTS.site
    assert 0 < own < 1000
    assert found.logical == 2 * CONTENTS.site + own
    assert found.allocated == 2 * CONTENTS.allocated + 3 * 4096
