"""Import names that the working directory or PYTHONPATH take away from installed distributions."""

import os

from .metadata import clean

_LIMIT = 20000  # names looked at in one directory
#: names of people's own folders, which nobody means to import from a distribution
_GENERIC = frozenset(
    (
        "test",
        "tests",
        "doc",
        "docs",
        "example",
        "examples",
        "setup",
        "scripts",
        "tools",
        "benchmark",
        "benchmarks",
        "build",
        "dist",
        "conftest",
    )
)
_EXTENSIONS = (".so", ".pyd")


def names_in(folder):
    """{import name: path} of a directory, without looking into packages; raises OSError."""
    found = {}
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count > _LIMIT:
                break
            name = import_name(entry.name)
            if name:
                found[name] = entry.path
    return found


def import_name(filename):
    """``torch`` of ``torch``, ``torch.py``, ``torch.cpython-311-….so``; else empty."""
    stem, dot, suffix = filename.partition(".")
    if not stem.isidentifier() or stem == "__pycache__":
        return ""
    if not dot or suffix == "py" or filename.endswith(_EXTENSIONS):
        return stem
    return ""


def is_namespace(path):
    """A directory that can only be imported as a namespace."""
    return not os.path.isfile(path + os.sep + "__init__.py") and os.path.isdir(path)


def hidden(path, installed, wanted):
    """What entries before site-packages take away.

    ``path``: records of entry, origin, exists. ``installed``: {import name: its path}.
    ``wanted()`` gives the import names that something needs and that no distribution brings: what
    is found of such a name belongs to nobody, and a mere directory is an empty namespace.
    """
    found, seen = [], set()
    homes = {os.path.dirname(place) for place in installed.values()}
    for record in path:
        folder, origin = record["entry"], record["origin"]
        if origin not in ("cwd", "PYTHONPATH") or not record["exists"] or folder in homes:
            continue
        try:
            present = names_in(folder)
        except OSError:
            continue
        for name, place in present.items():
            if name in seen or name in _GENERIC:
                continue
            entry = _judge(name, place, installed.get(name), wanted)
            if entry:
                seen.add(name)
                entry["origin"] = origin
                entry["checkout"] = _is_checkout(folder)
                found.append(entry)
    return found


def _judge(name, place, hides, wanted):
    if hides is None:
        if name not in wanted():
            return None
        kind = "namespace" if is_namespace(place) else _kind(place)
    elif is_namespace(place) or _same(place, hides):
        return None  # a regular package further on wins over a directory without code
    else:
        kind = _kind(place)
    return {
        "module": name,
        "file": clean(place),
        "kind": kind,
        "hides": clean(hides) if hides else None,
        "version": _version(place) if kind == "package" else None,
    }


def _kind(place):
    return "package" if os.path.isdir(place) else "module"


def _same(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _version(folder):
    from .record_all import literal_version

    for name in ("version.py", "_version.py", "__init__.py"):
        found = literal_version(os.path.join(folder, name))
        if found:
            return found
    return None


def _is_checkout(folder):
    names = ("pyproject.toml", "setup.py", "setup.cfg")
    return any(os.path.isfile(os.path.join(folder, name)) for name in names)
