"""What to install where a system library is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.knowledge import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.model.target import Target

_COMMANDS = {"debian": "apt-get install -y", "alpine": "apk add", "fedora": "dnf install -y"}


def for_libraries(target: Target, names: Sequence[str]) -> str:
    """The command that brings these libraries, by soname or as ``find_library`` takes them; empty
    if none of them is known. Only what is known is named.
    """
    family = target.distribution if target.distribution in _COMMANDS else ""
    packages: list[str] = []
    for name in names:
        row = _row(name)
        if row and family:
            packages += [one for one in row.get(family, {}).get("run", []) if one not in packages]
    return f"`{_COMMANDS[family]} {' '.join(packages)}`" if packages else ""


def _row(name: str) -> dict[str, Any] | None:
    stem = name.partition(".so")[0]
    if not stem.startswith("lib"):
        stem = f"lib{stem}"
    rows: list[dict[str, Any]] = table("system_libraries")["rows"]
    exact = next((row for row in rows if name in row.get("sonames", ())), None)
    return exact or next(
        (
            row
            for row in rows
            if any(soname.partition(".so")[0] == stem for soname in row.get("sonames", ()))
        ),
        None,
    )
