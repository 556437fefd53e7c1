"""Files before the standard library on the module search path that hide one of its modules."""

import os
import sys

#: already imported when the working directory is put on the path, so it cannot hide these
STARTED = frozenset(
    ("__main__", "_collections_abc", "_sitebuiltins", "abc", "codecs", "encodings", "genericpath")
    + ("io", "ntpath", "os", "posixpath", "site", "stat", "zipimport")
)
_LIMIT = 20000  # names looked at in one directory


def shadows(path, stdlib):
    """Records of module, file and origin for the entries of ``path`` that come first."""
    found = []
    names = None
    for record in path:
        origin, folder = record["origin"], record["entry"]
        if origin == "stdlib":
            break
        if not record["exists"] or folder == stdlib:
            continue
        if names is None:
            names = standard_modules(stdlib)
        found += [
            {"module": module, "file": file, "origin": origin}
            for module, file in _modules(folder, names)
            if not (origin == "cwd" and module in STARTED)
        ]
    return found


def standard_modules(stdlib):
    """Names of the standard library that a file can hide: neither built in nor frozen."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is None:  # Python 3.9 and older
        names = {name for name, _ in _modules(stdlib, None)} if stdlib else set()
    import _imp

    fixed = {name for name in names if name in sys.builtin_module_names or _imp.is_frozen(name)}
    return set(names) - fixed - {"test", "this", "antigravity"}


def _modules(folder, wanted):
    """(module, file) for each file or regular package in ``folder`` that can be imported under one
    of the names ``wanted``; None wants all.
    """
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count > _LIMIT:
                    return
                stem, dot, suffix = entry.name.partition(".")
                if stem not in wanted if wanted is not None else not stem.isidentifier():
                    continue
                if (
                    suffix == "py"
                    or suffix.rpartition(".")[2] in ("so", "pyd")
                    or (not dot and os.path.isfile(os.path.join(entry.path, "__init__.py")))
                ):
                    yield stem, entry.path
    except OSError:
        return
