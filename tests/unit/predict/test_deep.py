"""What installs and will not import, of wheels with objects that gcc makes here."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from closures import ALPINE, SLIM, examined
from compiled import library
from wheels import wheel

from envcheck.index import pages

if TYPE_CHECKING:
    from pathlib import Path

    from wheels import File

SUFFIX = ".cpython-312-x86_64-linux-gnu.so"
LINUX = "cp312-cp312-manylinux_2_28_x86_64"
MUSL = "cp312-cp312-musllinux_1_2_x86_64"
INIT = {"pkg/__init__.py": "from . import _native\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("objects")


def module(folder: Path, *needs: str, name: str = "module.so", **more) -> bytes:
    """An object that needs libraries of these names, of which nothing is left here."""
    made = [library(folder / one) for one in needs]
    return library(folder / name, "int module(void) { return 1; }", needs=made, **more).read_bytes()


def package(native: bytes, *, tag: str = LINUX, suffix: str = SUFFIX, **files: bytes | str) -> File:
    inside: dict[str, bytes | str] = {**INIT, f"pkg/_native{suffix}": native}
    inside.update({path.replace("__", "/", 1): data for path, data in files.items()})
    return wheel("pkg", files=inside, tag=tag, compressed=True)


def test_a_missing_library(folder: Path, tmp_path: Path) -> None:
    made = package(module(folder, "libGL.so.1", "libz.so.1"))
    (found,) = examined(tmp_path, SLIM, made).findings
    assert (found.kind, found.certain, found.module) == ("missing-library", True, "pkg")
    assert found.libraries == ["libGL.so.1"]
    assert "needs libGL.so.1, which python:3.12-slim-bookworm does not have" in found.sentence
    assert found.evidence == [f"pkg/_native{SUFFIX} -> libGL.so.1"]
    assert "apt-get install -y libgl1" in found.remedy


def test_what_an_image_has_is_not_missing(folder: Path, tmp_path: Path) -> None:
    there = ("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libssl.so.3", "libpthread.so.0")
    made = package(module(folder, *there, "libpython3.12.so.1.0"))
    assert examined(tmp_path, SLIM, made) == ([], [])


def test_alpine_has_no_library_of_c_plus_plus(folder: Path, tmp_path: Path) -> None:
    native = module(folder, "libstdc++.so.6", "libc.musl-x86_64.so.1", more=["-nostdlib"])
    made = package(native, tag=MUSL, suffix=".cpython-312-x86_64-linux-musl.so")
    (found,) = examined(tmp_path, ALPINE, made).findings
    assert found.libraries == ["libstdc++.so.6"]
    assert "apk add libstdc++" in found.remedy


def test_a_library_in_the_wheel_or_in_another(folder: Path, tmp_path: Path) -> None:
    inner = module(folder, name="libinner-1a2b3c.so.1")
    other = module(folder, name="libother.so.4")
    made = package(
        module(folder, "libinner-1a2b3c.so.1", "libother.so.4"),
        **{"pkg.libs__libinner-1a2b3c.so.1": inner},
    )
    beside = wheel("beside", files={"beside/lib/libother.so.4": other}, tag=LINUX)
    assert examined(tmp_path, SLIM, made, beside).findings == []
    (found,) = examined(tmp_path, SLIM, made).findings
    assert found.libraries == ["libother.so.4"]


def test_what_a_bundled_library_lacks(folder: Path, tmp_path: Path) -> None:
    inner = module(folder, "libX11.so.6", name="libinner.so.1")
    made = package(module(folder, "libinner.so.1"), **{"pkg.libs__libinner.so.1": inner})
    (found,) = examined(tmp_path, SLIM, made).findings
    way = [f"pkg/_native{SUFFIX}", "pkg.libs/libinner.so.1", "libX11.so.6"]
    assert found.evidence == [" -> ".join(way)]


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    from . import _native\nexcept ImportError:\n    _native = None\n",
        "def native():\n    from . import _native\n    return _native\n",
        "import sys\nif sys.platform == 'win32':\n    from . import _native\n",
    ],
)
def test_an_object_that_an_import_does_not_load(folder: Path, tmp_path: Path, source: str) -> None:
    made = package(module(folder, "libGL.so.1"), **{"pkg____init__.py": source})
    files = {"pkg/__init__.py": source, f"pkg/_native{SUFFIX}": module(folder, "libGL.so.1")}
    made = wheel("pkg", files=files, tag=LINUX)
    assert examined(tmp_path, SLIM, made).findings == []


def test_newer_symbols_than_the_target_has(folder: Path, tmp_path: Path) -> None:
    libc = library(
        folder / "newer.so",
        "int newer(void) { return 1; }",
        versions="GLIBC_2.38",
        soname="libc.so.6",
    )
    native = library(
        folder / "uses.so", "int newer(void); int uses(void) { return newer(); }", needs=[libc],
        more=["-nostdlib"],
    ).read_bytes()  # fmt: skip
    (found,) = examined(tmp_path, SLIM, package(native)).findings
    assert (found.kind, found.certain) == ("symbol-version", True)
    assert "needs GLIBC_2.38, and the target has glibc 2.36" in found.sentence
    newer = SLIM._replace(libc="glibc 2.41", image="python:3.12-slim-trixie")
    assert examined(tmp_path, newer, package(native)).findings == []
    by_hand = SLIM._replace(libc="glibc 2.17", image="", distribution="")
    assert examined(tmp_path, by_hand, package(native)).findings[0].kind == "symbol-version"


def test_newer_symbols_than_a_library_of_the_image_has(folder: Path, tmp_path: Path) -> None:
    newest = library(
        folder / "cxx.so", "int cxx(void) { return 1; }", versions="GLIBCXX_3.4.32",
        soname="libstdc++.so.6",
    )  # fmt: skip
    native = library(
        folder / "c.so", "int cxx(void); int c(void) { return cxx(); }", needs=[newest]
    ).read_bytes()
    (found,) = examined(tmp_path, SLIM, package(native)).findings
    assert "GLIBCXX_3.4.32 of libstdc++.so.6" in found.sentence
    bundled = package(native, **{"pkg.libs__libstdc++.so.6": newest.read_bytes()})
    assert examined(tmp_path, SLIM, bundled).findings == []


def test_another_machine(folder: Path, tmp_path: Path) -> None:
    native = bytearray(module(folder))
    struct.pack_into("<H", native, 18, 183)
    (found,) = examined(tmp_path, SLIM, package(bytes(native))).findings
    assert (found.kind, found.certain) == ("architecture", True)
    assert "is for aarch64" in found.sentence


def test_a_wheel_for_any_platform_with_objects_for_one(folder: Path, tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "import ctypes, os\n"
        "lib = ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libpkg.so'))\n",
        "pkg/libpkg.so": module(folder, "ld-linux-x86-64.so.2"),
    }
    made = wheel("pkg", files=files, tag="py3-none-any")
    assert examined(tmp_path, SLIM, made).findings == []
    first, second = examined(tmp_path, ALPINE, made).findings
    assert (first.kind, first.certain) == ("libc", True)
    assert "libpkg.so was linked to glibc" in first.sentence
    assert (second.kind, second.certain) == ("wrong-tag", False)


def test_a_generic_wheel_beside_one_that_brings_the_library(folder: Path, tmp_path: Path) -> None:
    source = """
