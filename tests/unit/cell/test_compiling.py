"""Bytecode lies beside the sources, wherever the interpreter that compiles keeps its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CELL = Path(__file__).parents[3] / "envcheck" / "cell"


@pytest.mark.interpreters
def test_every_interpreter_compiles_the_environment(tmp_path: Path, interpreters: dict[str, str]):
    for version, interpreter in interpreters.items():
        if tuple(map(int, version.split(".")[:2])) < (3, 8):
            continue
        place = tmp_path / version / "lib" / f"python{version.rpartition('.')[0]}" / "site-packages"
        package = place / "one"
        package.mkdir(parents=True)
        for name in ("__init__", "two", "three"):
            (package / f"{name}.py").write_text("a = 1\n")
        (package / "broken.py").write_text("print 'Python 2'\n")
        (place / "evil.pth").write_text(
            f"import pathlib; pathlib.Path({str(place)!r}, 'ran').touch()"
        )
        prefix = f"pycache_prefix={tmp_path / 'elsewhere'}"
        words = [interpreter, "-I", "-S", "-X", prefix, str(CELL / "compiling.py")]
        subprocess.run([*words, str(tmp_path / version)], check=True, timeout=60)
        names = {path.name.partition(".")[0] for path in package.glob("__pycache__/*.pyc")}
        assert names == {"__init__", "two", "three"}, version
        assert not (place / "ran").exists()
