"""Which programs certainly fail to import, which work, and of which nothing is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from closures import ALPINE, SLIM, examined
from hypothesis import given, settings
from hypothesis import strategies as st
from wheels import wheel

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
import ctypes, ctypes.util, os, platform, sys
from ctypes import CDLL, cdll
from ctypes.util import find_library
"""

#: Each looks for a library that no image has (`wanted`) and certainly cannot do without.
FAILS = {
    "directly": "CDLL('libwanted.so.1')",
    "by cdll": "cdll.LoadLibrary('libwanted.so.1')",
    "by its name": "if find_library('wanted') is None: raise ImportError('no wanted')",
    "not found, so None": "name = find_library('wanted')\nif not name:\n    raise OSError('no')",
    "walrus": "if not (name := find_library('wanted')):\n    raise ImportError('none')",
    "in a function": "def load():\n    return CDLL('libwanted.so')\nlib = load()",
    "in a method": (
        "class Library:\n    def __init__(self, name):\n        self.lib = CDLL(name)\n"
        "lib = Library('libwanted.so.1')"
    ),
    "in a loop": (
        "for name in ('wanted', 'wanted-2'):\n    found = find_library(name)\n    if found:\n"
        "        break\nelse:\n    raise OSError('not found')"
    ),
    "candidates by a generator": (
        "def candidates():\n    yield find_library('wanted')\n"
        "    if sys.platform == 'linux':\n        yield 'libwanted.so.1'\n"
        "def load():\n    for one in candidates():\n        if one is None:\n            continue\n"
        "        try:\n            return CDLL(one)\n        except OSError:\n            pass\n"
        "    else:\n        raise ImportError('failed to find')\nload()"
    ),
    "errors are collected": (
        "def load(names):\n    errors = []\n    for name in names:\n        try:\n"
        "            return CDLL(name)\n        except OSError as error:\n"
        "            errors.append(error)\n    raise OSError('; '.join(map(str, errors)))\n"
        "load(['libwanted.so', 'libwanted.so.1'])"
    ),
    "suppressed": (
        "from contextlib import suppress\ndef load(*names):\n    for name in names:\n"
        "        with suppress(OSError):\n            return CDLL(name)\n"
        "    return CDLL(names[0])\nload('libwanted.so', 'libwanted.so.2')"
    ),
    "the branch of this system": (
        "if platform.system() == 'Windows':\n    name = 'wanted.dll'\n"
        "elif platform.system() == 'Darwin':\n    name = 'libwanted.dylib'\n"
        "else:\n    name = 'libwanted.so.%d' % 3\nCDLL(name)"
    ),
    "raised again": (
        "try:\n    CDLL('libwanted.so.1')\nexcept OSError:\n"
        "    if sys.platform == 'darwin':\n        pass\n    else:\n        raise"
    ),
    "raised from": (
        "try:\n    CDLL('libwanted.so.1')\nexcept OSError as error:\n"
        "    raise ImportError('install it') from error"
    ),
    "own exception": (
        "class Missing(ImportError):\n    pass\ntry:\n    CDLL('libwanted.so.1')\n"
        "except OSError:\n    raise Missing('no')"
    ),
    "in both branches": (
        "if input():\n    CDLL('libwanted.so.1')\nelse:\n    CDLL('libwanted.so.2')"
    ),
    "unless a variable is set": (
        "path = os.environ.get('WANTED_LIBRARY')\nif path:\n    CDLL(path)\n"
        "else:\n    CDLL('libwanted.so')"
    ),
    "in a place": "CDLL('/usr/lib/x86_64-linux-gnu/libwanted.so.1')",
    "beside the module": "CDLL(os.path.join(os.path.dirname(__file__), 'libwanted.so'))",
    "beside it, by pathlib": (
        "from pathlib import Path\nfound = [one for one in (Path(__file__).parent / 'libwanted.so',"
        " Path(__file__).parents[1] / 'libwanted.so') if one.is_file()]\n"
        "if not found:\n    CDLL('libwanted.so')"
    ),
    "by a global": "def load():\n    global lib\n    lib = CDLL('libwanted.so')\nload()",
    "in a default": "def later(lib=CDLL('libwanted.so')):\n    return lib",
    "in a class": "class Api:\n    lib = CDLL('libwanted.so')",
    "in a comprehension": "libs = [CDLL(f'lib{name}.so') for name in ('wanted', 'c')]",
    "after something unknown": (
        "import json\nx = json.loads('{}')\nCDLL('libwanted.so' if x or True else '')"
    ),
    "finally": "try:\n    x = 1\nfinally:\n    CDLL('libwanted.so')",
    "an assertion": "assert find_library('wanted') is not None, 'wanted is missing'",
    "a module inside": "from . import inner",
    "its parts by name": "import importlib\nimportlib.import_module('.inner', __name__)",
}  # fmt: skip

