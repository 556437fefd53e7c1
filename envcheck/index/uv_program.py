"""A uv program for a system, from the index: the one that cells install with.

The wheel for musl holds a static program, which runs on every Linux. It is verified by the index's
hash, unpacked once, and kept by its version.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
import time
import uuid
import zipfile
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envcheck.errors import IndexTrouble
from envcheck.index.meter import Meter
from envcheck.index.wheels import hash_of
from envcheck.model.matrix import Index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.index.gateway import Gateway
    from envcheck.index.pages import File

#: What envcheck knows to work with: `pylock.toml`, hashes, `--index-strategy`, plain messages.
WANTED = SpecifierSet(">=0.9,<1")
_HOLDS = 7 * 86_400.0  # seconds for which one that is here is good enough without asking
_LIMIT = 512 << 20  # bytes of the program
_SYSTEMS = {
    "linux": "musllinux_",
    "darwin": "macosx_",
    "windows": "win",
}
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}
_lock = threading.Lock()


def this_system() -> str:
    """``linux``, ``darwin`` or ``windows``: as the agent's fact host.os."""
    return {"win32": "windows", "darwin": "darwin"}.get(sys.platform, "linux")


def uv_program(system: str, architecture: str, *, cache: str, gateway: Gateway) -> str:
    """Path here of a uv for ``system`` (``linux``, ``darwin``, ``windows``) and ``architecture``
    (``x86_64``, ``aarch64``, as machines name themselves). Empty words mean this machine.

    Raises IndexTrouble if there is none here and none can be got.
    """
    system = (system or this_system()).lower()
    machine = (architecture or platform.machine()).lower()
    machine = _ARCHITECTURES.get(machine, machine)
    folder = os.path.join(cache, "programs")
    with _lock:
        here = _kept(folder, system, machine)
        if here and 0 <= time.time() - os.stat(here).st_mtime < _HOLDS:
            return here
        try:
            return _got(folder, system, machine, gateway)
        except IndexTrouble:
            if here:
                return here
            raise


def version_of(program: str) -> str:
    """The version that the path of a program of ``uv_program`` tells."""
    return os.path.basename(os.path.dirname(program)).split("-")[1]


def _kept(folder: str, system: str, machine: str) -> str:
    """The newest program that is here and still what it was; empty if there is none."""
    found = []
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    for name in names:
        words = name.split("-")
        if len(words) == 5 and words[0] == "uv" and words[2:4] == [system, machine]:
            found.append((Version(words[1]), words[4], name))
    for version, digest, name in sorted(found, reverse=True):
        path = os.path.join(folder, name, _file_name(system))
        if version in WANTED and _digest(path) == digest:
            return path
    return ""


def _got(folder: str, system: str, machine: str, gateway: Gateway) -> str:
    """The newest one that the index has, which is downloaded."""
    for release in reversed(gateway.releases(Index(), "uv")):
        version = release.version
        if release.yanked is not None or version.is_prerelease or version not in WANTED:
            continue
        wheel = next(_suitable(release.files, system, machine), None)
        if wheel is None:
            continue
        path = gateway.fetch(wheel, Meter(_LIMIT))
        return _unpacked(path, wheel, folder, f"uv-{version}-{system}-{machine}")
    raise IndexTrouble("absent", f"the index has no uv ({WANTED}) for {system} on {machine}")


def _suitable(files: tuple[File, ...], system: str, machine: str) -> Iterator[File]:
    """Its wheels for a system: of those for musl the one for the oldest musl."""
    for file in sorted(files, key=lambda file: file.filename):
        if not file.is_wheel:
            continue
        platforms = file.filename.removesuffix(".whl").rpartition("-")[2].split(".")
        if any(_runs(platform_tag, system, machine) for platform_tag in platforms):
            yield file


def _runs(tag: str, system: str, machine: str) -> bool:
    if not tag.startswith(_SYSTEMS.get(system, "?")):
        return False
    if system == "darwin" and tag.endswith("_universal2"):
        return True
    names = {"aarch64": ("aarch64", "arm64"), "x86_64": ("x86_64", "amd64")}.get(
        machine, (machine,)
    )
    return tag.endswith(names)


def _unpacked(wheel: str, file: File, folder: str, name: str) -> str:
    """The program out of its wheel, in a directory called after its version and its hash."""
    program = _file_name("windows" if "-win" in file.filename else "")
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [i for i in archive.infolist() if i.filename.endswith(f"/scripts/{program}")]
            if len(members) != 1 or members[0].file_size > _LIMIT:
                raise IndexTrouble("trouble", f"{file.filename} does not hold a uv program")
            content = archive.read(members[0])
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise IndexTrouble("trouble", f"{file.filename} cannot be unpacked: {error}") from error
    digest = hashlib.sha256(content).hexdigest()[:16]
    target = os.path.join(folder, f"{name}-{digest}")
    path = os.path.join(target, program)
    temporary = os.path.join(target, f".{uuid.uuid4().hex}")
    try:
        os.makedirs(target, mode=0o755, exist_ok=True)
        with open(temporary, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o755)  # noqa: S103 - users of containers run it
        os.replace(temporary, path)
    except OSError as error:
        raise IndexTrouble("disk", f"{target}: {error.strerror or error}") from error
    return path


def _file_name(system: str) -> str:
    return "uv.exe" if system == "windows" else "uv"


def _digest(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as stream:
            return hash_of(stream)[:16]
    except OSError:
        return ""
