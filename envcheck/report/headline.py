"""Each family's name for people, and the few facts that its line shows when all is well.

The facts come from a sheet of unknown origin: whatever has not the expected type is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from envcheck.model.facts import FactSheet

GIB = 1 << 30


def label(prefix: str) -> str:
    """The family's name, at most 12 characters."""
    return _FAMILIES[prefix][0] if prefix in _FAMILIES else prefix


def headline(prefix: str, sheet: FactSheet) -> str:
    """Key facts of the family, comma-separated; empty if there are none."""
    if prefix not in _FAMILIES:
        return ""
    return ", ".join(part for part in _FAMILIES[prefix][1](sheet) if part)


def subject(sheet: FactSheet) -> str:
    """What was examined and how it was chosen, for the first line."""
    target = sheet.target
    name = _text(target.get("name")) or "an unnamed target"
    kind = _text(target.get("kind"))
    prefix = _text(sheet.get("interpreter.prefix"))
    if kind in ("python", "venv", "") and sheet.get("interpreter.is_venv") is True and prefix:
        name = prefix
    elif kind not in ("python", "venv", "", "facts"):
        name = f"{kind} {name}"
    about = []
    version = _text(sheet.get("interpreter.version"))
    if version:
        about.append(f"{_text(sheet.get('interpreter.implementation')) or 'Python'} {version}")
    chosen = _text(target.get("chosen_by"))
    if chosen:
        about.append(f"chosen by {chosen}" if " " not in chosen else chosen)
    saved = _text(target.get("facts"))
    if saved and saved != name:
        about.append(f"as saved in {saved}" if saved != "-" else "from standard input")
    return f"{name} ({', '.join(about)})" if about else name


def _python(sheet: FactSheet) -> list[str]:
    version = _text(sheet.get("interpreter.version"))
    implementation = _text(sheet.get("interpreter.implementation")) or "Python"
    venv = sheet.get("interpreter.is_venv")
    return [
        f"{implementation} {version}" if version else "",
        "virtual environment" if venv is True else "",
    ]


def _machine(sheet: FactSheet) -> list[str]:
    names = {"linux": "Linux", "darwin": "macOS", "windows": "Windows"}
    system = _text(sheet.get("host.os"))
    libc = f"{_text(sheet.get('host.libc.family'))} {_text(sheet.get('host.libc.version'))}"
    container = _text(sheet.get("host.container"))
    return [
        f"{names.get(system, system)} {_text(sheet.get('host.arch'))}".strip(),
        libc.strip(),
        container if container not in ("", "none") else "",
    ]


def _packages(sheet: FactSheet) -> list[str]:
    count = sheet.count("distributions.installed")
    return [_plural(count, "distribution") if count is not None else ""]


def _torch(sheet: FactSheet) -> list[str]:
    version = _text(sheet.get("torch.version"))
    if not version:
        return []
    kind = _text(sheet.get("torch.build.kind"))
    cuda = _text(sheet.get("torch.build.cuda"))
    build = f"built for CUDA {cuda}" if cuda else f"{kind.upper()} build" if kind else ""
    return [f"torch {version}", build]


def _devices(sheet: FactSheet) -> list[str]:
    devices = _records(sheet.get("devices.list"))
    if devices is None:
        return _torch(sheet)
    names: dict[str, int] = {}
    for device in devices:
        name = _text(device.get("name")) or _text(device.get("kind")) or "device"
        names[name] = names.get(name, 0) + 1
    found = [name if count == 1 else f"{count} x {name}" for name, count in names.items()]
    return (found or ["no accelerator"]) + _torch(sheet)


def _resources(sheet: FactSheet) -> list[str]:
    disks = _records(sheet.get("limits.disks")) or []
    free = [disk["free"] for disk in disks if _number(disk.get("free"))]
    cpus = sheet.get("host.cpu.usable")
    return [
        f"{cpus:g} CPU{'' if cpus == 1 else 's'}" if _number(cpus) else "",
        _size(sheet.get("limits.memory.effective"), "memory"),
        _size(sheet.get("limits.shm.total"), "/dev/shm"),
        _size(min(free), "disk free at least") if free else "",
    ]


_Facts = Callable[[FactSheet], list[str]]


def _nothing(_: FactSheet) -> list[str]:
    return []


_FAMILIES: dict[str, tuple[str, _Facts]] = {
    "PY": ("Python", _python),
    "OS": ("Machine", _machine),
    "PKG": ("Packages", _packages),
    "ABI": ("Binaries", _nothing),
    "GPU": ("Devices", _devices),
    "DTYPE": ("Formats", _nothing),
    "RES": ("Resources", _resources),
    "NET": ("Network", _nothing),
    "CRED": ("Credentials", _nothing),
    "IMP": ("Imports", _nothing),
    "DST": ("Distributed", _nothing),
    "PRO": ("Profile", _nothing),
}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _records(value: object) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    return [item for item in value if isinstance(item, dict)]


def _size(value: Any, what: str) -> str:
    if not _number(value):
        return ""
    size = f"{value / GIB:.3g} GiB" if value >= GIB else f"{value / (1 << 20):.3g} MiB"
    return f"{what} {size}" if what.startswith(("/", "disk")) else f"{size} {what}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