#: None of these certainly fails.
WORKS = {
    "nothing": "x = 1",
    "it is there": "CDLL('libc.so.6')\nCDLL('libssl.so.3')\nCDLL(None)",
    "found": "CDLL(find_library('ssl') or 'libssl.so.3')",
    "handled": "try:\n    CDLL('libwanted.so.1')\nexcept OSError:\n    lib = None",
    "handled by all": "try:\n    CDLL('libwanted.so.1')\nexcept:\n    lib = None",
    "handled as Exception": "try:\n    CDLL('libwanted.so')\nexcept Exception as error:\n    pass",
    "handled among others": (
        "try:\n    CDLL('libwanted.so.1')\nexcept (ImportError, OSError):\n    pass"
    ),
    "handled by the caller": (
        "def load():\n    raise RuntimeError(find_library('wanted'))\n"
        "try:\n    load()\nexcept RuntimeError:\n    pass"
    ),
    "suppressed": (
        "from contextlib import suppress\nwith suppress(OSError):\n    CDLL('libwanted.so')"
    ),
    "later": "def load():\n    return CDLL('libwanted.so.1')",
    "later, by a lambda": "load = lambda: CDLL('libwanted.so.1')",
    "later, in a class": "class Lazy:\n    def get(self):\n        return CDLL('libwanted.so.1')",
    "none is none": "lib = find_library('wanted')",
    "on another system": "if sys.platform == 'win32':\n    CDLL('wanted.dll')",
    "on another system, by name": "if os.name == 'nt':\n    CDLL('wanted')",
    "for checkers of types": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere_at_all\n"
        "CDLL(None)"
    ),
    "it depends": "if input():\n    CDLL('libwanted.so.1')",
    "it depends, by a call": "import json\nif json.loads('1'):\n    CDLL('libwanted.so.1')",
    "it may have returned": (
        "def load():\n    if input():\n        return 1\n    CDLL('libwanted.so.1')\nload()"
    ),
    "it may have left the loop": (
        "for name in ('a', 'b'):\n    if input():\n        break\nelse:\n    CDLL('libwanted.so')"
    ),
    "a name that is made": "CDLL('lib' + input() + '.so')",
    "the first of these": (
        "for name in ('libwanted.so', 'libc.so.6'):\n    try:\n        CDLL(name)\n"
        "        break\n    except OSError:\n        continue\nelse:\n    raise OSError('none')"
    ),
    "a variable with a place": (
        "path = os.environ['WANTED_LIBRARY'] if 'WANTED_LIBRARY' in os.environ else None\n"
        "if path:\n    CDLL(path)"
    ),
    "the graphics driver": "CDLL('libcuda.so.1')",
    "where Python is main": "if __name__ == '__main__':\n    CDLL('libwanted.so')",
    "a fallback module": (
        "try:\n    import nowhere_at_all\nexcept ImportError:\n    nowhere_at_all = None"
    ),
    "a fallback of a name": (
        "try:\n    from . import not_built\nexcept ImportError:\n    built = False\n"
        "else:\n    CDLL('libwanted.so')"
    ),
    "names from nowhere": (
        "globals().update(load=print)\ntry:\n    from . import load\nexcept ImportError:\n    pass"
    ),
    "with something": "with open('/etc/hosts') as file:\n    pass",
    "matching": "match sys.platform:\n    case 'linux':\n        x = 1\n    case _:\n        x = 2",
    "deep": "x = " + "(" * 80 + "1" + ")" * 80,
    "endless": "n = 0\nwhile True:\n    n += 1\n    if n > 10:\n        break",
    "calls itself": "def f(n):\n    return f(n + 1)\nf(0)\nCDLL('libwanted.so')",
    "huge": (
        "x = 'a' * 10**12\ny = 10**10**10\nz = '%1000000000d' % 1\n"
        "w = '{:>999999999}'.format(1)"
    ),
}  # fmt: skip


def said(folder: Path, program: str, target=SLIM):
    inner = "from ctypes import CDLL\nCDLL('libwanted.so.1')\n"
    files = {"pkg/__init__.py": HEAD + program + "\n", "pkg/inner.py": inner}
    return examined(folder, target, wheel("pkg", files=files)).findings


@pytest.mark.parametrize("program", FAILS.values(), ids=FAILS)
def test_fails(tmp_path: Path, program: str) -> None:
    (found,) = said(tmp_path, program)
    assert found.certain
    assert found.kind == "missing-library"
    assert any("wanted" in name for name in found.libraries)
    assert found.sentence.startswith("`import pkg` fails: it looks for the library ")
    (found,) = said(tmp_path, program, ALPINE)
    assert found.certain


@pytest.mark.parametrize("program", WORKS.values(), ids=WORKS)
def test_works_as_far_as_is_known(tmp_path: Path, program: str) -> None:
    assert [one for one in said(tmp_path, program) if one.certain] == []


def test_what_is_gone_from_python(tmp_path: Path) -> None:
    (found,) = said(tmp_path, "import distutils.version")
    assert (found.kind, found.certain) == ("missing-module", True)
    assert "distutils" in found.sentence
    older = SLIM._replace(python="3.11.14", image="python:3.11-slim-bookworm")
    assert said(tmp_path, "import distutils.version", older) == []


def test_a_window_system_for_python(tmp_path: Path) -> None:
    (found,) = said(tmp_path, "import tkinter")
    assert found.libraries == ["libtk8.6.so"]
    assert said(tmp_path, "def gui():\n    import tkinter\n    return tkinter.Tk()") == []


def test_an_unknown_image_has_everything(tmp_path: Path) -> None:
    target = SLIM._replace(distribution="", image="")
    files = {"pkg/__init__.py": f"{HEAD}CDLL('libwanted.so.1')\n"}
    result = examined(tmp_path, target, wheel("pkg", files=files))
    assert result.findings == []
    assert any("is not known" in sentence for sentence in result.unseen)


def test_a_remedy_names_all_that_is_looked_for_one_after_the_other(tmp_path: Path) -> None:
    (found,) = said(
        tmp_path, "CDLL('libGL.so.1')\nif not find_library('magic'):\n    raise OSError"
    )
    assert found.libraries == ["libGL.so.1", "magic"]
    assert "libgl1 libmagic1" in found.remedy


LINES = st.sampled_from(
    [line for program in (*FAILS.values(), *WORKS.values()) for line in program.split("\n")]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, max_size=12))
def test_any_program_is_followed_to_an_end(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Lines of the others in any order, most of them no program: nothing is raised."""
    said(tmp_path_factory.mktemp("any"), "\n".join(lines))
