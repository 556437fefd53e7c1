"""Failures that really happen in cells, and what is said of them: one run for each engine."""

from __future__ import annotations

import pytest
from index_server import IndexServer
from wheels import c_extension, sdist, wheel

MATRIX = """
schema = "envcheck.matrix/1"
[test]
smoke = "none"
[axes]
python = ["3.11"]
os = ["{os}"]
installer = ["uv", "pip"]
[steps]
imports = 1
facts = false
[limits]
memory = "256M"
disk = "50M"
scratch = "64M"
[limits.seconds]
import = 20
"""
FOREIGN = "cp311-cp311-win_amd64"
IMPORTS = "import {}\n"
LOADS = 'import ctypes\nctypes.CDLL("libenvcheck-missing.so.4")\n'
CRASHES = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
FILES = (
    wheel("steady", "1.0"),
    wheel("steady", "2.0"),
    wheel("foreign", tag=FOREIGN),
    wheel("needs-foreign", requires=["foreign"]),
    wheel("forsaken", "0.1", uploaded="2019-01-01T00:00:00Z"),
    wheel("forsaken", "9.0", requires=["foreign"]),
    wheel("late", "1.0", requires_python=">=3.13"),
    wheel("narrow", requires=["steady<2"]),
    sdist("compiled", extension=c_extension("compiled")),
    sdist("header", extension=c_extension("header", includes="#include <zlib-not-there.h>")),
    wheel("loads", files={"loads.py": LOADS}),
    wheel("crashes", files={"crashes.py": CRASHES}),
    wheel("lonely", files={"lonely.py": IMPORTS.format("company")}),
)
#: what is asked for -> cause, piece of the sentence; the same with uv and with pip
SAID = {
    "steady": ("", ""),
    "foreign": ("no-wheel", "wheel of foreign 1.0 for"),
    "needs-foreign": ("no-wheel", "needs-foreign needs foreign: no "),
    "forsaken": ("older-release", "forsaken 9.0 needs foreign"),
    "late": ("requires-python", "late 1.0 needs Python >=3.13; this is 3.11."),
    "nowhere": ("not-found", "the index has no distribution nowhere"),
    "steady>=3": ("not-found", "the index has no steady that is >=3: the newest release is 2.0"),
    "narrow,steady>=2": ("conflict", "needs steady<2, but steady>=2 is required"),
    "loads": ("missing-library", "needs the shared library libenvcheck-missing.so.4"),
    "crashes": ("crash", "SIGSEGV"),
    "lonely": ("missing-module", "`import lonely` needs the module `company`"),
}
WITHOUT_COMPILER = {
    "compiled": (
        "no-compiler",
        "compiled 1.0 is published as an sdist only; building it needs a C",
    ),
}
WITH_COMPILER = {
    "compiled": ("", ""),
    "header": ("missing-header", "needs the header `zlib-not-there.h`, which is not there"),
}


def judged(workplace, backend: str, system: str, said: dict[str, tuple[str, str]]) -> str:
    """Cells of which something else is said, a line each."""
    names = {f"w{number}": asked for number, asked in enumerate(said)}
    text = MATRIX.format(os=system)
    for name, asked in names.items():
        listed = ", ".join(f'"{requirement}"' for requirement in asked.split(","))
        text += f"[variants.what.{name}]\nrequirements = [{listed}]\n"
    with IndexServer(*FILES, metadata=True) as index:
        ran = workplace.run(text, index=index, backend=backend)
    assert ran.run is not None, ran.err
    wrong = []
    for result in ran.run.results:
        asked = names[result.cell.axes["what"]]
        cause, piece = said[asked]
        status = "fail" if cause else "pass"
        who = f"{result.cell.axes['installer']} {asked}"
        told = f"{who}: {result.status} {result.cause}: {result.sentence}"
        if (result.cause, result.status) != (cause, status) or piece not in result.sentence:
            wrong.append(told)
        elif cause and not result.evidence:
            wrong.append(f"{told} (no evidence)")
    assert len(ran.run.results) == 2 * len(said), ran.err
    return "\n".join(wrong)


@pytest.mark.interpreters
def test_on_the_interpreters_of_this_machine(workplace):
    assert judged(workplace, "interpreters", "slim", {**SAID, **WITH_COMPILER}) == ""


@pytest.mark.docker
def test_in_containers_without_a_compiler(workplace):
    some = {name: SAID[name] for name in ("needs-foreign", "forsaken", "loads", "crashes")}
    assert judged(workplace, "docker", "alpine", {**some, **WITHOUT_COMPILER}) == ""
