"""What pip's own finder takes: run by the Python whose pip is asked, here or inside a container.

Standard input: ``{"requirements": [...], "targets": [...] or null}``; no targets: the interpreter
that runs this. Standard output: ``{"pip": version, "targets": {id: {...}}}``. Nothing is
downloaded but pages of the index. pip is asked through its internals, since no command of it
expands the tags of another platform; from pip 23 to 26 these are the same. Python 3.8.
"""

import json
import sys
import sysconfig

import pip
from pip._internal.index import package_finder
from pip._internal.index.collector import LinkCollector
from pip._internal.models.format_control import FormatControl
from pip._internal.models.index import PyPI
from pip._internal.models.search_scope import SearchScope
from pip._internal.models.selection_prefs import SelectionPreferences
from pip._internal.models.target_python import TargetPython
from pip._internal.network.session import PipSession
from pip._internal.utils import compatibility_tags
from pip._vendor.packaging import _manylinux, _musllinux, tags
from pip._vendor.packaging.requirements import Requirement

_LOADED = {}  # url: page, of one project


class Collector(LinkCollector):
    """pip's own, which keeps the page of one project while all targets are asked about it."""

    def fetch_response(self, location, **more):
        """The page at ``location``."""
        if location.url not in _LOADED:
            _LOADED.clear()
            page = super().fetch_response(location, **more)
            _LOADED[location.url] = [page, None]
        return _LOADED[location.url][0]


_parse = package_finder.parse_links


def parse_once(page):
    """Links of a page: pip parses the same one again for every question."""
    kept = _LOADED.get(page.url)
    if kept is None:
        return _parse(page)
    if kept[1] is None:
        kept[1] = list(_parse(page))
    return kept[1]


def platform_tags(target):
    """The platforms of a target, expanded and in order, as packaging would list them there."""
    architecture, libc = target["architecture"], target.get("libc", "")
    if target["system"] == "windows":
        return ["win_amd64"]
    if target["system"] == "macos":
        major, minor = target["release"].split(".")[:2]
        arch = "arm64" if architecture == "aarch64" else architecture
        return list(tags.mac_platforms((int(major), int(minor)), arch))
    family, _, text = libc.partition(" ")
    major, minor = (int(part) for part in text.split(".")[:2])
    musl = _musllinux._MuslVersion(major, minor) if family == "musl" else None
    sysconfig.get_platform = lambda: f"linux-{architecture}"
    _musllinux._get_musl_version = lambda _: musl
    _manylinux._get_glibc_version = lambda: (-1, -1) if musl else (major, minor)
    _manylinux._have_compatible_abi = lambda *_: musl is None
    return list(tags._linux_platforms(is_32bit=False))


def target_python(target):
    """Pip's own idea of another interpreter."""
    # The platforms are a complete list already; pip would only know of manylinux2014 what it means.
    compatibility_tags._expand_allowed_platforms = lambda platforms: platforms
    version = tuple(int(part) for part in target["python"].split("."))
    digits = f"{version[0]}{version[1]}"
    if target.get("implementation") == "pypy":
        implementation, abi = "pp", f"pypy{digits}_pp73"
    else:
        implementation = "cp"
        abi = "cp" + digits + ("t" if target.get("free_threaded") else "")
    return TargetPython(
        platforms=platform_tags(target),
        py_version_info=version,
        abis=[abi],
        implementation=implementation,
    )


def finder(collector, python, only_wheels):
    control = FormatControl(set(), {":all:"}) if only_wheels else FormatControl(set(), set())
    preferences = SelectionPreferences(allow_yanked=True, format_control=control)
    return package_finder.PackageFinder.create(
        link_collector=collector, selection_prefs=preferences, target_python=python
    )


def described(candidate):
    if candidate is None:
        return None
    link = candidate.link
    said = {"file": link.filename, "version": str(candidate.version)}
    if link.is_yanked:
        said["yanked"] = True
    if not link.is_wheel:
        said["sdist"] = True
    return said


def supported(python):
    get = getattr(python, "get_sorted_tags", None) or python.get_tags
    return [str(tag) for tag in get()]


def choice(any_file, wheels, requirement):
    """What pip would take; and, where that is an sdist, what with ``--only-binary :all:``."""
    best = taken(any_file, requirement)
    said = {"pip": described(best)}
    if best is not None and not best.link.is_wheel:
        said["only_binary"] = described(taken(wheels, requirement))
    return said


def taken(finder, requirement):
    """The best candidate; a yanked one only if it is pinned, as pip's resolver has it (PEP 592)."""
    specifier = requirement.specifier
    best = finder.find_best_candidate(requirement.name, specifier).best_candidate
    pinned = any(
        one.operator == "===" or (one.operator == "==" and not one.version.endswith(".*"))
        for one in specifier
    )
    return None if best is not None and best.link.is_yanked and not pinned else best


def main():
    asked = json.load(sys.stdin)
    scope = SearchScope.create(find_links=[], index_urls=[PyPI.simple_url], no_index=False)
    collector = Collector(session=PipSession(retries=3), search_scope=scope)
    package_finder.parse_links = parse_once
    if not finder(collector, TargetPython(), False).find_all_candidates("pip"):
        raise SystemExit("the index cannot be read")  # pip would go on without it
    pythons, found = {}, {}
    for target in asked["targets"] or [{"id": ""}]:
        python = target_python(target) if asked["targets"] else TargetPython()
        pythons[target["id"]] = python
        found[target["id"]] = {
            "python": ".".join(str(part) for part in python.py_version_info),
            "tags": supported(python),
            "choices": {},
        }
    parsed = [(text, Requirement(text)) for text in asked["requirements"]]
    for name in sorted({requirement.name for _, requirement in parsed}):
        for id, python in pythons.items():
            pair = [finder(collector, python, only) for only in (False, True)]
            for text, requirement in parsed:
                if requirement.name == name:
                    found[id]["choices"][text] = choice(*pair, requirement)
    json.dump({"pip": pip.__version__, "targets": found}, sys.stdout)


main()
