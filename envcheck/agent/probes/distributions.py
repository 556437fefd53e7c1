"""Installed distributions: what is there, what it declares, and whether its files are.

Listing is by hand (``importlib.metadata`` costs fifteen times as much). By default every
distribution's ``__init__.py`` files and every shared object of a compiled one are looked at; with
``--deep`` every file of every RECORD.
"""

import os
import sys
import time

from .. import metadata, origins, pth
from ..installed import Scan
from ..protocol import Field, command
from ..searchpath import environment

_BALLOT = (
    Field("path", "string", "The dist-info directory"),
    Field("version", "string", "Version that it states"),
    Field("files", "integer", "Files in its RECORD"),
    Field("matching", "integer", "Of these, files on disk with the recorded size"),
    Field("own", "boolean", "Whether its RECORD speaks of its own directory"),
)
FIELDS = (
    Field(
        "installed",
        "records",
        "Every installed distribution, in the order of the module search path",
        item=(
            Field("name", "string", "Name, as METADATA writes it"),
            Field("version", "string", "Version"),
            Field("path", "string", "Its dist-info or egg-info"),
            Field("location", "string", "Directory that it is installed in"),
            Field("origin", "string", "`site`, `user-site`, `PYTHONPATH` or `pth`"),
            Field("format", "string", "`dist-info`, `egg-info`, `egg-link` or `archive`"),
            Field("installer", "string", "Who installed it: INSTALLER"),
            Field(
                "direct_url", "string", "Where it came from, if not from an index; no credentials"
            ),
            Field("editable", "boolean", "Installed in development mode"),
            Field("requires", "strings", "Requires-Dist, as written"),
            Field("requires_python", "string", "Requires-Python, as written"),
            Field("tags", "strings", "Wheel tags, from WHEEL"),
            Field("pure", "boolean", "Root-Is-Purelib, from WHEEL"),
            Field("record", "boolean", "Whether it has a RECORD"),
            Field("imports", "strings", "Some of its import names"),
            Field("checked", "integer", "Files of RECORD that were looked at"),
            Field("missing", "strings", "Files of RECORD that are not there (the first 20)"),
            Field("missing_count", "integer", "How many are not there"),
            Field(
                "damaged",
                "records",
                "Files that are not what RECORD says (the first 20)",
                item=(
                    Field("file", "string", "Path, relative to `location`"),
                    Field(
                        "what",
                        "string",
                        "`empty truncated git-lfs-pointer changed not-a-file` or an error",
                    ),
                ),
            ),
            Field("damaged_count", "integer", "How many there are"),
            Field("shadowed", "boolean", "Another one of this name comes first on the path"),
            Field("problems", "strings", "What is wrong with its metadata"),
        ),
    ),
    Field(
        "installers", "map", "Installer -> number of distributions; `unknown` if none is recorded"
    ),
    Field("conda", "strings", "Conda packages of the prefix, `name=version=build`"),
    Field(
        "leftovers",
        "records",
        "What pip renamed (`~orch`) and did not remove: an interrupted installation",
        item=(
            Field("path", "string", "Directory or file"),
            Field("name", "string", "Its distribution, where METADATA is in it"),
            Field("version", "string", "Its version"),
        ),
    ),
    Field(
        "duplicates",
        "records",
        "Distributions with several dist-infos in one directory",
        item=(
            Field("name", "string", "The distribution"),
            Field("says", "string", "Version that its source files state"),
            Field("ballots", "records", "Each dist-info", item=_BALLOT),
        ),
    ),
    Field(
        "clobbered",
        "records",
        "Files that two distributions claim with different contents",
        item=(
            Field("file", "string", "Path, relative to `location`"),
            Field("location", "string", "Directory that they are installed in"),
            Field("owners", "strings", "The distributions"),
            Field("winner", "string", "Whose content is on disk"),
        ),
    ),
    Field(
        "hidden",
        "records",
        "Import names that PYTHONPATH or the working directory take from distributions",
        item=(
            Field("module", "string", "Import name"),
            Field("file", "string", "What is imported"),
            Field(
                "kind", "string", "`module`, `package` or `namespace` (a directory with no code)"
            ),
            Field("hides", "string", "What would be imported otherwise"),
            Field("distribution", "string", "Distribution that owns what is hidden"),
            Field("version", "string", "Version that the importing sources state"),
            Field("origin", "string", "`cwd` or `PYTHONPATH`"),
            Field("checkout", "boolean", "The directory is a project's source"),
        ),
    ),
    Field(
        "pth",
        "records",
        "`.pth` files of the site directories",
        item=(
            Field("file", "string", "Path"),
            Field("lines", "integer", "Lines that run code at every start"),
            Field("code", "string", "The first of them"),
            Field("seconds", "number", "CPU time of its code; only with --deep or --versions", "s"),
            Field("problem", "string", "Why it cannot be read or run"),
        ),
    ),
    Field("unreadable", "strings", "Directories of the search path that cannot be listed, and why"),
    Field(
        "orphans", "strings", "Import names in site-packages that no RECORD has; only with --deep"
    ),
    Field(
        "torch_numpy",
        "string",
        "Generation of NumPy, `1` or `2`, for which torch was compiled; only where they may differ",
    ),
    Field("files.checked", "integer", "Files that were compared with their RECORD"),
    Field("files.extent", "string", "Which: `sample` (`__init__.py`, shared objects) or `all`"),
    Field("files.left_out", "strings", "Distributions for which the time was not enough"),
)
_SITE = ("site", "user-site", "pth", "PYTHONPATH")
_EXTRA = ("metadata_open", "metadata_size", "named", "versioned")  # of a record, not for the sheet


