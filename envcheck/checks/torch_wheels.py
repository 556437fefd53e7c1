"""Which torch has a wheel for the target: from a dated table, so a last resort before an index is
asked.
"""

from __future__ import annotations

from envcheck.checks.markers import parse
from envcheck.checks.specifiers import canonical, release_of, satisfies
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envcheck.checks.base import Context
    from envcheck.model.facts import FactSheet
    from envcheck.model.profile import Placed


def wanted(context: Context) -> list[tuple[str, Placed]]:
    """The profile's requirements of torch that have to be met: (specifier, requirement)."""
    found = []
    for requirement in context.asked("distribution"):
        parsed = parse(str(requirement.requires))
        if parsed and canonical(parsed.name) == "torch" and not requirement.optional:
            found.append((parsed.specifier, requirement))
    return found


def installed(context: Context) -> bool:
    """Whether torch is known to be there already."""
    return bool(context.get("torch.installed"))


def table() -> dict[str, Any]:
    """The table, with ``source`` and ``date``."""
    from envcheck import knowledge

    return knowledge.table("torch_wheels")


def newest(python: str, glibc: str = "") -> str | None:
    """The newest torch with a wheel for this Python (``3.9``) and glibc; None for none."""
    found = None
    for row in table()["rows"]:
        if not _at_least(python, row["python"]):
            continue
        if glibc and not _at_least(glibc, row["glibc"]):
            continue
        found = str(row["torch"])
    return found


def offers(python: str, specifier: str, glibc: str = "") -> bool:
    """Whether some release in the table that has a wheel for this target is in ``specifier``.

    A release that a later row replaces stays installable, so every row that fits counts.
    """
    return any(
        satisfies(row["torch"], specifier)
        for row in table()["rows"]
        if _at_least(python, row["python"]) and (not glibc or _at_least(glibc, row["glibc"]))
    )


def none_here(sheet: FactSheet) -> str:
    """Why pip finds no torch for this target, or no current one, in words; empty if nothing is
    known that speaks against it.
    """
    rows, date = table(), table()["date"]
    system, arch = sheet.get("host.os"), sheet.get("host.arch")
    known = rows["architectures"].get(system) if isinstance(system, str) else None
    if sheet.get("host.libc.family") == "musl":
        return "no release of torch has a wheel for musl"
    if sheet.get("interpreter.bits") == 32:
        return "torch has no wheel for a 32-bit Python"
    if known is not None and isinstance(arch, str) and arch not in known:
        return f"torch has no wheel for {system} on {arch}"
    python = ".".join(str(sheet.get("interpreter.version") or "").split(".")[:2])
    if not python:
        return ""
    if not _at_least(rows["newest_python"], python):
        return f"no wheel of torch for Python {python} is known (as of {date})"
    glibc = sheet.get("host.libc.version") if sheet.get("host.libc.family") == "glibc" else ""
    last, newest_of_all = newest(python, str(glibc or "")), rows["rows"][-1]["torch"]
    if last == newest_of_all:
        return ""
    place = f"Python {python}" if newest(python) == last else f"glibc {glibc}"
    return f"torch has no wheel for {place}" + (f" after {last}" if last else "")


def _at_least(version: str, floor: str) -> bool:
    return (release_of(version) or ()) >= (release_of(floor) or ())
