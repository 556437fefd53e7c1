"""RECORD: the files that a distribution was installed with, against those that are there.

The quick look reads the beginning of every RECORD and all of those of distributions with compiled
code: their shared objects and some ``__init__.py`` of each distribution must exist with the size it
says. ``record_all`` looks at every file.
"""

import os
import stat
import sys

from .metadata import clean, read

_HEAD = 4096  # bytes of a pure distribution's RECORD that are looked at
_BEGINNING = 8192  # bytes of a RECORD in which ``__init__.py`` files are looked for
_LIMIT = 32 << 20
_WITNESSES = 4  # ``__init__.py`` files looked at for one distribution
_OWN = 32768  # bytes of it in which its own directory is looked for
_LOOKED_AT = 12  # lines among which they are looked for
_LISTED = 20  # files named in a fact; the rest is counted
_LIBRARY_SUFFIXES = (b".so", b".pyd", b".dll", b".dylib")
_SUFFIXES_HERE = {"win32": (b".pyd", b".dll"), "darwin": (b".so", b".dylib")}.get(
    sys.platform, (b".so",)
)
LFS = b"version https://git-lfs.github.com/spec/"


class Row:
    """One line: ``path`` as written, ``hash`` (``sha256=…`` or empty), ``size`` or None."""

    __slots__ = ("hash", "path", "size")

    def __init__(self, line):
        path, _, rest = line.rpartition(b",")
        path, _, digest = path.rpartition(b",")
        if path[:1] == b'"':
            path = path[1:-1].replace(b'""', b'"')
        self.path = path
        self.hash = digest
        self.size = int(rest) if rest.isdigit() and len(rest) < 19 else None


def rows(data):
    """All rows of a RECORD; lines that are none are left out."""
    found = []
    for line in data.split(b"\n"):
        row = Row(line.rstrip(b"\r"))
        if row.path and b"\0" not in row.path:
            found.append(row)
    return found


def _lines_with(data, needle):
    """Each line of ``data`` that contains ``needle``, once."""
    at = data.find(needle)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[data.rfind(b"\n", 0, at) + 1 : end].rstrip(b"\r")
        at = data.find(needle, end)


def quick(record):
    """Look at one distribution's RECORD; sets the fields of ``record`` that come from it.

    Returns its witnesses: (path, hash) of ``__init__.py`` files directly below site-packages.
    """
    base = record["path"]
    compiled = record.get("pure") is False
    data, size = read(base + os.sep + "RECORD", _LIMIT if compiled else _HEAD)
    if data is None:
        record["record"] = False
        if size != "missing":
            record["problems"].append("record-unreadable: %s" % size)
        return []
    record["record"] = True
    if data[:_HEAD].count(b",") < 2:
        record["problems"].append("record-malformed" if data.strip() else "record-empty")
        return []
    own = data[:_OWN]
    if record.get("metadata_open") or "metadata-truncated" in record["problems"]:
        own = read(base + os.sep + "RECORD", _LIMIT)[0] or b""
    _own_entry(record, own, base)
    if size > len(data):
        data = data[: data.rfind(b"\n") + 1]
    location = os.fsencode(record["location"]) + os.sep.encode()
    if record.get("editable"):
        _editable(record, data, location)
    witnesses, imports = _witnesses(data[:_BEGINNING])
    looked_at = list(witnesses)
    if compiled:
        looked_at += _libraries(data)
    record["imports"] = imports
    record["checked"] = len(looked_at)
    sizes = record.get("installer") != "conda"  # conda rewrites files after their RECORD
    compare(record, looked_at, location, sizes)
    return [(row.path, row.hash) for row in witnesses if row.path.count(b"/") == 1]


