"""A profile that says what one environment has, so that others can be held to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envcheck.model.condition import DEVICES, SYSTEMS
from envcheck.model.reading import number, records
from envcheck.profiles.write import document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.facts import FactSheet

Table = tuple[str, dict[str, Any]]

GIB = 1 << 30
_MOST = 1e18  # nothing that is counted here is more
INSTALLERS = frozenset(("pip", "setuptools", "wheel", "uv", "distribute", "envcheck-ml"))
ALWAYS = frozenset(("torch",))  # although others require it: its build decides what computes
COMMENTS = (
    "What one environment has, as requirements: delete what does not matter, and give the",
    "others a reason. Free space on disks is not in it, because it changes:",
    "",
    "    [[disk]]",
    '    path = "output"',
    "    minimum_gib = 50",
)


def profile_of(sheet: FactSheet, *, name: str, today: str = "", everything: bool = False) -> str:
    """TOML of a profile that the environment of ``sheet`` satisfies.

    Of the distributions, those which no other one requires, and torch; ``everything``: all.
    A fact that is unknown, or not of the type that it is declared to be, gives no requirement.
    """
    source = f"observed {today}".strip()
    tables = [(kind, {**keys, "source": source}) for kind, keys in _tables(sheet, everything)]
    return document({"name": name}, tables, COMMENTS)


def _tables(sheet: FactSheet, everything: bool) -> Iterator[Table]:
    yield from _interpreter(sheet)
    yield from _system(sheet)
    yield from _sizes(sheet)
    yield from _devices(sheet)
    for requirement in distributions(sheet.get("distributions.installed"), everything):
        yield "distribution", {"requires": requirement}


def _interpreter(sheet: FactSheet) -> Iterator[Table]:
    version = _version(sheet.get("interpreter.version"))
    if version is None:
        return
    low = version.public if version.is_prerelease else f"{version.major}.{version.minor}"
    keys: dict[str, Any] = {"requires": f">={low},<{version.major}.{version.minor + 1}"}
    implementation = str(sheet.get("interpreter.implementation", "")).lower()
    if implementation in ("cpython", "pypy"):
        keys["implementation"] = implementation
    yield "python", keys


def _system(sheet: FactSheet) -> Iterator[Table]:
    system = sheet.get("host.os")
    if system in SYSTEMS:
        yield "os", {"any": [system]}
    family = sheet.get("host.libc.family")
    version = _version(sheet.get("host.libc.version"))
    if family in ("glibc", "musl") and version is not None:
        yield "libc", {"family": family, "minimum": str(version)}


def _sizes(sheet: FactSheet) -> Iterator[Table]:
    """What the machine has, rounded down: others need as much only perhaps, so it warns."""
    for kind, key in (("memory", "limits.memory.effective"), ("shared_memory", "limits.shm.total")):
        size = _gib(sheet.get(key))
        if size > 0:
            yield kind, {"minimum_gib": size, "severity": "warning"}
    processors = number(sheet.get("host.cpu.usable"))
    if processors is not None and 1 <= processors < _MOST:
        yield "cpu", {"minimum": math.floor(processors), "severity": "warning"}


def _devices(sheet: FactSheet) -> Iterator[Table]:
    devices = records(sheet.get("devices.list"))
    for kind in DEVICES:
        same = [device for device in devices if device.get("kind") == kind]
        if not same:
            continue
        keys: dict[str, Any] = {"any": [kind], "count": len(same)}
        if memory := min(_gib(device.get("memory")) for device in same):
            keys["memory_gib"] = memory
        capabilities = [_version(device.get("compute_capability")) for device in same]
        if kind == "cuda" and (known := [c for c in capabilities if c]) and len(known) == len(same):
            keys["compute_capability"] = f">={min(known)}"
        yield "device", keys
    driver = _version(sheet.get("nvidia.kernel.version"))
    if driver is not None and any(device.get("kind") == "cuda" for device in devices):
        yield "driver", {"requires": f">={driver}"}


def distributions(installed: Any, everything: bool = False) -> list[str]:
    """Requirements on what is installed, sorted; of duplicates the lowest version."""
    versions: dict[str, Version] = {}
    needed: set[str] = set()
    for record in records(installed):
        if not isinstance(record.get("name"), str):
            continue
        name = canonicalize_name(record["name"])
        version = _version(record.get("version"))
        if version is not None and _is_requirement(name):
            versions[name] = min(version, versions.get(name, version))
        needed |= _required(record.get("requires")) - {name}
    return [
        f"{name}>={version.public}"
        for name, version in sorted(versions.items())
        if name not in INSTALLERS and (everything or name in ALWAYS or name not in needed)
    ]


def _required(requires: Any) -> set[str]:
    """The names in Requires-Dist lines, those of extras left out."""
    names = set()
    for text in requires if isinstance(requires, list) else ():
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, TypeError):
            continue
        if "extra" not in str(requirement.marker or ""):
            names.add(str(canonicalize_name(requirement.name)))
    return names


def _is_requirement(name: str) -> bool:
    try:
        Requirement(name)
    except InvalidRequirement:
        return False
    return True


def _version(text: Any) -> Version | None:
    try:
        return Version(text) if isinstance(text, str) and len(text) < 100 else None
    except InvalidVersion:
        return None


def _gib(size: object) -> float:
    """Bytes as GiB, rounded down to a tenth; 0 if it is no size."""
    count = number(size)
    return math.floor(count / GIB * 10) / 10 if count is not None and 0 < count < _MOST else 0.0