import os, sys
from ctypes import CDLL
from ctypes.util import find_library
try:
    import _pkg_data
    lib = CDLL(os.path.join(os.path.dirname(_pkg_data.__file__), 'libwanted_x86_64.so'))
except (OSError, ImportError):
    name = find_library('wanted')
    if name is None:
        name = 'libwanted.so'
    lib = CDLL(name)
"""
    generic = wheel("pkg", files={"pkg.py": source}, tag="py2.py3-none-any")
    files = {
        "pkg.py": source,
        "_pkg_data/__init__.py": "",
        "_pkg_data/libwanted_x86_64.so": module(folder),
    }
    full = wheel("pkg", files=files, tag="py2.py3-none-manylinux_2_28_x86_64")
    assert examined(tmp_path, SLIM, full).findings == []
    page = [
        pages.File(filename=one.name, url=one.write(tmp_path).as_uri()) for one in (generic, full)
    ]
    (found,) = examined(tmp_path, ALPINE, generic, listing=lambda _: page).findings
    assert (found.kind, found.certain) == ("generic-wheel", True)
    assert f"{generic.name}, which fits any platform, does not bring it" in found.sentence
    assert f"{full.name} brings libwanted_x86_64.so" in found.evidence
    (found,) = examined(tmp_path, ALPINE, generic).findings
    assert found.kind == "missing-library"


def test_what_imports_what_fails(folder: Path, tmp_path: Path) -> None:
    broken = package(module(folder, "libGL.so.1"))
    eager = wheel("eager", files={"eager.py": "import pkg\n"}, requires=["pkg"])
    lazy = wheel(
        "lazy", files={"lazy.py": "def f():\n    import pkg\n    return pkg\n"}, requires=["pkg"]
    )
    findings = examined(tmp_path, SLIM, eager, lazy, broken).findings
    assert {one.distribution for one in findings} == {"pkg", "eager"}
    above = next(one for one in findings if one.distribution == "eager")
    assert (above.certain, above.libraries) == (True, ["libGL.so.1"])


def test_a_package_that_its_loader_replaces(folder: Path, tmp_path: Path) -> None:
    """As cv2: the object has the package's own name, and ``sys.path`` is changed to find it."""
    source = """
import importlib, os, sys
sys.path.insert(1, os.path.join(os.path.dirname(__file__), 'python-3'))
shadow = sys.modules.pop('pkg')
native = importlib.import_module('pkg')
"""
    files = {"pkg/__init__.py": source, "pkg/pkg.abi3.so": module(folder, "libGL.so.1")}
    made = wheel("pkg", files=files, tag="cp37-abi3-manylinux_2_28_x86_64")
    (found,) = examined(tmp_path, SLIM, made).findings
    assert (found.certain, found.libraries) == (True, ["libGL.so.1"])


