"""Small wheels and source distributions, as bytes: for an index, a directory, an installer.

Every build gives the same bytes. A source distribution carries its own build backend
(``backend-path``), so that building needs neither network nor setuptools and takes no time; like
setuptools it runs ``setup.py`` first, in its own process, both for metadata and for the wheel.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

UPLOADED = "2026-01-02T03:04:05.678901Z"


class File(NamedTuple):
    """A distribution file and what an index says of it. ``metadata``: its METADATA or PKG-INFO."""

    name: str
    data: bytes
    metadata: bytes
    requires_python: str = ""
    uploaded: str = UPLOADED
    yanked: str | None = None  # the reason; None: it is not

    @property
    def project(self) -> str:
        """The normalised name."""
        return self.name.partition("-")[0].replace("_", "-").lower()

    @property
    def version(self) -> str:
        """As in the file's name."""
        return self.name.removesuffix(".tar.gz").removesuffix(".whl").split("-")[1]

    @property
    def sha256(self) -> str:
        """Of the data, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def write(self, folder: Path) -> Path:
        """Put it into ``folder``; returns its path."""
        path = folder / self.name
        path.write_bytes(self.data)
        return path


class Member(NamedTuple):
    """A further entry of a zip, its name taken as it is: ``../x``, ``/etc/x``, a symbolic link."""

    name: str
    data: bytes = b""
    mode: int = stat.S_IFREG | 0o644
    compressed: bool = False


def link(name: str, target: str) -> Member:
    """A symbolic link as a zip stores it."""
    return Member(name, target.encode(), stat.S_IFLNK | 0o777)


def metadata(
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    requires_python: str = "",
    extras: Sequence[str] = (),
    more: str = "",
    standard: str = "2.1",
) -> str:
    """Core metadata. From ``standard`` 2.2 on, that of an sdist may be believed unbuilt."""
    lines = [f"Metadata-Version: {standard}", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join(lines) + "\n" + more


def wheel(
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str | bytes] | None = None,
    tag: str = "py3-none-any",
    requires: Sequence[str] = (),
    requires_python: str = "",
    extras: Sequence[str] = (),
    more: str = "",
    members: Sequence[Member] = (),
    record: bytes | None = None,
    compressed: bool = False,
    uploaded: str = UPLOADED,
    yanked: str | None = None,
) -> File:
    """A wheel. ``files``: path to contents; default: a module of its name, with ``__version__``.

    ``more``: appended to METADATA. ``members``: entries that RECORD does not name. ``record``:
    instead of the right RECORD.
    """
    module = name.replace("-", "_")
    if files is None:
        files = {f"{module}.py": f"__version__ = {version!r}\n"}
    info = f"{module}-{version}.dist-info"
    text = metadata(
        name, version, requires=requires, requires_python=requires_python, extras=extras, more=more
    )
    pure = "true" if tag.endswith("-any") else "false"
    tags = "".join(f"Tag: {each}\n" for each in _each_tag(tag))
    inside: dict[str, bytes] = {path: _bytes(data) for path, data in files.items()}
    inside[f"{info}/METADATA"] = text.encode()
    inside[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\n{tags}".encode()
    )
    lines = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in inside.items()]
    right = "\n".join([*lines, f"{info}/RECORD,,"]).encode() + b"\n"
    inside[f"{info}/RECORD"] = right if record is None else record
    entries = [Member(path, data, compressed=compressed) for path, data in inside.items()]
    data = _zip([*entries, *members])
    filename = f"{module}-{version}-{tag}.whl"
    return File(filename, data, text.encode(), requires_python, uploaded, yanked)


def sdist(
    name: str,
    version: str = "1.0",
    *,
    setup: str = "",
    beside: Mapping[str, str | bytes] | None = None,
    files: Mapping[str, str | bytes] | None = None,
    extension: str = "",
    requires: Sequence[str] = (),
    requires_python: str = "",
    build_requires: Sequence[str] = (),
    standard: str = "2.1",
    uploaded: str = UPLOADED,
    yanked: str | None = None,
) -> File:
    """A source distribution that builds to a wheel with ``files`` (default: as of ``wheel``).

    ``setup``: the text of its ``setup.py``, run as ``__main__`` in the build's process with the
    unpacked source as working directory; ``beside``: files that lie there, too. ``extension``: C
    source of a module called ``_NAME``, compiled by the interpreter's own compiler.
    ``standard``: of PKG-INFO, see ``metadata``.
    """
    module = name.replace("-", "_")
    if files is None:
        files = {f"{module}.py": f"__version__ = {version!r}\n"}
    text = metadata(
        name, version, requires=requires, requires_python=requires_python, standard=standard
    )
    listed = ", ".join(f'"{requirement}"' for requirement in build_requires)
    root = f"{module}-{version}"
    project = f'[build-system]\nrequires = [{listed}]\nbuild-backend = "inplace"\n'
    inside = {
        "PKG-INFO": text,
        "pyproject.toml": project + 'backend-path = ["backend"]\n',
        "setup.py": setup,
        "backend/inplace.py": BACKEND,
        **{f"src/{path}": data for path, data in files.items()},
        **(beside or {}),
    }
    if extension:
        inside[f"_{module}.c"] = extension
    data = _tar({f"{root}/{path}": _bytes(data) for path, data in inside.items()})
    return File(f"{root}.tar.gz", data, text.encode(), requires_python, uploaded, yanked)


def c_extension(name: str, *, includes: str = "", value: int = 42) -> str:
    """C source of ``_NAME`` with a constant ``value``; ``includes``: more ``#include`` lines."""
    module = "_" + name.replace("-", "_")
    return f"""#include <Python.h>
{includes}
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{module}", 0, -1, 0}};
PyMODINIT_FUNC PyInit_{module}(void) {{
    PyObject *made = PyModule_Create(&module);
    if (made) PyModule_AddIntConstant(made, "value", {value});
    return made;
}}
"""


