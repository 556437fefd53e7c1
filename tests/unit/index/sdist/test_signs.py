"""How sdists are built, by patterns that real ones have."""

from __future__ import annotations

import pytest
from sdists import SETUPTOOLS, pyproject, tar

from envcheck.index.sdist.archive import Archive, read_tar
from envcheck.index.sdist_signs import classify, summary

SETUP = "from setuptools import setup, Extension\n"
C = "#include <Python.h>\n"
MODULE = {"one/__init__.py": ""}


def facts(complete=True, **files):
    """``setup_py``: ``setup.py``; a path with other characters by ``**{path: text}``."""
    named = {
        name.replace("_py", ".py") if name.endswith("_py") else name: text
        for name, text in files.items()
    }
    archive = Archive()
    read_tar(iter([tar(named)]), archive)
    archive.complete = complete
    return classify(archive)


PURE = {
    "setup() and nothing else": {"setup_py": SETUP + "setup(name='one', packages=['one'])"},
    "C files that nothing compiles": {
        "setup_py": SETUP + "setup(name='one')",
        "tests/data/x.c": C,
        "one/vendored/y.cpp": "#include <zlib.h>",
    },
    "setup.cfg alone": {
        "setup.py": "import setuptools\nsetuptools.setup()",
        "setup.cfg": "[metadata]",
    },
    "pyproject.toml alone": {"pyproject.toml": SETUPTOOLS},
    "no [build-system] at all": {"pyproject.toml": "[project]\nname = 'one'", **MODULE},
    "flit": {"pyproject.toml": pyproject("flit_core.buildapi", "flit_core"), "x.c": C},
    "uv": {"pyproject.toml": pyproject("uv_build", "uv_build")},
    "hatchling": {"pyproject.toml": pyproject("hatchling.build", "hatchling")},
    "hatchling that reads the version from git": {
        "pyproject.toml": pyproject(
            "hatchling.build",
            "hatchling",
            "hatch-vcs",
            more="[tool.hatch.build.hooks.vcs]\nx = 1\n",
        )
    },
    "a hook that writes a file": {
        "pyproject.toml": pyproject("hatchling.build", more="[tool.hatch.build.hooks.custom]\n"),
        "hatch_build.py": "from hatchling.builders.hooks.plugin."
        "interface import BuildHookInterface\n"
        "class Hook(BuildHookInterface):\n    def initialize(self, v, d): open('x', 'w')\n",
    },
    "Poetry": {"pyproject.toml": pyproject("poetry.core.masonry.api", "poetry-core")},
    "PDM": {"pyproject.toml": pyproject("pdm.backend", "pdm-backend")},
    "Meson without a language": {
        "pyproject.toml": pyproject("mesonpy", "meson-python"),
        "meson.build": "project('one', version: '1')\npy = import('python').find_installation()\n",
    },
    "scikit-build-core without CMake": {
        "pyproject.toml": pyproject(
            "scikit_build_core.build", more="[tool.scikit-build]\nwheel.cmake = false\n"
        )
    },
    "extensions for a switch": {
        "setup_py": SETUP + "import os\next = []\nif os.environ.get('ONE_BUILD'):\n"
        "    ext.append(Extension('one.x', ['x.c']))\nsetup(ext_modules=ext)",
        "x.c": C,
    },
    "extensions where torch is": {
        "setup_py": SETUP
        + "try:\n    import torch\n    from torch.utils.cpp_extension import CUDAExtension\n"
        "    ext = [CUDAExtension('one.x', ['x.cu'])]\nexcept ImportError:\n    ext = []\n"
        "setup(ext_modules=ext)",
        "x.cu": C,
    },
    "extensions for PyPy": {
        "setup_py": SETUP + "import platform\next = [Extension('x', ['x.c'])]\n"
        "if platform.python_implementation() != 'PyPy':\n    ext = []\nsetup(ext_modules=ext)",
    },
    "extensions for Windows": {
        "setup_py": SETUP + "import sys\nkw = {}\nif sys.platform == 'win32':\n"
        "    kw['ext_modules'] = [Extension('x', ['x.c'])]\nsetup(name='one', **kw)",
    },
    "Python 2 left behind": {
        "setup_py": SETUP
        + "import sys\nif sys.version_info < (3, 0):\n    sys.exit('no')\nsetup()",
    },
    "a function that decides": {
        "setup_py": SETUP + "import os\ndef env(name, default=False):\n"
        "    return os.environ.get(name, None) or default\n"
        "def extensions():\n    if not env('FORCE'):\n        return []\n"
        "    return [Extension('x', ['x.c'])]\nsetup(ext_modules=extensions())",
    },
}


