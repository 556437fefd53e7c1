"""Every line of every RECORD: votes between two dist-infos, files with two owners, orphans, hashes.

Votes are taken when two dist-infos of one distribution meet; the rest is asked for by ``--deep``.
"""

import os

from .metadata import clean, read
from .record import compare, rows

_LIMIT = 64 << 20
_LISTED = 20
_HASHED_BYTES = 512 << 20  # of all distributions together
_MODIFIED_AFTER = 5.0  # seconds by which a file is younger than its RECORD to be hashed


def read_rows(record):
    """The rows of a distribution's RECORD without bytecode; empty if it cannot be read."""
    data, _ = read(record["path"] + os.sep + "RECORD", _LIMIT)
    return [row for row in rows(data or b"") if not row.path.endswith(b".pyc")]


def ballot(record):
    """How many of its files are on disk as this dist-info's RECORD has them."""
    location = os.fsencode(record["location"]) + os.sep.encode()
    own = os.fsencode(os.path.basename(record["path"])) + b"/"
    total = matching = 0
    for row in read_rows(record):
        if row.path.startswith(own) or row.size is None:
            continue
        total += 1
        try:
            matching += os.stat(location + row.path).st_size == row.size
        except (OSError, ValueError):
            continue
    foreign = any(problem.startswith("record-of-another") for problem in record["problems"])
    return {
        "path": record["path"],
        "version": record["version"],
        "files": total,
        "matching": matching,
        "own": None if not record.get("record") else not foreign,
    }


def says(record):
    """The version that the sources of a distribution state, as a literal; None if they do not."""
    for top in record.get("imports") or ():
        for name in ("version.py", "_version.py", "__init__.py"):
            path = os.path.join(record["location"], top, name)
            found = literal_version(path)
            if found:
                return found
    return None


def literal_version(path):
    """The text in ``__version__ = "…"`` of a Python file; None if there is no such line."""
    data, _ = read(path, 1 << 16)
    if not data or b"version" not in data:
        return None
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        left, equals, right = line.partition("=")
        left = left.partition(":")[0].strip()
        if not equals or left not in ("__version__", "version", "VERSION"):
            continue
        right = right.strip()
        if right[:1] in ("'", '"'):
            text = right[1:].partition(right[0])[0]
            if text[:1].isdigit():
                return text[:100]
    return None


def everything(records, deadline, clock):
    """Stat every file of every RECORD; hash those that are younger than it.

    ``deadline`` in the time of ``clock``. Returns (files looked at, names not reached).
    """
    budget = [_HASHED_BYTES]
    looked_at, left_out = 0, []
    for record in records:
        if not record.get("record"):
            continue
        if clock() > deadline:
            left_out.append(record["name"])
            continue
        found = read_rows(record)
        location = os.fsencode(record["location"]) + os.sep.encode()
        sizes = record.get("installer") != "conda"
        for key in ("missing", "missing_count", "damaged", "damaged_count"):
            record.pop(key, None)
        compare(record, found, location, sizes)
        if sizes:
            _younger(record, found, location, budget)
        record["checked"] = len(found)
        looked_at += len(found)
    return looked_at, left_out


def _younger(record, found, location, budget):
    try:
        installed = os.stat(record["path"] + os.sep + "RECORD").st_mtime
    except OSError:
        return
    damaged = record.setdefault("damaged", [])
    for row in found:
        if row.size is None or not row.hash.startswith(b"sha256=") or row.size > budget[0]:
            continue
        try:
            status = os.stat(location + row.path)
        except (OSError, ValueError):
            continue
        if status.st_mtime <= installed + _MODIFIED_AFTER or status.st_size != row.size:
            continue
        budget[0] -= row.size
        if sha256(location + row.path) not in (None, row.hash):
            record["damaged_count"] = record.get("damaged_count", 0) + 1
            if len(damaged) < _LISTED:
                name = clean(row.path.decode("utf-8", "surrogateescape"))
                damaged.append({"file": name, "what": "changed"})
    if not damaged:
        del record["damaged"]


def sha256(path):
    """As RECORD writes it (``sha256=`` and unpadded base64); None if it cannot be read."""
    import base64
    import hashlib

    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return None
    return b"sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")


def clobbered(claims):
    """Files that two distributions claim with different contents.

    ``claims``: (record, [(path, hash)]). Returns records of file, location, owners, and whose
    content is on disk (``winner``; None if nobody's).
    """
    first, found = {}, {}
    for record, files in claims:
        for path, digest in files:
            key = (record["location"], path)
            other = first.setdefault(key, (record, digest))
            if other[0]["path"] == record["path"] or not digest or other[1] == digest:
                continue
            if other[0]["name"] != record["name"] and other[1]:
                found.setdefault(key, [other]).append((record, digest))
    return [_clobber(location, path, owners) for (location, path), owners in found.items()]


def _clobber(location, path, owners):
    there = sha256(os.fsencode(location) + os.sep.encode() + path)
    winner = next((record["name"] for record, digest in owners if digest == there), None)
    return {
        "file": clean(path.decode("utf-8", "surrogateescape")),
        "location": location,
        "owners": [record["name"] for record, _ in owners],
        "winner": winner,
    }


def all_claims(records):
    """(record, [(path, hash)]) of all files but scripts and bytecode, for ``clobbered``."""
    return [
        (
            record,
            [(row.path, row.hash) for row in read_rows(record) if not row.path.startswith(b"..")],
        )
        for record in records
        if record.get("record")
    ]


def orphans(records, names):
    """Import names in site-packages that no RECORD has. ``names``: {location: {name: path}}.

    A location in which some distribution has no RECORD (an operating system's) says nothing.
    """
    owned = {}
    for record in records:
        tops = owned.setdefault(record["location"], set())
        if not record.get("record"):
            tops.add(None)
            continue
        for row in read_rows(record):
            tops.add(
                row.path.partition(b"/")[0].partition(b".")[0].decode("utf-8", "backslashreplace")
            )
    found = []
    for location, present in names.items():
        tops = owned.get(clean(location), {None})
        if None not in tops:
            found += [clean(path) for name, path in sorted(present.items()) if name not in tops]
    return found


def numpy_generation(path):
    """(``1`` or ``2``, "") for which a compiled module was made, or (None, why not).

    One made for NumPy 2 looks for ``numpy._core`` first; one for NumPy 1 knows ``numpy.core`` only.
    """
    new, old = b"numpy._core._multiarray_umath", b"numpy.core._multiarray_umath"
    found_old, tail = False, b""
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(4 << 20), b""):
                block = tail + block
                if new in block:
                    return "2", ""
                found_old = found_old or old in block
                tail = block[-64:]
    except OSError as error:
        return None, "%s: %s" % (path, error.strerror or error)
    return ("1", "") if found_old else (None, "it does not name NumPy's module")