def collect(facts, request):
    where = environment(request)
    scan = Scan()
    for entry in where.path:
        if entry["exists"] and entry["origin"] in _SITE:
            scan.directory(entry["entry"], entry["origin"])
    scan.read()
    _several(facts, scan)
    if request.deep:
        _deep(facts, scan, request)
    else:
        facts.absent("orphans", "looked for with --deep only")
        facts.known("files.checked", sum(r.get("checked") or 0 for r in scan.records), "RECORD")
        facts.known("files.extent", "sample", "")
        facts.absent("files.left_out")
    _torch_numpy(facts, scan.records)
    _hidden(facts, scan, where)
    if request.deep or request.versions:
        pth.cost(scan.pth, 5.0, command)
    source = ", ".join(entry["entry"] for entry in where.path if entry["origin"] == "site")
    for item in scan.records:
        for key in _EXTRA:
            item.pop(key, None)
    facts.known("installed", scan.records, source)
    facts.known("installers", _installers(scan.records), "INSTALLER")
    facts.known("leftovers", scan.leftovers, source)
    facts.known("pth", scan.pth, source)
    facts.known("unreadable", scan.unreadable, "scandir")
    _conda(facts, where.prefix)


def _several(facts, scan):
    """Several dist-infos of one distribution in one place, and files with two owners."""
    found, shared = [], []
    for items in scan.together.values():
        if len(items) > 1:
            from ..record_all import ballot, says

            ballots = [ballot(item) for item in items]
            stated = next((text for text in map(says, items) if text), None)
            found.append({"name": items[0]["name"], "says": stated, "ballots": ballots})
    if scan.contested:
        from ..record_all import clobbered

        shared = clobbered(scan.claims)
    facts.known("duplicates", found, "RECORD")
    facts.known("clobbered", shared, "RECORD")


def _deep(facts, scan, request):
    from ..record_all import all_claims, clobbered, everything, orphans

    end = time.monotonic() + request.timeout / 3
    checked, left_out = everything(scan.records, end, time.monotonic)
    facts.known("files.checked", checked, "RECORD")
    facts.known("files.extent", "all", "")
    facts.known("files.left_out", left_out)
    facts.known("clobbered", clobbered(all_claims(scan.records)), "RECORD")
    facts.known("orphans", orphans(scan.records, scan.names), "RECORD")


def _torch_numpy(facts, records):
    """Only for a torch from before NumPy 2 beside NumPy 2: the file is tens of megabytes."""
    used = {}
    for item in records:
        used.setdefault((item["name"] or "").lower(), item)
    torch, numpy = used.get("torch"), used.get("numpy")
    if not torch or not numpy or _release(numpy) < (2,) or _release(torch) >= (2, 4):
        facts.absent("torch_numpy", "torch and NumPy are of one time, or not both installed")
        return
    from ..record_all import numpy_generation

    name = {"darwin": "libtorch_python.dylib", "win32": "torch_python.dll"}.get(
        sys.platform, "libtorch_python.so"
    )
    path = os.path.join(torch["location"], "torch", "lib", name)
    generation, reason = numpy_generation(path)
    if generation:
        facts.known("torch_numpy", generation, path)
    else:
        facts.unknown("torch_numpy", reason, path)


def _release(item):
    numbers = (item["version"] or "").partition("+")[0].split(".")[:2]
    return tuple(int(number) for number in numbers if number.isdigit() and len(number) < 9)


def _hidden(facts, scan, where):
    installed = {}
    for names in scan.names.values():
        for name, path in names.items():
            installed.setdefault(name, path)
    wanted = []

    def names():  # asked for each directory that might be a namespace, put together once
        if not wanted:
            wanted.append(_wanted(scan.records, installed))
        return wanted[0]

    found = origins.hidden(where.path, installed, names)
    for entry in found:
        entry["distribution"] = _owner(scan.records, entry) if entry["hides"] else None
    facts.known("hidden", found, "module search path")


def _wanted(records, installed):
    """Import names that requirements name (by distribution) and that are not installed."""
    names = {"torch"}
    for item in records:
        for text in item["requires"]:
            rest = text.lstrip(_NAME)
            names.add(text[: len(text) - len(rest)].replace("-", "_"))
    there = {(item["name"] or "").replace("-", "_") for item in records}
    return names - set(installed) - there


_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"


def _owner(records, entry):
    location = os.path.dirname(entry["hides"])
    for item in records:
        if item["location"] == location and entry["module"] in (item.get("imports") or ()):
            return item["name"]
    needle = b"\n" + entry["module"].encode("utf-8") + b"/"
    for item in records:
        if item["location"] == location and item.get("record"):
            data, _ = metadata.read(os.path.join(item["path"], "RECORD"), 32 << 20)
            if data and needle in b"\n" + data:
                return item["name"]
    return None


def _installers(records):
    counts = {}
    for item in records:
        name = item.get("installer") or "unknown"
        counts[name] = counts.get(name, 0) + 1
    return counts


def _conda(facts, prefix):
    folder = os.path.join(prefix, "conda-meta")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        facts.absent("conda", folder)
        return
    found = []
    for name in names:
        if name.endswith(".json"):
            parts = name[:-5].rsplit("-", 2)
            if len(parts) == 3:
                found.append(metadata.clean("=".join(parts)))
    facts.known("conda", found, folder)
