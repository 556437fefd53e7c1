"""Requirements that an sdist's sources say literally."""

from __future__ import annotations

import pytest
from sdists import SETUPTOOLS, tar

from envcheck.index.sdist.archive import Archive, read_tar
from envcheck.index.sdist_signs import classify

SETUP = "import sys\nfrom setuptools import setup\n"
WINDOWS = "r = ['a']\nif sys.platform == 'win32':\n    r.append('colorama')\n"


def required(files, complete=True):
    archive = Archive()
    read_tar(iter([tar(files)]), archive)
    archive.complete = complete
    return classify(archive).requires


KNOWN = {
    "none": ("setup(name='one')", []),
    "a list": (
        "setup(install_requires=['a>=1', 'b; python_version<\"3.9\"'])",
        ["a>=1", 'b; python_version < "3.9"'],
    ),
    "a text": ("setup(install_requires='''\n# first\na>=1\n\nb[c]\n''')", ["a>=1", "b[c]"]),
    "extras": (
        "setup(extras_require={'x': ['a'], ':python_version<\"3\"': ['b'],"
        " 'y:os_name==\"nt\"': 'c'})",
        ['a; extra == "x"', 'b; python_version < "3"', 'c; os_name == "nt" and extra == "y"'],
    ),
    "both markers": (
        "setup(extras_require={'x': ['a; os_name==\"nt\" or os_name==\"os2\"']})",
        ['a; (os_name == "nt" or os_name == "os2") and extra == "x"'],
    ),
    "a variable": ("r = ['a']\nr += ['b']\nsetup(install_requires=r)", ["a", "b"]),
    "a system": (WINDOWS + "setup(install_requires=r)", ["a", 'colorama; sys_platform == "win32"']),
    "an old Python": (
        "r = []\nif sys.version_info < (3, 4):\n    r = ['enum34']\nsetup(install_requires=r)",
        [],
    ),
}
UNKNOWN = {
    "a file": "setup(install_requires=open('requirements.txt').read().split())",
    "a Python": "r = ['a']\n"
    "if sys.version_info < (3, 12):\n    r += ['b']\nsetup(install_requires=r)",
    "two calls": "if sys.argv[1:] == open:\n    setup(install_requires=['a'])\nelse:\n    setup()",
    "no call": "from one import main\nmain()",
    "pbr": "setup(setup_requires=['pbr'], pbr=True)",
    "all arguments": "import json\nsetup(**json.load(open('x')))",
    "what is no requirement": "setup(install_requires=['a b c'])",
}


@pytest.mark.parametrize(("text", "requires"), KNOWN.values(), ids=KNOWN)
def test_said(text, requires):
    assert required({"setup.py": SETUP + text}) == requires


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_not_said(text):
    assert required({"setup.py": SETUP + text}) is None


def test_in_setup_cfg():
    files = {"setup.py": SETUP + "setup()"}
    files["setup.cfg"] = (
        "[options]\ninstall_requires =\n  a>=1\n  b\n[options.extras_require]\nx = c; d\n"
    )
    assert required(files) is None  # `c; d` is no requirement
    files["setup.cfg"] = files["setup.cfg"].replace("c; d", "\n  c\n  d")
    assert required(files) == ["a>=1", "b", 'c; extra == "x"', 'd; extra == "x"']
    files["setup.cfg"] = "[options]\ninstall_requires = file: requirements.txt\n"
    assert required(files) is None
    files["setup.cfg"] = "]["
    assert required(files) is None
    del files["setup.cfg"]
    assert required(files) == []
    assert required(files, complete=False) is None


def test_in_pyproject():
    project = SETUPTOOLS + "[project]\nname = 'one'\ndependencies = ['a>=1']\n"
    files = {"pyproject.toml": project + "optional-dependencies.x = ['b']\n"}
    files["setup.py"] = SETUP + "setup(install_requires=['other'])"
    assert required(files) == ["a>=1", 'b; extra == "x"']
    files["pyproject.toml"] = SETUPTOOLS + "[project]\nname = 'one'\ndynamic = ['dependencies']\n"
    assert required(files) is None
    files["pyproject.toml"] = SETUPTOOLS + "[project]\nname = 'one'\ndynamic = ['version']\n"
    assert required(files) == []
    for wrong in ("dependencies = [1]", "dynamic = 'x'", "dependencies = ['a b']"):
        files["pyproject.toml"] = SETUPTOOLS + f"[project]\n{wrong}\n"
        assert required(files) is None
