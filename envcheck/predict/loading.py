"""What the dynamic loader of a target would say of a shared object in a closure.

Names are looked for among all files of the closure, wherever they lie: where a library is found
depends on RPATH, on what was loaded before and on what Python code loads first, and a library that
is there somewhere is taken to be found. What is nowhere is not found by any of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from envcheck.errors import IndexTrouble
from envcheck.index.elf import DamagedElfError
from envcheck.index.remote_elf import OutOfBudgetError
from envcheck.knowledge import table

if TYPE_CHECKING:
    from envcheck.index.elf import Elf
    from envcheck.model.target import Target
    from envcheck.predict.imports.site import Site

#: Parts of a C library. musl takes any name that begins so for itself.
_LIBC = re.compile(
    r"(ld-linux|ld64|libc|libm|libpthread|libdl|librt|libutil|libresolv|libanl|libmvec)([-.]|\.so)"
)
_OF_MUSL = re.compile(r"lib(c|pthread|rt|m|dl|util|xnet)\.")
_MUSL = re.compile(r"(libc\.musl-|ld-musl-|libc\.so$)")
_PYTHON = re.compile(r"libpython(\d\.\d+)t?\.so(\.1\.0)?$|libpython3\.so$")
#: What comes with a graphics driver, not with a distribution or an image.
DRIVERS = re.compile(
    r"lib(cuda|nvidia-[\w-]+|nvcuvid|nvoptix|nvrm\w*|amdhip64|hsa-runtime64|ze_loader)\.so"
)
#: Libraries of CUDA: large, and they find each other.
SKIPPED = re.compile(
    r"lib(cu(blas|dnn|fft|rand|solver|sparse|dart|pti|file|tensor|iobj|dss)|nccl|nv|npp|torch_cuda"
    r"|caffe2_nvrtc|magma|c10_cuda|torch_nvshmem|roc|hip|MIOpen)[\w.+-]*\.so"
)
_LEAVES = re.compile(r"lib(scipy_)?openblas|libgfortran|libquadmath|libgomp|libmkl_|libiomp")
_LARGE = 8 << 20  # bytes: what is larger is not read if it can be helped
_VERSION = re.compile(r"([A-Z]+)_(\d+(?:\.\d+)*)$")
_TOO_MANY = 400  # objects that one object leads to


class Lack(NamedTuple):
    """Why an object does not load. ``kind``: missing-library, symbol-version, architecture, libc,
    driver, damaged. ``name``: of what is lacking. ``by``: the object that lacks it, ``path``: from
    the object that is loaded to it. ``certain``: False if it may be there all the same.
    """

    kind: str
    name: str
    by: str
    path: tuple[str, ...]
    sentence: str
    certain: bool = True


class Image(NamedTuple):
    """Libraries of an image, by soname. ``complete``: what is not named is not there."""

    name: str = ""
    libraries: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()
    versions: dict[str, dict[str, str]] = {}  # noqa: RUF012 - never changed
    modules: dict[str, str] = {}  # noqa: RUF012 - never changed
    complete: bool = False

    def has(self, soname: str) -> bool | None:
        """Whether a library is there; None if that is not known."""
        if soname in self.libraries:
            return True
        return False if self.complete and soname not in self.perhaps else None

    def named(self, name: str) -> bool | None:
        """Whether any ``libNAME.so`` with or without a version is there."""
        start = f"lib{name}.so"
        if any(one == start or one.startswith(f"{start}.") for one in self.libraries):
            return True
        if any(one.startswith(start) for one in self.perhaps):
            return None
        return False if self.complete else None


@lru_cache(maxsize=64)
def image_of(target: Target) -> Image:
    """What is known of the target's image; an Image that knows nothing if that is so."""
    for row in table("image_libraries")["rows"]:
        alike = target.distribution == row["distribution"] and target.image.startswith("python:")
        libc = target.libc == row["libc"] or (row["libc"] == "musl" and target.family == "musl")
        if not alike or not libc or row["variant"] not in target.image:
            continue
        names = [name.replace("{architecture}", target.architecture) for name in row["libraries"]]
        return Image(
            name=row["image"],
            libraries=frozenset(names),
            perhaps=frozenset(row["perhaps"]),
            versions=row["versions"],
            modules=row["modules"],
            complete=True,
        )
    return Image()