@pytest.mark.parametrize("files", PURE.values(), ids=PURE)
def test_pure(files):
    found = facts(**files)
    assert found.pure is True, found.evidence
    assert not found.languages
    assert not found.optional
    assert found.evidence
    assert summary(found).startswith("pure Python (")


OPTIONAL = {
    "optional=True": {
        "setup_py": SETUP + "setup(ext_modules=[Extension('x', ['x.c'], optional=True)])"
    },
    "optional in pyproject.toml": {
        "pyproject.toml": SETUPTOOLS + "[[tool.setuptools.ext-modules]]\nname = 'x'\n"
        "sources = ['x.c']\noptional = true\n",
    },
    "a command that goes on": {
        "setup_py": SETUP + "from setuptools.command.build_ext import build_ext\n"
        "class optional(build_ext):\n    def run(self):\n        try:\n"
        "            build_ext.run(self)\n"
        "        except Exception as error:\n            print('without it')\n"
        "setup(ext_modules=[Extension('x', ['x.c'])], cmdclass={'build_ext': optional})",
    },
    "a second setup() without it": {
        "setup_py": SETUP + "class Failed(Exception): pass\n"
        "def run(binary):\n    setup(ext_modules=[Extension('x', ['x.c'])] if binary else [])\n"
        "try:\n    run(True)\nexcept Failed:\n    print('again')\n    run(False)\n",
    },
}


@pytest.mark.parametrize("files", OPTIONAL.values(), ids=OPTIONAL)
def test_optional(files):
    found = facts(**files)
    assert (found.pure, found.languages, found.optional) == (True, [], ["c"]), found.evidence
    assert summary(found) == "pure Python, C optional (setuptools)"


