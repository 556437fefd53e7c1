"""CUDA libraries (cuDNN, cuBLAS, NCCL, cudart …): every copy, and the one torch would load.

Nothing is loaded: versions come from file names, the distribution that brought the file, or its
header; the choice from the ELF headers of torch's libraries and the loader's rules.
"""

import os
import sys

from .. import elf, loader
from ..protocol import IS_LINUX, Field, read_text
from . import torch_static

#: library -> (stem of its files, folder below nvidia/, header, prefix of the header's macros)
LIBRARIES = {
    "cudart": ("libcudart", "cuda_runtime", None, ""),
    "cublas": ("libcublas", "cublas", "cublas_api.h", "CUBLAS_VER_"),
    "cublaslt": ("libcublasLt", "cublas", "cublas_api.h", "CUBLAS_VER_"),
    "cudnn": ("libcudnn", "cudnn", "cudnn_version.h", "CUDNN_"),
    "nccl": ("libnccl", "nccl", "nccl.h", "NCCL_"),
    "nvrtc": ("libnvrtc", "cuda_nvrtc", None, ""),
    "cusparse": ("libcusparse", "cusparse", None, ""),
    "cusparselt": ("libcusparseLt", "cusparselt", None, ""),
    "cusolver": ("libcusolver", "cusolver", None, ""),
    "cufft": ("libcufft", "cufft", None, ""),
    "curand": ("libcurand", "curand", None, ""),
    "nvjitlink": ("libnvJitLink", "nvjitlink", None, ""),
}
_STEMS = {stem: name for name, (stem, _, _, _) in LIBRARIES.items()}
_PREFIXES = tuple(stem + ".so" for stem in _STEMS) + ("libcudnn_",)
_OWN = ("libtorch_global_deps.so", "libtorch_python.so", "libtorch.so", "libtorch_cpu.so")
_FIRST = ("libtorch_global_deps.so", "libtorch_cuda.so", "libtorch_hip.so")  # as torch loads them
_LIMIT = 40  # folders looked into

FIELDS = (
    Field(
        "copies",
        "records",
        "Every copy of a CUDA library that was found",
        item=(
            Field("library", "string", "One of " + ", ".join(LIBRARIES)),
            Field("file", "string", "Name by which programs ask for it, such as libcudnn.so.9"),
            Field("path", "string", "The file, links resolved"),
            Field(
                "origin",
                "string",
                "`wheel`, `torch`, `LD_LIBRARY_PATH`, `ld.so.cache`, `toolkit` or `conda`",
            ),
            Field("version", "string", "Its version"),
            Field("version_from", "string", "`file name`, `distribution`, `header` or `folder`"),
            Field("distribution", "string", "The distribution that brought it"),
            Field("cuda", "integer", "CUDA major version that it is for, where its name says"),
        ),
    ),
    Field(
        "parts",
        "records",
        "cuDNN's sub-libraries in each folder that has any",
        item=(
            Field("folder", "string", "The folder"),
            Field("origin", "string", "As in copies"),
            Field("names", "strings", "Such as engines_precompiled"),
        ),
    ),
    Field(
        "chosen",
        "records",
        "Which file the loader takes for torch",
        item=(
            Field("library", "string", "One of those above; `torch`: an object of torch itself"),
            Field("file", "string", "What torch asks for"),
            Field("path", "string", "What it gets; null if the loader finds none"),
            Field("why", "string", "The rule that decides"),
            Field("needed_by", "string", "The object of torch that needs it"),
            Field("bundled", "string", "The copy that came with torch, if there is one"),
        ),
    ),
    Field(
        "distributions",
        "records",
        "Installed NVIDIA distributions",
        item=(Field("name", "string", "Its name"), Field("version", "string", "Its version")),
    ),
)


def collect(facts, request):
    _LISTED.clear()
    folders = torch_static.site_folders(request)
    cache = loader.read_cache()
    owners = _distributions(folders)
    facts.known("distributions", [{"name": n, "version": v} for n, v in sorted(owners.items())])
    copies = {}
    parts = []
    for origin, folder in _folders(request, folders)[:_LIMIT]:
        _scan(copies, parts, origin, folder, _names(folder), owners)
    for path in _cached(cache):
        folder, name = os.path.split(path)
        _scan(copies, parts, "ld.so.cache", folder, [name], owners)
    facts.known("copies", list(copies.values())[:200])
    facts.known("parts", [part for part in parts if part["names"]][:_LIMIT])
    _chosen(facts, request, folders, cache)


