"""The marker environment of a target (PyPA specification "Dependency specifiers")."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.model.target import Target

_SYSTEMS = {
    "linux": ("linux", "Linux", "posix"),
    "macos": ("darwin", "Darwin", "posix"),
    "windows": ("win32", "Windows", "nt"),
}
_MACHINES = {
    "macos": {"aarch64": "arm64"},
    "windows": {"x86_64": "AMD64", "aarch64": "ARM64", "i686": "x86"},
}


@lru_cache(maxsize=512)
def marker_environment(target: Target) -> dict[str, str]:
    """Values of the marker variables. ``platform_release`` and ``platform_version`` are empty: they
    are of a machine that is running.
    """
    platform, system, name = _SYSTEMS[target.system]
    pypy = target.implementation == "pypy"
    return {
        "implementation_name": target.implementation,
        "implementation_version": target.implementation_version
        or ("7.3" if pypy else target.python),
        "os_name": name,
        "platform_machine": _MACHINES.get(target.system, {}).get(
            target.architecture, target.architecture
        ),
        "platform_python_implementation": "PyPy" if pypy else "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": target.python,
        "python_version": target.minor,
        "sys_platform": platform,
    }