CMAKE = pyproject("scikit_build_core.build", "scikit-build-core")
COMPILED = {
    "an extension": (["c"], {"setup_py": SETUP + "setup(ext_modules=[Extension('x', ['x.c'])])"}),
    "by another name": (
        ["c++"],
        {
            "setup_py": "import setuptools as s\n"
            "E = s.Extension\ns.setup(ext_modules=[E('x', ['x.cc'])])"
        },
    ),
    "language=": (
        ["c++"],
        {
            "setup_py": SETUP
            + "e = Extension('x', sources=['x.c'], language='c++')\nsetup(ext_modules=[e])"
        },
    ),
    "a class of its own": (
        ["c"],
        {
            "setup_py": SETUP
            + "class Mine(Extension): pass\nsetup(ext_modules=[Mine('x', ['x.c'])])"
        },
    ),
    "cythonize": (
        ["c"],
        {
            "pyproject.toml": pyproject("setuptools.build_meta", "setuptools", "Cython>=3"),
            "setup_py": "from setuptools import setup\nfrom Cython.Build import cythonize\n"
            "setup(ext_modules=cythonize(['one/*.pyx']))",
        },
    ),
    "numbers of extensions": (
        ["c"],
        {
            "setup_py": SETUP
            + "names = ['a', 'b']\nsetup(ext_modules=[Extension(n, [n + '.c']) for n in names])"
        },
    ),
    "sources that are looked for": (
        ["c"],
        {
            "setup_py": SETUP
            + "import glob\nsetup(ext_modules=[Extension(g, [g]) for g in glob.glob('*.c')])"
        },
    ),
    "one for each system": (
        ["c"],
        {
            "setup_py": SETUP
            + "import util\nif util.LINUX:\n    e = Extension('l', ['l.c'])\nelif util.MAC:\n"
            "    e = Extension('m', ['m.c'])\n"
            "else:\n    raise SystemExit('no')\nsetup(ext_modules=[e])",
            "util.py": "import ctypes\nLINUX = ctypes.secret()\nMAC = ctypes.secret()\n",
        },
    ),
    "in a module beside": (
        ["c"],
        {
            "setup_py": "from setuptools import setup\nfrom build_ext_x import extensions\n"
            "setup(ext_modules=extensions())",
            "build_ext_x.py": SETUP + "def extensions():\n    return [Extension('x', ['x.c'])]",
        },
    ),
    "unless PyPy": (
        ["c"],
        {
            "setup_py": SETUP
            + "import sys, os\next = []\nPYPY = hasattr(sys, 'pypy_version_info')\n"
            "if not PYPY and not os.environ.get('PURE'):\n    ext.append(Extension('x', ['x.c']))\n"
            "setup(ext_modules=ext)"
        },
    ),
    "cffi": (
        ["c"],
        {
            "pyproject.toml": pyproject("setuptools.build_meta", "setuptools", "cffi"),
            "setup_py": "from setuptools import setup\nsetup(cffi_modules=['build.py:ffi'])",
        },
    ),
    "in pyproject.toml": (
        ["c"],
        {
            "pyproject.toml": SETUPTOOLS
            + "[[tool.setuptools.ext-modules]]\nname='x'\nsources=['x.c']\n"
        },
    ),
    "a command that runs make": (
        ["c"],
        {
            "setup_py": "import subprocess\nfrom setuptools import setup\n"
            "from setuptools.command.build_py import build_py\nclass B(build_py):\n"
            "    def run(self):\n        subprocess.check_call(['make', '-C', 'src'])\n"
            "        super().run()\nsetup(cmdclass={'build_py': B})"
        },
    ),
    "maturin": (["rust"], {"pyproject.toml": pyproject("maturin", "maturin"), "Cargo.toml": ""}),
    "setuptools-rust": (
        ["rust"],
        {
            "pyproject.toml": pyproject("setuptools.build_meta", "setuptools", "setuptools-rust"),
            "setup_py": "from setuptools import setup\nfrom setuptools_rust import RustExtension\n"
            "setup(rust_extensions=[RustExtension('one._x')])",
        },
    ),
    "CMake, languages": (
        ["c++", "cuda"],
        {
            "pyproject.toml": CMAKE,
            "CMakeLists.txt": "# x\nproject(one VERSION 1 LANGUAGES CXX CUDA)\n",
        },
    ),
    "CMake, none said": (
        ["c", "c++"],
        {"pyproject.toml": CMAKE, "CMakeLists.txt": "project(one)\n"},
    ),
    "CMake, a switch": (
        ["c++"],
        {
            "pyproject.toml": CMAKE,
            "CMakeLists.txt": "project(one CXX)\nif(WITH_CUDA)\n  enable_language(CUDA)\nendif()\n",
        },
    ),
    "Meson": (
        ["c", "c++"],
        {
            "pyproject.toml": pyproject("mesonpy", "meson-python"),
            "meson.build": "project(\n  'one',\n  'c', 'cpp', 'cython',\n  version: '1',\n)\n",
        },
    ),
    "a hook that compiles": (
        ["c"],
        {
            "pyproject.toml": pyproject(
                "hatchling.build", more="[tool.hatch.build.hooks.custom]\n"
            ),
            "hatch_build.py": "subprocess.run(['gcc', 'x.c'])",
        },
    ),
    "mypyc by hatchling": (
        ["c"],
        {
            "pyproject.toml": pyproject(
                "hatchling.build",
                "hatchling",
                "hatch-mypyc",
                more="[tool.hatch.build.targets.wheel.hooks.mypyc]\nx = 1\n",
            )
        },
    ),
    "Poetry's script": (
        ["c"],
        {
            "pyproject.toml": pyproject(
                "poetry.core.masonry.api",
                "poetry-core",
                "setuptools",
                "cython",
                more="[tool.poetry.build]\nscript = 'build.py'\n",
            ),
            "build.py": "from Cython.Build import cythonize\nfrom setuptools import Extension\n"
            "def build(kw):\n    kw['ext_modules'] = cythonize([Extension('x', ['x.pyx'])])\n",
        },
    ),
    "a back-end of its own": (
        ["c"],
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "own"\n'
            'backend-path = ["tools"]\n',
            "tools/own.py": "from setuptools.build_meta import *\n",
            "setup_py": SETUP + "setup(ext_modules=[Extension('x', ['x.c'])])",
        },
    ),
}