def _folders(request, site_folders):
    """(origin, folder) of every place worth a listing, best origin first."""
    found = []
    for site in site_folders:
        for name in _names(os.path.join(site, "nvidia")):
            found.append(("wheel", os.path.join(site, "nvidia", name, "lib")))
        bundled = os.path.join(site, "torch", "lib")
        if os.path.isdir(bundled):
            found.append(("torch", bundled))
    prefix = request.prefix or sys.prefix
    if os.path.isdir(os.path.join(prefix, "conda-meta")):
        found.append(("conda", os.path.join(prefix, "lib")))
    found += [("LD_LIBRARY_PATH", folder) for folder in loader.search_path()]
    for toolkit in toolkits():
        found.append(("toolkit", os.path.join(toolkit, "lib64")))
    return found


def toolkits(root="/usr/local", environ=os.environ):
    """CUDA toolkits at the usual places, links resolved."""
    found = [environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    found += [os.path.join(root, name) for name in sorted(_names(root)) if name.startswith("cuda")]
    real = [os.path.realpath(path) for path in found if path and os.path.isdir(path)]
    return list(dict.fromkeys(real))


def _cached(cache):
    found = []
    for stem in _STEMS:
        found += loader.cached(cache, stem + ".so")
    return found


def _scan(copies, parts, origin, folder, names, owners):
    """Add the CUDA libraries among ``names`` in ``folder``; one copy for each real file."""
    sublibraries = set()
    for name in names:
        if not name.startswith(_PREFIXES):
            continue
        if name.startswith("libcudnn_"):
            if name.partition(".so.")[2]:
                sublibraries.add(name[9:].partition(".so")[0])
            continue
        library = _STEMS[name.partition(".so")[0]]
        path = os.path.realpath(os.path.join(folder, name))
        if not os.path.isfile(path):
            continue
        known = copies.get(path)
        if known is None:
            copies[path] = _copy(library, name, path, origin, owners)
        elif name.count(".") > 1 and (
            name.count(".") < known["file"].count(".") or known["file"].endswith(".so")
        ):
            known["file"] = name  # libcudnn.so.9 rather than libcudnn.so or libcudnn.so.9.1.0
    if sublibraries:
        parts.append({"folder": folder, "origin": origin, "names": sorted(sublibraries)})


def _copy(library, name, path, origin, owners):
    copy = {"library": library, "file": name, "path": path, "origin": origin}
    copy.update(version=None, version_from=None, distribution=None, cuda=None)
    suffix = os.path.basename(path).partition(".so.")[2]
    if suffix.count(".") >= 1 and suffix.replace(".", "").isdigit():
        copy.update(version=suffix, version_from="file name")
    owner = _owner(library, path, owners)
    if owner:
        copy.update(distribution=owner, version=owners[owner], version_from="distribution")
        copy["cuda"] = cuda_of(owner, owners[owner])
    if copy["version"] is None:
        version = _header(library, path)
        if version:
            copy.update(version=version, version_from="header")
        elif library == "cudart" and _version_in_path(path):
            copy.update(version=_version_in_path(path), version_from="folder")
    if copy["cuda"] is None and library not in ("cudnn", "nccl", "cusparselt"):
        # the soname's major is CUDA's for these two; cuFFT, cuSPARSE … count for themselves
        major = suffix.partition(".")[0]
        if library in ("cudart", "cublas", "cublaslt", "nvrtc", "nvjitlink") and major.isdigit():
            copy["cuda"] = int(major)
    return copy


def _owner(library, path, owners):
    """The distribution of a wheel's file, by the folder's and the distribution's names."""
    folders = path.replace("\\", "/").split("/")
    if "nvidia" not in folders[:-1]:
        return None
    below = folders[len(folders) - folders[::-1].index("nvidia") :][0]
    component = "nvidia-" + LIBRARIES[library][1].replace("_", "-")
    if below.startswith("cu") and below[2:].isdigit():
        return next((name for name in (component, component + "-" + below) if name in owners), None)
    for name in owners:
        if name == component or name.startswith(component + "-cu"):
            return name
    return None


def cuda_of(name, version):
    """The CUDA major that a distribution is for: its suffix, else its version."""
    suffix = name.rpartition("-cu")[2]
    if suffix.isdigit():
        return int(suffix)
    major = version.partition(".")[0]
    return (
        int(major) if name in ("nvidia-cuda-runtime", "nvidia-cublas") and major.isdigit() else None
    )


def _header(library, path):
    _, _, header, macro = LIBRARIES[library]
    if header is None:
        return None
    root = os.path.dirname(os.path.dirname(path))
    text = read_text(os.path.join(root, "include", header), 65536) or ""
    if library == "nccl":
        text = text[:4096]
    numbers = []
    for key in ("MAJOR", "MINOR", "PATCHLEVEL" if library == "cudnn" else "PATCH"):
        word = text.partition("#define %s%s " % (macro, key))[2].partition("\n")[0].strip()
        if not word.isdigit():
            return None
        numbers.append(str(int(word)))
    return ".".join(numbers)


def _version_in_path(path):
    """``13.0`` of /usr/local/cuda-13.0/lib64/…"""
    for part in path.split("/"):
        version = part[5:]
        if part.startswith("cuda-") and version.replace(".", "").isdigit() and "." in version:
            return version
    return None


def _distributions(folders):
    """NVIDIA distributions: name as the index spells it -> version."""
    found = {}
    for folder in folders:
        for name in _names(folder):
            if name.startswith(("nvidia_", "nvidia-")) and name.endswith(".dist-info"):
                distribution, _, version = name[:-10].partition("-")
                if distribution == "nvidia":  # spelt with hyphens
                    distribution, _, version = name[:-10].rpartition("-")
                found.setdefault(distribution.lower().replace("_", "-"), version)
    return found


def _chosen(facts, request, folders, cache):
    """Follow the loader from torch's own objects."""
    if not IS_LINUX:
        facts.unknown("chosen", "the loader's rules are only known for Linux")
        return
    folder, _ = torch_static.locate(request)
    library_folder = os.path.join(folder, "torch", "lib") if folder else ""
    chosen = {}
    for name in _FIRST:
        needer = os.path.join(library_folder, name)
        header = elf.read(needer) if folder else None
        if header is None:
            continue
        for soname in header.needed:
            library = _STEMS.get(soname.partition(".so")[0])
            if library is None or soname in chosen:
                continue
            path, why = loader.resolve(soname, needer, header, cache)
            if path is None and not header.runpath and not request.prefix:
                path, why = _by_the_program(soname)
            bundled = _bundled(soname, library, folders, library_folder)
            if path is None and bundled:  # torch/__init__.py: _preload_cuda_deps
                path, why = bundled, "torch preloads it from the wheel when the loader finds none"
            chosen[soname] = {
                "library": library,
                "file": soname,
                "path": path and os.path.realpath(path),
                "why": why,
                "needed_by": name,
                "bundled": bundled and os.path.realpath(bundled),
            }
    if folder and loader.search_path():
        chosen.update(_replaced(library_folder, cache))
    facts.known(
        "chosen",
        list(chosen.values()),
        "ELF headers of " + library_folder if folder else "no torch",
    )


def _by_the_program(soname):
    """The program's own RPATH counts for objects without RUNPATH: conda's Python has one."""
    program = os.path.realpath(sys.executable or "")
    header = elf.read(program)
    for folder in header.rpath if header and not header.runpath else ():
        path = os.path.join(loader.expand(folder, os.path.dirname(program)), soname)
        if loader.fits(path, header):
            return path, "RPATH of " + os.path.basename(program)
    return None, "nothing"


def _replaced(library_folder, cache):
    """Objects of torch itself, in whose place LD_LIBRARY_PATH offers another torch's."""
    found = {}
    for name in _OWN + _FIRST[1:]:
        needer = os.path.join(library_folder, name)
        header = elf.read(needer)
        for soname in header.needed if header else ():
            own = os.path.join(library_folder, soname)
            if soname in found or not os.path.isfile(own):
                continue
            path, why = loader.resolve(soname, needer, header, cache)
            if path and os.path.realpath(path) != os.path.realpath(own):
                found[soname] = {
                    "library": "torch",
                    "file": soname,
                    "path": os.path.realpath(path),
                    "why": why,
                    "needed_by": name,
                    "bundled": os.path.realpath(own),
                }
    return found


def _bundled(soname, library, folders, library_folder):
    """The copy that torch's wheel or the wheels it requires brought."""
    candidates = [os.path.join(library_folder, soname)]
    component = LIBRARIES[library][1]
    for folder in folders:
        names = _names(os.path.join(folder, "nvidia"))
        toolkits = [name for name in names if name.startswith("cu") and name[2:].isdigit()]
        for name in [component] + sorted(toolkits, reverse=True):
            if name in names:
                candidates.append(os.path.join(folder, "nvidia", name, "lib", soname))
    return next((path for path in candidates if os.path.isfile(path)), None)


_LISTED = {}


def _names(folder):
    if folder not in _LISTED:
        try:
            _LISTED[folder] = sorted(os.listdir(folder))
        except OSError:
            _LISTED[folder] = []
    return _LISTED[folder]
