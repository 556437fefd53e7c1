"""The families of checks. Adding a check: a function and one line in its family's ``CHECKS``.

Families are loaded when they are evaluated; this table holds strings only.
"""

from __future__ import annotations

from importlib import import_module

from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from envcheck.checks.base import Check

#: prefix -> (modules, what the family is about). A module has a literal tuple ``CHECKS``.
FAMILIES: dict[str, tuple[tuple[str, ...], str]] = {
    "PY": (
        ("target", "interpreter", "search_path", "optimized", "interpreter_required"),
        "the interpreter and its environment",
    ),
    "OS": (("host", "toolchain"), "operating system, C library, processor and build tools"),
    "PKG": (
        ("packages", "files", "dependencies", "packages_required"),
        "installed distributions: whole, complete, in agreement",
    ),
    "IMP": (("imports", "imports_deep"), "what an import really takes, and what start-up runs"),
    "ABI": (("wheels", "torch_family", "cuda_libraries"), "binaries made for this system"),
    "RES": (
        ("resources", "places", "resources_required"),
        "memory, processors, disk and limits",
    ),
    "GPU": (
        ("gpu_driver", "gpu_sources", "gpu_torch", "gpu_visible", "gpu_required"),
        "drivers, devices, and whether torch can use them",
    ),
    "DTYPE": (("number_formats",), "number formats in which the devices compute"),
    "NET": (("network",), "certificates, proxies, offline flags and the package index"),
    "CRED": (("credentials",), "tokens and keys: present, absent or malformed"),
    "DST": (("launch",), "how training is launched: Accelerate, DeepSpeed, collectives"),
    "SMK": (("smoke",), "training that was really tried: tiny models, checkpoints, processes"),
    "PRO": (("profile",), "the profile itself: what of it applies, and its waivers"),  # last
}

#: modules whose checks all have nothing to judge unless one of these was asked for
_ONLY_WITH: dict[str, frozenset[str]] = {
    "gpu_required": frozenset({"profile", "want"}),
    "imports_deep": frozenset({"deep"}),
    "interpreter_required": frozenset({"profile"}),
    "number_formats": frozenset({"profile", "deep"}),
    "packages_required": frozenset({"profile"}),
    "profile": frozenset({"profile"}),
    "resources_required": frozenset({"profile"}),
    "smoke": frozenset({"deep"}),
}


def load(
    prefixes: tuple[str, ...] = (), *, asked: frozenset[str] | None = None
) -> tuple[Check, ...]:
    """Every check of these families (of all, if none is named), in table order.

    ``asked`` is what was asked for, of ``profile``, ``want`` and ``deep``: checks that would all be
    skipped without it are left out, which saves the time to load them. None: every check.
    """
    return tuple(
        check
        for prefix, (modules, _) in FAMILIES.items()
        if not prefixes or prefix in prefixes
        for module in modules
        if asked is None or module not in _ONLY_WITH or _ONLY_WITH[module] & asked
        for check in import_module(f"envcheck.checks.{module}").CHECKS
    )