@pytest.mark.parametrize(("languages", "files"), COMPILED.values(), ids=COMPILED)
def test_compiled(languages, files):
    found = facts(**files)
    assert (found.pure, found.languages) == (False, languages), found.evidence
    assert found.evidence
    assert summary(found).startswith("needs ")


def test_it_needs_torch_which_it_does_not_declare():
    text = "import torch\nfrom setuptools import setup\n"
    text += "from torch.utils.cpp_extension import CUDAExtension\n"
    text += "setup(ext_modules=[CUDAExtension('x', ['x.cu'])])"
    found = facts(setup_py=text)
    assert found.needs == ["torch"]
    assert found.languages == ["c++", "cuda"]
    assert found.programs == ["nvcc"]
    assert summary(found).startswith("needs torch that it does not declare, a C++ compiler")
    declared = facts(
        setup_py=text,
        **{"pyproject.toml": pyproject("setuptools.build_meta", "setuptools", "torch")},
    )
    assert not declared.needs


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("import numpy\n", ["numpy"]),
        ("from packaging import version\n", []),  # setuptools' own wheel brings it
        ("try:\n    import numpy\nexcept ImportError:\n    numpy = None\n", []),
        ("def late():\n    import numpy\n", []),
        ("import one, versions\n", []),  # its own
        ("import os, json, distutils.util\n", []),
        ("import skbuild\n", ["skbuild"]),
    ],
)
def test_imports(text, needs):
    files = {"one/__init__.py": "", "versions.py": ""}
    assert facts(setup_py=text + SETUP + "setup()", **files).needs == needs


SYSTEMS = {
    "at once": (
        ["macos"],
        "import sys\nif sys.platform != 'darwin':\n    raise SystemExit('macOS!')\n",
    ),
    "exit": (
        ["macos"],
        "import platform, sys\nif platform.system() != 'Darwin':\n    sys.exit('no')\n",
    ),
    "not there": (
        ["linux", "macos"],
        "import os\nif os.name == 'nt':\n    raise RuntimeError('not here')\n",
    ),
    "several": (
        ["linux", "macos"],
        "import sys\nif sys.platform in ('win32', 'cygwin'):\n    sys.exit(1)\n",
    ),
    "startswith": (
        ["linux"],
        "import sys\nassert sys.platform.startswith('linux'), 'Linux only'\n",
    ),
    "a module of Windows": (["windows"], "import winreg\n"),
    "everywhere": ([], "import sys\nif sys.platform == 'darwin':\n    flags = ['-x']\n"),
}


@pytest.mark.parametrize(("systems", "text"), SYSTEMS.values(), ids=SYSTEMS)
def test_systems(systems, text):
    found = facts(setup_py=text + SETUP + "setup(ext_modules=[Extension('x', ['x.c'])])")
    assert found.systems == systems
    assert not found.refuses
    if systems and "linux" not in systems:
        assert summary(found).endswith("only")


def test_a_command_that_refuses_other_systems():
    text = SETUP + (
        "import sys\nfrom setuptools.command.build_ext import build_ext\n"
        "def verify():\n    if sys.platform != 'darwin':\n"
        "        raise OSError('requires macOS to build')\n"
        "class Build(build_ext):\n    def run(self):\n"
        "        verify()\n        build_ext.run(self)\n"
        "setup(ext_modules=[Extension('x', ['x.m'])], cmdclass={'build_ext': Build})"
    )
    found = facts(setup_py=text)
    assert found.systems == ["macos"]
    assert "setup.py: requires macOS to build" in found.evidence
    assert summary(found) == "builds on macOS only"
    test_only = text.replace("(build_ext)", "(Test)").replace(
        "Build(", "class Test: pass\nclass Build("
    )
    assert not facts(setup_py=test_only.replace("class class", "class")).systems