class Loader:
    """``unseen``: objects that were not looked at, and why."""

    def __init__(self, target: Target, site: Site) -> None:
        self.target, self.image = target, image_of(target)
        self.unseen: dict[str, str] = {}
        self._site, self._where = site, site.where
        self._known: dict[str, list[Lack]] = {}

    def lacks(self, path: str) -> list[Lack]:
        """Why the object at ``path`` does not load; none if it does as far as is known."""
        if path not in self._known:
            self._known[path] = self._look(path)
        return self._known[path]

    def library(self, soname: str) -> bool | None:
        """Whether ``dlopen`` finds a name without a folder; None if that is not known."""
        if self.target.family == "musl" and _OF_MUSL.match(soname):
            return True
        if _libc(self.target, soname) or _PYTHON.match(soname):
            return True
        if DRIVERS.match(soname):
            return None
        found = self.image.has(soname)
        if found is False and self._where(soname):  # it may have been loaded from there before
            return None
        return found

    def _look(self, start: str) -> list[Lack]:
        if self._site.size(start) > _LARGE:
            found = self._by_elimination(start)
            if found:
                return found
        found = []
        seen = {start}
        left: list[tuple[str, ...]] = [(start,)]
        while left and len(seen) < _TOO_MANY:
            way = left.pop(0)
            elf = self._read(way[-1])
            if isinstance(elf, Lack):
                found.append(elf._replace(path=way))
                continue
            if elf is None:
                continue
            found += self._own(elf, way)
            for soname in elf.needed:
                paths = self._where(soname)
                if paths:
                    nearest = _nearest(way[-1], paths)
                    if nearest not in seen and not leaf(soname):
                        seen.add(nearest)
                        left.append((*way, nearest))
                    continue
                lack = self._missing(soname, way)
                if lack:
                    found.append(lack)
        return found

    def _by_elimination(self, start: str) -> list[Lack]:
        """What the libraries lack that only a large object can lead to, without reading it.

        What auditwheel copies into ``NAME.libs`` is needed by some object of that wheel. What the
        other objects do not lead to is needed by this one.
        """
        place = self._site.find(start)
        if place is None:
            return []
        objects = self._site.objects(place.artefact)
        copied = {one for one in objects if one.partition("/")[0].endswith(".libs")}
        others = [one for one in objects if one not in copied and one != start]
        if not copied or sum(map(self._site.size, others)) > _LARGE or len(others) > 100:
            return []
        reached: set[str] = set()
        left = others
        while left:
            elf = self._read(left.pop())
            if not isinstance(elf, Struct):
                return []
            inner = {path for soname in elf.needed for path in self._where(soname)}
            left += [path for path in inner if path in copied and path not in reached]
            reached |= inner
        found: list[Lack] = []
        for path in sorted(copied, key=self._site.size):
            name = path.rpartition("/")[2]
            if leaf(name) or self._site.size(path) > _LARGE // 4:
                continue
            elf = self._read(path)
            if not isinstance(elf, Struct):
                break
            missing = (
                self._missing(soname, (start, path))
                for soname in elf.needed
                if not self._where(soname)
            )
            only = path not in reached
            found += [one._replace(certain=only) for one in missing if one and one.certain]
        return found if any(lack.certain for lack in found) else []

    def _read(self, path: str) -> Elf | Lack | None:
        name = path.rpartition("/")[2]
        try:
            return self._site.elf(path)
        except OutOfBudgetError as error:
            self.unseen[path] = str(error)
        except IndexTrouble as error:
            self.unseen[path] = error.message
        except DamagedElfError as error:
            sentence = f"{name} is no shared object that a loader takes: {error}"
            return Lack("damaged", name, name, (path,), sentence, certain=False)
        return None

    def _own(self, elf: Elf, way: tuple[str, ...]) -> list[Lack]:
        """What an object asks for that is no library."""
        name = way[-1].rpartition("/")[2]
        machine = _machine(elf)
        if machine != self.target.architecture:
            sentence = f"{name} is for {machine}"
            return [Lack("architecture", machine, name, way, sentence)]
        found = []
        if self.target.family == "musl":
            foreign = [one for one in elf.needed if _libc_of_glibc(one)]
            loaders = [one for one in foreign if one.startswith("ld-")]
            if foreign and not self._where(foreign[0]):
                sentence = f"{name} was linked to glibc"
                certain = bool(loaders)
                found.append(Lack("libc", (loaders or foreign)[0], name, way, sentence, certain))
        elif self.target.family == "glibc":
            found += self._versions(elf, name, way)
        return found

    def _versions(self, elf: Elf, name: str, way: tuple[str, ...]) -> list[Lack]:
        has = _numbers(self.target.libc.partition(" ")[2])
        worst: tuple[tuple[int, ...], str, str] | None = None
        found: list[Lack] = []
        for library, versions in elf.versions.items():
            bundled = bool(self._where(library))
            limits = {} if bundled else self.image.versions.get(library, {})
            for version in versions:
                match = _VERSION.match(version)
                if version == "GLIBC_ABI_DT_RELR":
                    match = _VERSION.match("GLIBC_2.36")
                if not match:
                    continue
                numbers = _numbers(match[2])
                if match[1] == "GLIBC" and numbers > has and (not worst or numbers > worst[0]):
                    worst = numbers, version, library
                elif match[1] in limits and numbers > _numbers(limits[match[1]]):
                    limit = f"{match[1]}_{limits[match[1]]}"
                    sentence = f"{name} needs {version} of {library}, which has up to {limit} there"
                    found.append(Lack("symbol-version", version, name, way, sentence))
        if worst:
            sentence = f"{name} needs {worst[1]}, and the target has {self.target.libc}"
            found.insert(0, Lack("symbol-version", worst[1], name, way, sentence))
        return found[:1]

    def _missing(self, soname: str, way: tuple[str, ...]) -> Lack | None:
        name = way[-1].rpartition("/")[2]
        if DRIVERS.match(soname):
            sentence = f"{name} needs {soname}, which comes with a driver"
            return Lack("driver", soname, name, way, sentence, certain=False)
        if self.target.family == "glibc" and _MUSL.match(soname):
            return Lack("libc", soname, name, way, f"{name} was linked to musl")
        if self.target.family == "musl" and _libc_of_glibc(soname):
            return None  # said before
        match = _PYTHON.match(soname)
        if match and match[1] not in (None, self.target.minor):
            return Lack("missing-library", soname, name, way, f"{name} needs {soname}")
        if self.library(soname) is False:
            return Lack("missing-library", soname, name, way, f"{name} needs {soname}")
        return None


def leaf(name: str) -> bool:
    """Whether a library need not be read: CUDA's, and those that need a C library only."""
    return bool(SKIPPED.match(name) or _LEAVES.match(name))


def _libc(target: Target, soname: str) -> bool:
    """Whether it is a part of the target's own C library."""
    if target.family == "musl":
        return bool(_MUSL.match(soname) or _OF_MUSL.match(soname))
    return target.family == "glibc" and _libc_of_glibc(soname)


def _libc_of_glibc(soname: str) -> bool:
    return bool(_LIBC.match(soname)) and not _MUSL.match(soname)


def _machine(elf: Elf) -> str:
    """As targets call it."""
    if elf.machine == "ppc64" and elf.little:
        return "ppc64le"
    if elf.machine == "arm":
        return "armv7l"
    if elf.machine == "x86_64" and elf.bits == 32:
        return "x32"
    return elf.machine


def _nearest(path: str, paths: list[str]) -> str:
    """Of several files of one name the one in the same wheel's folders."""
    top = path.partition("/")[0].partition(".libs")[0]
    return min(paths, key=lambda one: (one.partition("/")[0].partition(".libs")[0] != top, one))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:4] if part.isdigit() and len(part) < 9)
