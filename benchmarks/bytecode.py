"""How much bytecode becomes of source: makes ``envcheck/knowledge/bytecode.json``.

    python -m benchmarks.bytecode --interpreters DIRECTORY ENVIRONMENT...

Compiles the Python files of what is installed in the environments with each interpreter (a folder
of ``DIRECTORY`` for each version: ``3.11.7/bin/python``) that is not older than the environment's
own, in memory; nothing is executed or written. What is not Python of a version is left out.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from envcheck.index.pages import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

MINORS = ("3.9", "3.10", "3.11", "3.12", "3.13")
BASE = 160  # bytes of what becomes of an empty file; 150 to 170, by version and length of its path
LEAST = 20_000  # bytes of source: less of it is not worth a row
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "envcheck", "knowledge", "bytecode.json")
ABOUT = (
    "Bytes of bytecode for a byte of Python source, besides `base` bytes for each file, by minor"
    " version of CPython (`minors`, in this order), of single projects (`rows`) and of all others"
    " (`others`, and `tests` for what lies in modules and packages of tests). `null`: it was not"
    " compiled by that version."
)
SOURCE = (
    "compiled without executing anything, as `compileall` does, from what the closures of 33"
    " popular requirements install (benchmarks/bytecode.py)"
)

#: Runs under any interpreter: prints a line for each distribution of the environments.
SCRIPT = r"""
import csv, glob, json, marshal, os, re, sys, warnings
warnings.simplefilter("ignore")
tests = re.compile(r"(?:^|/)(?:tests?/|testing/|conftest\.py$|test_[^/]*$|[^/]*_test\.py$)")
seen = set()
for environment in sys.argv[1:]:
    for site in glob.glob(os.path.join(environment, "lib", "python*", "site-packages")):
        for info in sorted(glob.glob(os.path.join(site, "*.dist-info"))):
            name = os.path.basename(info)[:-10]
            if name in seen:
                continue
            seen.add(name)
            sums = {False: [0, 0], True: [0, 0]}
            files = failed = 0
            with open(os.path.join(info, "RECORD"), newline="") as record:
                rows = list(csv.reader(record))
            for path in [row[0] for row in rows if row]:
                whole = os.path.join(site, path)
                if not path.endswith(".py") or path.startswith("..") or not os.path.isfile(whole):
                    continue
                with open(whole, "rb") as file:
                    source = file.read()
                try:
                    code = compile(source, whole, "exec", dont_inherit=True, optimize=0)
                except Exception:
                    failed += 1
                    continue
                files += 1
                sum_ = sums[bool(tests.search(path))]
                sum_[0] += len(source)
                sum_[1] += 16 + len(marshal.dumps(code)) - BASE
            if files and failed * 20 <= files:
                print(json.dumps([name, sums[False], sums[True]]), flush=True)
"""


KINDS = ("others", "tests")  # of the parts of a `Compiled`


class Compiled(NamedTuple):
    """Bytes of source and of bytecode (less ``BASE`` for each file), of tests apart."""

    source: tuple[int, int]
    tests: tuple[int, int]

    @property
    def bytes(self) -> int:
        """Of source."""
        return self.source[0] + self.tests[0]

    @property
    def ratio(self) -> float:
        """Of all."""
        return (self.source[1] + self.tests[1]) / self.bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--interpreters", required=True)
    parser.add_argument("--date", required=True)
    parser.add_argument("--add", action="store_true", help="to the table as it is: rows only")
    parser.add_argument("environments", nargs="+")
    options = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(
                lambda minor: compiled(minor, options.interpreters, options.environments), MINORS
            )
        )
    text = document(found, options.date)
    if options.add:
        text = _added(text)
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


def compiled(minor: str, interpreters: str, environments: list[str]) -> dict[str, Compiled]:
    """Project -> what a Python makes of it; of two versions of one, of the later one's."""
    python = glob.glob(os.path.join(interpreters, f"{minor}.*", "bin", "python"))[0]
    fit = [path for path in environments if _minor(path) <= int(minor[2:])]
    done = subprocess.run(
        [python, "-I", "-S", "-c", f"BASE = {BASE}\n{SCRIPT}", *fit],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, tuple[str, Compiled]] = {}
    for line in done.stdout.splitlines():
        name, source, tests = json.loads(line)
        project, _, version = name.rpartition("-")
        one = Compiled(tuple(source), tuple(tests))
        known = found.get(normalized(project))
        if one.bytes and (known is None or _order(version) > _order(known[0])):
            found[normalized(project)] = (version, one)
    return {project: one for project, (_, one) in found.items()}


def document(found: list[dict[str, Compiled]], date: str) -> str:
    """The table as JSON, a line for each project."""
    rows = []
    for project in sorted(set().union(*found)):
        ones = [by_project.get(project) for by_project in found]
        if max(one.bytes for one in ones if one) >= LEAST:
            ratios = [round(one.ratio, 3) if one else None for one in ones]
            rows.append({"project": project, "ratios": ratios})
    head: dict[str, Any] = {"about": ABOUT, "date": date, "minors": MINORS, "base": BASE}
    head |= {"source": SOURCE}
    head |= {kind: [_typical(by.values(), at) for by in found] for at, kind in enumerate(KINDS)}
    return _text(head, rows)


def _text(head: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    return json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{lines}\n ]\n}}\n'


def _added(text: str) -> str:
    """The table, with the numbers of another one that it does not have."""
    with open(TABLE, encoding="utf-8") as file:
        table = json.load(file)
    rows = {row["project"]: row for row in json.loads(text)["rows"]}
    for row in table.pop("rows"):
        new = rows.get(row["project"], row)["ratios"]
        ratios = [a if a is not None else b for a, b in zip(row["ratios"], new, strict=True)]
        rows[row["project"]] = {**row, "ratios": ratios}
    return _text(table, [rows[project] for project in sorted(rows)])


def _typical(ones: Iterable[Compiled], kind: int) -> float:
    """The mean ratio, where a project counts by the root of its size."""
    parts = [part for one in ones if (part := one[kind])[0] > 999]
    weights = [part[0] ** 0.5 for part in parts]
    ratios = [part[1] / part[0] for part in parts]
    total = sum(w * r for w, r in zip(weights, ratios, strict=True))
    return float(round(total / sum(weights), 3))


def _minor(environment: str) -> int:
    library = glob.glob(os.path.join(environment, "lib", "python*"))[0]
    return int(library.rpartition(".")[2])


def _order(version: str) -> Any:
    from packaging.version import Version

    return Version(version)


if __name__ == "__main__":
    sys.exit(main())