REFUSALS = {
    "use something else": SETUP
    + "def error():\n    raise SystemExit('use scikit-one instead')\nerror()\nsetup()",
    "Python 2": "from setuptools import setup\nprint 'hello'\nsetup()",
    "Python 2, an exception": "try:\n    import x\nexcept ImportError, e:\n    pass\n",
    "asks for Python 2": SETUP
    + "import sys\nif sys.version_info[0] >= 3:\n    sys.exit('Python 2 only')\nsetup()",
}


@pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS)
def test_refusals(text):
    found = facts(setup_py=text)
    assert found.refuses
    assert summary(found).startswith("refuses to build: its setup.py ")


@pytest.mark.parametrize(
    ("requires", "gone"),
    [("setuptools", True), ("setuptools>=40.8", True), ("setuptools<82", False)],
)
def test_what_newer_setuptools_does_not_have(requires, gone):
    project = pyproject("setuptools.build_meta", requires)
    found = facts(
        setup_py="import pkg_resources\n" + SETUP + "setup()", **{"pyproject.toml": project}
    )
    assert found.needs == (["pkg_resources"] if gone else [])
    old = requires.replace("82", "58")
    project = pyproject("setuptools.build_meta", old)
    found = facts(setup_py=SETUP + "setup(use_2to3=True)", **{"pyproject.toml": project})
    assert bool(found.refuses) is gone


def test_what_was_compiled_before():
    found = facts(setup_py=SETUP + "setup()", **{"one/lib.so.1": "x", "README.so.txt": ""})
    assert found.pure is True
    assert "one/lib.so.1: nothing is compiled, but compiled files are in it" in found.evidence
    assert len(facts(setup_py=SETUP + "setup()").evidence) == 1


def test_nothing_builds_it():
    assert facts(**MODULE).refuses == "it has neither setup.py nor pyproject.toml"
    assert not facts(complete=False, **MODULE).refuses
    assert facts(**{"pyproject.toml": "[x"}).refuses == "its pyproject.toml is not TOML"


def test_what_it_misses_is_no_refusal():
    text = (
        SETUP
        + "import os\nif 'CUDA_HOME' not in os.environ:\n    raise RuntimeError('CUDA is needed')\n"
    )
    found = facts(setup_py=text + "setup(ext_modules=[Extension('x', ['x.c'])])")
    assert not found.refuses
    assert found.programs == ["nvcc"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "class Q:\n    def ask(self):\n        subprocess.run(['pg_config'])\n"
            "        sys.exit(1)\n",
            ["pg_config"],
        ),
        ("subprocess.check_output('mysql_config --cflags')\n", ["mysql_config"]),
        ("raise_ = 'pg_config was not found'\n", []),
        ("print('pg_config')\n", []),
        (
            "def ask():\n    try:\n        return os.popen('pkg-config x')\n"
            "    except OSError:\n        return ''\n",
            [],
        ),
    ],
)
def test_programs(command, expected):
    text = SETUP + "import os, subprocess, sys\n" + command
    found = facts(setup_py=text + "setup(ext_modules=[Extension('x', ['x.c'])])", **{"x.c": C})
    assert found.programs == expected


@pytest.mark.parametrize(
    ("source", "headers"),
    [
        ("#include <Python.h>\n#include <string.h>\n#include <sys/types.h>\n", []),
        ("#include <libpq-fe.h>\n", ["libpq-fe.h"]),
        ('#include "mysql.h"\n', ["mysql.h"]),
        ('#include "mine.h"\n', ["sasl/sasl.h"]),
        ("#ifdef _WIN32\n#include <windows.h>\n#include <zlib.h>\n#endif\n", []),
        ("#ifndef X_H\n#define X_H\n#include <zlib.h>\n#endif\n", ["zlib.h"]),
        ("/*\n#include <zlib.h>\n*/\n", []),
        ("#include <numpy/arrayobject.h>\n#include <pybind11/pybind11.h>\n", []),
        ("#include <strange/thing.h>\n", ["strange/thing.h"]),
        ("#include <vendored.h>\n", []),
    ],
)
def test_headers(source, headers):
    files = {"x.c": source, "mine.h": "#include <sasl/sasl.h>\n", "deps/vendored.h": ""}
    files["tests/t.c"] = "#include <curl/curl.h>\n"
    found = facts(setup_py=SETUP + "setup(ext_modules=[Extension('x', ['x.c'])])", **files)
    assert found.headers == headers