#: The backend inside every sdist of ``sdist``: PEP 517, standard library only. What it prints when
#: there is no compiler or the compiler fails is what setuptools prints.
BACKEND = """\
import base64, hashlib, os, runpy, subprocess, sys, sysconfig, zipfile


def _metadata():
    with open("PKG-INFO", "rb") as file:
        return file.read()


def _field(name):
    for line in _metadata().decode().splitlines():
        if line.startswith(name + ": "):
            return line.partition(": ")[2]


def _stem():
    return _field("Name").replace("-", "_") + "-" + _field("Version")


def _run_setup():
    sys.path.insert(0, os.getcwd())
    try:
        runpy.run_path("setup.py", run_name="__main__")
    finally:
        sys.path.remove(os.getcwd())


def _extensions():
    made = {}
    for name in sorted(os.listdir(".")):
        if name.endswith(".c"):
            built = name[:-2] + sysconfig.get_config_var("EXT_SUFFIX")
            compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
            include = "-I" + sysconfig.get_paths()["include"]
            command = compiler + ["-shared", "-fPIC", "-O1", include, name, "-o", built]
            print("building %r extension" % name[:-2], flush=True)
            print(" ".join(command), flush=True)
            try:
                code = subprocess.call(command)
            except OSError as error:
                raise SystemExit("error: command %r failed: %s" % (command[0], error.strerror))
            if code:
                path = "/usr/bin/" + compiler[0]
                raise SystemExit("error: command %r failed with exit code %d" % (path, code))
            with open(built, "rb") as file:
                made[built] = file.read()
    return made


def _tag(compiled):
    if not compiled:
        return "py3-none-any"
    major = "cp%d%d" % sys.version_info[:2]
    abi = "cp" + sysconfig.get_config_var("SOABI").split("-")[1]
    return "-".join([major, abi, sysconfig.get_platform().replace("-", "_").replace(".", "_")])


def prepare_metadata_for_build_wheel(directory, config_settings=None):
    _run_setup()
    info = _stem() + ".dist-info"
    os.makedirs(os.path.join(directory, info), exist_ok=True)
    with open(os.path.join(directory, info, "METADATA"), "wb") as file:
        file.write(_metadata())
    return info


def build_wheel(directory, config_settings=None, metadata_directory=None):
    _run_setup()
    compiled = _extensions()
    inside = dict(compiled)
    for folder, _, names in os.walk("src"):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                inside[os.path.relpath(path, "src")] = file.read()
    info, tag = _stem() + ".dist-info", _tag(compiled)
    pure = "false" if compiled else "true"
    text = "Wheel-Version: 1.0\\nGenerator: inplace\\nRoot-Is-Purelib: %s\\nTag: %s\\n"
    inside[info + "/METADATA"] = _metadata()
    inside[info + "/WHEEL"] = (text % (pure, tag)).encode()
    record = ""
    for path, data in inside.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\\n" % (path, digest, len(data))
    inside[info + "/RECORD"] = (record + info + "/RECORD,,\\n").encode()
    name = "%s-%s.whl" % (_stem(), tag)
    with zipfile.ZipFile(os.path.join(directory, name), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in inside.items():
            archive.writestr(path, data)
    return name
"""


def _each_tag(tag: str) -> list[str]:
    python, abi, platform = tag.split("-")
    return [
        f"{one}-{two}-{three}"
        for one in python.split(".")
        for two in abi.split(".")
        for three in platform.split(".")
    ]


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zip(members: Sequence[Member]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name)
            entry.create_system = 3  # Unix: the mode is meant
            entry.external_attr = member.mode << 16
            method = zipfile.ZIP_DEFLATED if member.compressed else zipfile.ZIP_STORED
            archive.writestr(entry, member.data, method)
    return stream.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), 1, mtime=0)