def test_an_extension_module_in_a_folder_without_a_source(folder: Path, tmp_path: Path) -> None:
    made = wheel("pkg", files={f"pkg/core{SUFFIX}": module(folder, "libnowhere.so")}, tag=LINUX)
    (found,) = examined(tmp_path, SLIM, made).findings
    assert found.module == "pkg.core"


def test_what_lies_below_the_environments_folder(folder: Path, tmp_path: Path) -> None:
    source = """
import os
from ctypes import CDLL
here = os.path.dirname(os.path.abspath(__file__))
CDLL(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(here))), 'lib', 'libdata.so'))
"""
    files = {
        "pkg.py": source,
        "pkg-1.0.data/data/lib/libdata.so": module(folder, "libGLU.so.1"),
    }
    source_ok = wheel("pkg", files=files, tag="py3-none-manylinux_2_28_x86_64")
    (found,) = examined(tmp_path, SLIM, source_ok).findings
    assert found.libraries == ["libGLU.so.1"]


def test_by_elimination(folder: Path, tmp_path: Path) -> None:
    """A module that is too large to be read: what only it can need is told all the same."""
    lacking = module(folder, "libxcb.so.1", name="libdevice-12ab.so.1")
    plugin_only = module(folder, "libSM.so.6", name="libplug-12ab.so.1")
    plugin = module(folder, "libplug-12ab.so.1", name="plugin.so")
    files = {
        "pkg/__init__.py": "from . import _native\n",
        f"pkg/_native{SUFFIX}": module(folder, "libdevice-12ab.so.1") + os.urandom(9 << 20),
        "pkg/plugins/plugin.so": plugin,
        "pkg.libs/libdevice-12ab.so.1": lacking,
        "pkg.libs/libplug-12ab.so.1": plugin_only,
    }
    made = wheel("pkg", files=files, tag=LINUX, compressed=True)
    (found,) = examined(tmp_path, SLIM, made, run=1 << 20).findings
    assert (found.certain, found.libraries) == (True, ["libxcb.so.1"])
    assert "libxcb1" in found.remedy


