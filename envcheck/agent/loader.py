"""Where the dynamic loader looks for a shared object, and which copy it takes (ld.so(8)).

For an object without RUNPATH: its RPATH, then LD_LIBRARY_PATH; with RUNPATH: LD_LIBRARY_PATH, then
RUNPATH; after that the cache (glibc) or the path file (musl) and the default folders.
"""

import os
import sys

from . import elf
from .protocol import IS_LINUX, read_bytes, read_text

CACHE = "/etc/ld.so.cache"
_LIMIT = 64  # folders of one search path looked at


def search_path():
    """The folders of LD_LIBRARY_PATH in order, an empty entry being the working directory."""
    value = os.environ.get("LD_LIBRARY_PATH", "")
    if not value or not IS_LINUX:
        return []
    folders = []
    for folder in value.replace(";", ":").split(":")[:_LIMIT]:
        folder = folder or "."
        if folder not in folders:
            folders.append(folder)
    return folders


def default_folders(root=""):
    """What is searched last, without the cache."""
    machine = os.uname().machine if hasattr(os, "uname") else ""
    folders = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]
    for multiarch in (getattr(sys.implementation, "_multiarch", ""), machine + "-linux-gnu"):
        if multiarch:
            folders += ["/lib/" + multiarch, "/usr/lib/" + multiarch]
    musl = read_text(root + "/etc/ld-musl-%s.path" % machine, 4096)
    if musl is not None:
        folders = musl.replace("\n", ":").split(":")
    elif os.path.exists(root + "/lib/ld-musl-%s.so.1" % machine):
        folders = ["/lib", "/usr/local/lib", "/usr/lib"]
    return list(dict.fromkeys(root + folder for folder in folders if folder))


def read_cache(path=CACHE):
    """The loader's cache as bytes, empty if there is none; for ``cached``."""
    return read_bytes(path, 16 << 20) or b""


def cached(data, prefix):
    """Paths in the cache whose file name starts with ``prefix``, in the cache's order.

    The paths are zero-terminated strings at the end of the file, so a search does: decoding the
    thousand entries before them would cost more than the rest of the probe.
    """
    wanted = b"/" + prefix.encode("ascii")
    found = []
    at = data.find(wanted)
    while at >= 0 and len(found) < 256:
        start = data.rfind(b"\0", 0, at) + 1
        end = data.find(b"\0", at)
        if end < 0:
            break
        entry = data[start:end]
        if entry.startswith(b"/") and b"/" not in data[at + 1 : end] and len(entry) < 4096:
            path = entry.decode("utf-8", "surrogateescape")
            if path not in found:
                found.append(path)
        at = data.find(wanted, end)
    return found


def expand(folder, origin):
    """A folder of RPATH or RUNPATH with its tokens replaced; ``origin`` is the object's folder."""
    if "$" in folder:
        for name, value in (("ORIGIN", origin), ("LIB", "lib64" if sys.maxsize > 2**32 else "lib")):
            folder = folder.replace("${%s}" % name, value).replace("$" + name, value)
    return folder or "."


def resolve(soname, needer, header, cache):
    """Which file the loader takes for ``soname``, needed by the object at path ``needer``.

    Returns (path, why), or (None, what was searched). ``header`` is the needer's Elf. An object of
    another architecture is passed over, as the loader does.
    """
    origin = os.path.dirname(needer)
    name = os.path.basename(needer)
    own = [(expand(folder, origin), "RPATH of " + name) for folder in header.rpath]
    if header.runpath:
        own = []
    steps = own + [(folder, "LD_LIBRARY_PATH") for folder in search_path()]
    steps += [(expand(folder, origin), "RUNPATH of " + name) for folder in header.runpath]
    for folder, why in steps[: 4 * _LIMIT]:
        path = os.path.join(folder, soname)
        if fits(path, header):
            return path, why
    for path in cached(cache, soname):
        if os.path.basename(path) == soname and fits(path, header):
            return path, CACHE
    for folder in default_folders():
        path = os.path.join(folder, soname)
        if fits(path, header):
            return path, "default folder"
    return None, "RPATH or RUNPATH, LD_LIBRARY_PATH, the loader's cache and the default folders"


def fits(path, header):
    """Whether there is a file that the loader would open for an object like ``header``.

    A file that is no ELF at all fits: the loader stops there with an error.
    """
    if not os.path.exists(path):
        return False
    other = elf.read(path)
    return other is None or (other.bits, other.machine) == (header.bits, header.machine)


def candidates(soname, cache=None, extra=()):
    """Files called ``soname`` on the paths that a dlopen without RPATH searches, and in ``extra``.

    Returns (path, where) pairs; cheap enough to ask before starting a child that loads it.
    """
    found = [(os.path.join(folder, soname), "LD_LIBRARY_PATH") for folder in search_path()]
    data = read_cache() if cache is None else cache
    found += [(path, CACHE) for path in cached(data, soname) if os.path.basename(path) == soname]
    found += [(os.path.join(folder, soname), "default folder") for folder in default_folders()]
    found += [(os.path.join(folder, soname), "not searched") for folder in extra]
    seen = {}
    for path, where in found:
        if path not in seen and os.path.exists(path):
            seen[path] = where
    return list(seen.items())
