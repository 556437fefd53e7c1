"""Each family's name for people, and the few facts that its line shows when all is well.

The facts come from a sheet of unknown origin: whatever has not the expected type is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from envcheck.model.condition import SPELLED
from envcheck.model.facts import FactSheet
from envcheck.model.reading import number, records, text

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
    name = text(target.get("name")) or "an unnamed target"
    kind = text(target.get("kind"))
    prefix = text(sheet.get("interpreter.prefix"))
    if kind in ("python", "venv", "") and sheet.get("interpreter.is_venv") is True and prefix:
        name = prefix
    elif kind not in ("python", "venv", "", "facts"):
        name = f"{kind} {name}"
    about = []
    version = text(sheet.get("interpreter.version"))
    if version:
        about.append(f"{text(sheet.get('interpreter.implementation')) or 'Python'} {version}")
    chosen = text(target.get("chosen_by"))
    if chosen:
        about.append(f"chosen by {chosen}" if " " not in chosen else chosen)
    saved = text(target.get("facts"))
    if saved and saved != name:
        about.append(f"as saved in {saved}" if saved != "-" else "from standard input")
    return f"{name} ({', '.join(about)})" if about else name


def _python(sheet: FactSheet) -> list[str]:
    version = text(sheet.get("interpreter.version"))
    implementation = text(sheet.get("interpreter.implementation")) or "Python"
    venv = sheet.get("interpreter.is_venv")
    return [
        f"{implementation} {version}" if version else "",
        "virtual environment" if venv is True else "",
    ]


def _machine(sheet: FactSheet) -> list[str]:
    system = text(sheet.get("host.os"))
    libc = f"{text(sheet.get('host.libc.family'))} {text(sheet.get('host.libc.version'))}"
    container = text(sheet.get("host.container"))
    return [
        f"{SPELLED.get(system, system)} {text(sheet.get('host.arch'))}".strip(),
        libc.strip(),
        container if container not in ("", "none") else "",
    ]


def _packages(sheet: FactSheet) -> list[str]:
    count = sheet.count("distributions.installed")
    return [_plural(count, "distribution") if count is not None else ""]


def _torch(sheet: FactSheet) -> list[str]:
    version = text(sheet.get("torch.version"))
    if not version:
        return []
    kind = text(sheet.get("torch.build.kind"))
    cuda = text(sheet.get("torch.build.cuda"))
    build = f"built for CUDA {cuda}" if cuda else f"{kind.upper()} build" if kind else ""
    return [f"torch {version}", build]


def _devices(sheet: FactSheet) -> list[str]:
    listed = sheet.get("devices.list")
    if not isinstance(listed, list):
        return _torch(sheet)
    devices = records(listed)
    names: dict[str, int] = {}
    for device in devices:
        name = text(device.get("name")) or text(device.get("kind")) or "device"
        names[name] = names.get(name, 0) + 1
    found = [name if count == 1 else f"{count} x {name}" for name, count in names.items()]
    return (found or ["no accelerator"]) + _torch(sheet)


def _resources(sheet: FactSheet) -> list[str]:
    free = [
        size
        for disk in records(sheet.get("limits.disks"))
        if (size := number(disk.get("free"))) is not None
    ]
    cpus = number(sheet.get("host.cpu.usable"))
    return [
        f"{cpus:g} CPU{'' if cpus == 1 else 's'}" if cpus is not None else "",
        _size(sheet.get("limits.memory.effective"), "memory"),
        _size(sheet.get("limits.shm.total"), "/dev/shm"),
        _size(min(free), "disk free at least") if free else "",
    ]


_Facts = Callable[[FactSheet], list[str]]


def _training(sheet: FactSheet) -> list[str]:
    seconds = number(sheet.get("smoke.seconds"))
    formats = [
        text(part.get("dtype"))
        for part in records(sheet.get("smoke.parts"))
        if part.get("status") == "pass"
    ]
    tried = ", ".join(dict.fromkeys(filter(None, formats)))
    took = "" if seconds is None else f" in {seconds:.3g} s"
    return [f"tiny models in {tried}{took}" if tried else ""]


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
    "SMK": ("Training", _training),
    "PRO": ("Profile", _nothing),
}


def _size(value: object, what: str) -> str:
    bytes_ = number(value)
    if bytes_ is None:
        return ""
    size = f"{bytes_ / GIB:.3g} GiB" if bytes_ >= GIB else f"{bytes_ / (1 << 20):.3g} MiB"
    return f"{what} {size}" if what.startswith(("/", "disk")) else f"{size} {what}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