def test_what_costs_too_much_is_said_not_to_have_been_read(folder: Path, tmp_path: Path) -> None:
    noise = os.urandom(2 << 20)
    native = bytearray(module(folder, "libGL.so.1"))
    start = struct.unpack_from("<Q", native, 32)[0]
    rows = [start + 56 * number for number in range(native[56])]
    row = next(row for row in rows if native[row] == 2)
    offset, size = struct.unpack_from("<Q", native, row + 8)[0], 0
    size = struct.unpack_from("<Q", native, row + 32)[0]
    dynamic = bytes(native[offset : offset + size])
    struct.pack_into("<Q", native, row + 8, len(native) + len(noise))
    made = package(bytes(native) + noise + dynamic)
    assert len(examined(tmp_path, SLIM, made).findings) == 1
    result = examined(tmp_path, SLIM, made, run=1 << 20)
    assert result.findings == []
    (unseen,) = result.unseen
    assert unseen == f"pkg: _native{SUFFIX} (2 MB packed) were not read"


def test_other_systems_are_not_judged(folder: Path, tmp_path: Path) -> None:
    made = package(module(folder, "libGL.so.1"))
    result = examined(tmp_path, SLIM._replace(system="macos", libc=""), made)
    assert result == ([], ["libraries for macos (Mach-O) are not read"])


def test_an_image_that_is_not_known_has_everything(folder: Path, tmp_path: Path) -> None:
    made = package(module(folder, "libGL.so.1"))
    for target in (SLIM._replace(image="python:3.12"), SLIM._replace(image="debian:12")):
        result = examined(tmp_path, target, made)
        assert result.findings == []
        assert result.unseen == [f"which libraries {target.image} has is not known"]


def test_a_damaged_object_is_no_verdict(folder: Path, tmp_path: Path) -> None:
    result = examined(tmp_path, SLIM, package(b"\x7fELF" + b"\xff" * 500))
    assert [one for one in result.findings if one.certain] == []


def test_only_some_are_judged(folder: Path, tmp_path: Path) -> None:
    broken = package(module(folder, "libGL.so.1"))
    other = wheel("other", files={"other.py": "import tkinter\n"})
    assert [
        one.distribution
        for one in examined(tmp_path, SLIM, broken, other, only={"other"}).findings
    ] == ["other"]  # fmt: skip


def test_the_graphics_driver_is_not_missing_for_sure(folder: Path, tmp_path: Path) -> None:
    made = package(module(folder, "libcuda.so.1"))
    assert [one for one in examined(tmp_path, SLIM, made).findings if one.certain] == []


def test_a_package_that_says_nothing_itself_is_its_namesake(folder: Path, tmp_path: Path) -> None:
    source = "from ctypes.util import find_library\nassert find_library('zbar')\n"
    made = wheel("pkg", files={"pkg/__init__.py": "__version__ = '1'\n", "pkg/pkg.py": source})
    (found,) = examined(tmp_path, SLIM, made).findings
    assert (found.certain, found.module, found.libraries) == (True, "pkg.pkg", ["zbar"])


def test_of_several_modules_some_may_work(folder: Path, tmp_path: Path) -> None:
    """The one with more source is what the distribution is about."""
    old, new = "import ctypes\nctypes.CDLL('libGL.so.1')\n", "import ctypes\n"
    long = "".join(f"name_{number} = {number}\n" for number in range(99))
    files = {"old.py": old + long, "new.py": new}
    (found,) = examined(tmp_path, SLIM, wheel("both", files=files)).findings
    assert found.certain
    files = {"old.py": old, "new.py": new + long}
    (found,) = examined(tmp_path, SLIM, wheel("both", files=files)).findings
    assert not found.certain
    assert found.sentence.endswith("; `import new` works")


def test_a_program_that_gives_up_for_want_of_modules(folder: Path, tmp_path: Path) -> None:
    source = """
found = None
for name in ('nowhere_one', 'nowhere_two'):
    try:
        found = __import__(name)
        break
    except ImportError:
        pass
if found is None:
    raise ImportError('one of nowhere_one, nowhere_two is needed')
import cgi
"""
    target = SLIM._replace(python="3.13.9")
    (found,) = examined(tmp_path, target, wheel("pkg", files={"pkg.py": source})).findings
    assert (found.kind, found.certain) == ("missing-module", True)
    assert "finds none of nowhere_one, nowhere_two and says: one of" in found.sentence
