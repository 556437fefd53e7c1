"""Packages of the operating system: what each calls a build tool, and who installs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.checks import remedies
from envcheck.model.finding import Remedy

if TYPE_CHECKING:
    from envcheck.checks.base import Context

#: family -> (os-release IDs, how it installs)
_FAMILIES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    "debian": (
        ("debian", "ubuntu", "linuxmint", "pop", "raspbian", "kali"),
        (("apt-get", "update"), ("apt-get", "install", "-y")),
    ),
    "alpine": (("alpine", "postmarketos", "wolfi", "chainguard"), (("apk", "add"),)),
    "fedora": (
        ("fedora", "rhel", "centos", "rocky", "almalinux", "amzn", "ol"),
        (("dnf", "install", "-y"),),
    ),
    "suse": (
        ("sles", "opensuse-leap", "opensuse-tumbleweed"),
        (("zypper", "install", "-y"),),
    ),
    "arch": (("arch", "manjaro", "endeavouros"), (("pacman", "-S", "--noconfirm"),)),
}

#: tool -> family -> package
_PACKAGES: dict[str, dict[str, str]] = {
    "c": {"debian": "build-essential", "alpine": "build-base", "arch": "base-devel"},
    "c++": {
        "debian": "build-essential",
        "alpine": "build-base",
        "fedora": "gcc-c++",
        "suse": "gcc-c++",
        "arch": "base-devel",
    },
    "fortran": {"fedora": "gcc-gfortran", "suse": "gcc-fortran", "arch": "gcc-fortran"},
    "rust": {"debian": "rustc cargo", "fedora": "rust cargo", "suse": "rust cargo"},
    "make": {"debian": "build-essential", "alpine": "build-base", "arch": "base-devel"},
    "ninja": {"debian": "ninja-build", "fedora": "ninja-build", "alpine": "samurai"},
    "pkg-config": {"alpine": "pkgconf", "fedora": "pkgconf-pkg-config", "arch": "pkgconf"},
    "python-headers": {
        "debian": "python3-dev",
        "alpine": "python3-dev",
        "fedora": "python3-devel",
        "suse": "python3-devel",
        "arch": "python",
    },
}
_GENERIC = {"c": "gcc", "fortran": "gfortran", "rust": "rust", "c++": "gcc-c++"}


def install(context: Context, tool: str) -> Remedy:
    """How this target's operating system installs a build tool."""
    name = _word(tool)
    system = context.get("host.os")
    if system == "darwin":
        return _darwin(context, tool)
    if system == "windows" and tool in ("c", "c++"):
        return Remedy("Install the Build Tools for Visual Studio, with C++")
    family = _family(str(context.get("host.distribution.id") or ""))
    if family is None:
        known = (" ".join(_commands(one, tool)[-1]) for one in ("debian", "alpine", "fedora"))
        return Remedy(f"Install {name} with the system's package manager: {', '.join(known)} …")
    return remedies.typed(context, f"Install {name} (as root)", _commands(family, tool))


def _commands(family: str, tool: str) -> list[list[str]]:
    packages = _PACKAGES.get(tool, {}).get(family) or _GENERIC.get(tool, tool)
    commands = [list(command) for command in _FAMILIES[family][1]]
    commands[-1] += packages.split()
    return commands


def _darwin(context: Context, tool: str) -> Remedy:
    if tool in ("c", "c++", "make"):
        return remedies.typed(
            context, "Install Apple's command line tools", [["xcode-select", "--install"]]
        )
    package = {"fortran": "gcc"}.get(tool, tool)
    return remedies.typed(context, f"Install {_word(tool)}", [["brew", "install", package]])


def _family(distribution: str) -> str | None:
    for family, (names, _) in _FAMILIES.items():
        if distribution in names:
            return family
    return None


def _word(tool: str) -> str:
    words = {"c": "a C compiler", "c++": "a C++ compiler", "fortran": "a Fortran compiler"}
    words |= {"rust": "Rust", "python-headers": "Python's headers"}
    return words.get(tool, tool)
