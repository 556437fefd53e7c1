"""Small shared objects made by the machine's own compiler."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def library(
    path: Path,
    source: str = "int nothing(void) { return 0; }",
    *,
    needs: Sequence[Path] = (),
    versions: str = "",
    soname: str = "",
    more: Sequence[str] = (),
) -> Path:
    """A shared object at ``path``. ``versions``: of all its symbols, as ``LIB_2.5``."""
    words = ["gcc", "-shared", "-fPIC", "-O1", "-nostartfiles", "-x", "c", "-", "-o", str(path)]
    words += [f"-Wl,-soname,{soname or path.name}", "-Wl,--allow-shlib-undefined"]
    words += ["-Wl,--no-as-needed", "-x", "none", *map(str, needs), *more]
    if versions:
        script = path.with_suffix(".map")
        script.write_text(f"{versions} {{ global: *; }};\n")
        words.append(f"-Wl,--version-script={script}")
    subprocess.run(words, input=source, text=True, check=True)
    return path