@pytest.mark.parametrize(
    ("files", "downloads"),
    [
        (
            {"setup_py": "import urllib.request as r\nr.urlretrieve('http://a/b')\n"},
            ["setup.py: r.urlretrieve()"],
        ),
        ({"setup_py": "import os\nos.system('git clone x')\n"}, ["setup.py: git clone"]),
        (
            {"setup_py": "import subprocess\nsubprocess.run(['curl', '-O', 'x'])\n"},
            ["setup.py: curl"],
        ),
        ({"setup_py": "url = 'https://example.org'\nprint('curl')\n"}, []),
        (
            {
                "pyproject.toml": CMAKE,
                "CMakeLists.txt": "project(o CXX)\nFetchContent_Declare(fmt GIT_REPOSITORY x)\n",
            },
            ["CMakeLists.txt: FetchContent_Declare(fmt)"],
        ),
        (
            {"pyproject.toml": pyproject("wheel_stub.buildapi", "wheel-stub")},
            ["wheel_stub.buildapi: it fetches a wheel from another index"],
        ),
    ],
)
def test_downloads(files, downloads):
    if "setup_py" in files:
        files = {"setup_py": files["setup_py"] + SETUP + "setup()"}
    assert facts(**files).downloads == downloads


def test_packages_of_pkg_config():
    found = facts(
        **{
            "pyproject.toml": CMAKE,
            "CMakeLists.txt": "project(o C)\npkg_check_modules(CAIRO REQUIRED cairo>=1.2 pango)\n",
        }
    )
    assert found.programs == ["pkg-config", "pkg-config cairo", "pkg-config pango"]
    said = "needs a C compiler and pkg-config (cairo, pango) (CMake, by scikit-build-core)"
    assert summary(found) == said


def test_what_was_not_seen_is_not_judged():
    for files in (MODULE, {"pyproject.toml": SETUPTOOLS}, {"x.c": C}):
        found = facts(complete=False, **files)
        assert found.pure is None
        assert found.evidence
        assert summary(found).startswith("it cannot be told what its build needs")
    seen = facts(complete=False, setup_py=SETUP + "setup(packages=['one'])")
    assert seen.pure is True
    assert summary(seen) == "pure Python, by what was looked at (setuptools)"


def test_what_is_not_known_is_not_judged():
    text = "from setuptools import setup\nimport json\n"
    assert facts(setup_py=text + "setup(**json.load(open('x')))", **{"x.c": C}).pure is None
    assert facts(**{"pyproject.toml": pyproject("nobody.knows", "nobody"), "x.c": C}).pure is None
    hook = pyproject("hatchling.build", more="[tool.hatch.build.hooks.nobody]\nx = 1\n")
    assert facts(**{"pyproject.toml": hook}).pure is None


def test_summaries_are_short():
    found = facts(
        setup_py=SETUP
        + "import torch, numpy, skbuild\nsetup(ext_modules=[Extension('x', ['x.cu', 'y.f90'])])"
    )
    assert len(summary(found)) <= 100
    assert "\n" not in summary(found)


@pytest.mark.parametrize(
    "files",
    [
        {
            "setup_py": "from setuptools import setup\nfrom own import D, B\n"
            "setup(name='one', distclass=D, cmdclass={'bdist_wheel': B})",
            "core/main.c": "int main() {}",
        },
        {
            "pyproject.toml": pyproject(
                "hooks", "setuptools", more='backend-path = ["build"]\n[project]\nname = "one"\n'
            ),
            "build/hooks.py": "from setuptools.build_meta import *\n",
            "one/_fast.pyx": "cdef int x",
        },
    ],
    ids=["a Distribution of its own", "a back-end of its own"],
)
def test_what_may_be_compiled_out_of_sight_is_not_called_pure(files) -> None:
    assert facts(**files).pure is None
    without = {name: text for name, text in files.items() if not name.endswith((".c", ".pyx"))}
    assert facts(**without).pure