def _own_entry(record, data, base):
    """Whether RECORD speaks of its own directory, and METADATA is as long as it says."""
    folder = os.fsencode(os.path.basename(base))
    at = data.find(folder + b"/METADATA,")
    if at >= 0:
        end = data.find(b"\n", at)
        row = Row(data[at : end if end >= 0 else len(data)].rstrip(b"\r"))
        if row.size is not None and 0 < record["metadata_size"] < row.size:
            record["problems"].append(
                "metadata-shortened: %d of %d bytes" % (record["metadata_size"], row.size)
            )
        elif row.size == record["metadata_size"] and "metadata-truncated" in record["problems"]:
            record["problems"].remove("metadata-truncated")
    else:
        lines = _lines_with(data, b".dist-info/METADATA,")
        other = next((line for line in lines if line.count(b"/") == 1), None)  # others are vendored
        if other is not None:
            name = other.partition(b"/")[0].decode("utf-8", "backslashreplace")
            record["problems"].append("record-of-another: %s" % name[:200])


def _editable(record, data, location):
    """An editable install's .pth names the directory of its source."""
    from .metadata import source_missing

    for line in _lines_with(data, b".pth,"):
        lines = (read(location + Row(line).path, _HEAD)[0] or b"").splitlines()
        if lines and not record["problems"]:
            source_missing(record, lines[0].decode("utf-8", "surrogateescape").strip())


def _witnesses(data):
    """Some ``__init__.py`` rows, and the import names that the rows of ``data`` show."""
    found, names = [], []
    for count, line in enumerate(_lines_with(data, b"/__init__.py,")):
        top = line[: line.find(b"/")]
        if top not in names and top not in (b"..", b""):
            names.append(top)
            found.append(Row(line))
        if len(found) == _WITNESSES or count == _LOOKED_AT:
            break
    if not found:
        for line in _lines_with(data, b".py,"):
            row = Row(line)
            if b"/" not in row.path and row.path not in names:
                found.append(row)
                names.append(row.path[:-3])
            if len(found) == _WITNESSES:
                break
    return found, [name.decode("utf-8", "backslashreplace") for name in names]


def _libraries(data):
    """Rows of shared objects: ``x.so``, ``libx.so.12``, ``x.pyd`` …"""
    for suffix in _SUFFIXES_HERE:
        for line in _lines_with(data, suffix):
            row = Row(line)
            name = row.path.rpartition(b"/")[2]
            if name.endswith(suffix) or suffix + b"." in name:
                yield row


def compare(record, looked_at, location, sizes):
    """Stat each row: what is missing or has another size goes into ``record``."""
    missing, damaged = [], []
    for row in looked_at:
        path = location + row.path
        try:
            status = os.stat(path)
        except OSError as error:
            if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                if not (path.endswith(b".py") and os.path.exists(path + b"c")):  # shipped compiled
                    missing.append(row.path)
            elif not isinstance(error, PermissionError):
                damaged.append((row.path, error.strerror or str(error)))
            continue
        except ValueError:
            continue
        if sizes and row.size is not None and status.st_size != row.size:
            what = difference(path, status, row.size)
            if what:
                damaged.append((row.path, what))
    if missing:
        record["missing"] = [_text(path) for path in missing[:_LISTED]]
        record["missing_count"] = len(missing)
    if damaged:
        record["damaged"] = [
            {"file": _text(path), "what": what} for path, what in damaged[:_LISTED]
        ]
        record["damaged_count"] = len(damaged)


def _text(path):
    return clean(path.decode("utf-8", "surrogateescape"))


def difference(path, status, size):
    """What is wrong with a file of another size than ``size``, in words; it is read a little.

    ``empty``, ``git-lfs-pointer``, ``truncated``, or ``changed`` if it is whole in its own way (a
    stripped library, an edited source).
    """
    if not stat.S_ISREG(status.st_mode):
        return "not-a-file"
    if status.st_size == 0:
        return "empty"
    data, _ = read(path, 4096)
    if data is None:
        return ""
    if data.startswith(LFS):
        return "git-lfs-pointer"
    if data.startswith(b"\x7fELF"):
        from . import elf

        header = elf.read(path)
        if header is not None:
            return "truncated" if header.problem == "truncated" else "changed"
    if status.st_size < size and path.endswith(_LIBRARY_SUFFIXES):
        return "truncated"
    return "changed"
