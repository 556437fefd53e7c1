"""Makes a virtual environment and tells what it is made of.

``python -I -S -B -c TEXT ENVIRONMENT ABOUT [UV]``: makes ENVIRONMENT, without pip and with links to
this interpreter, and writes the file ABOUT, JSON: ``python`` (full version), ``implementation``,
``libc`` (``glibc 2.36``, ``musl 1.2.5``, empty if unknown), ``distribution`` (ID of os-release),
``installer`` (``uv 0.9.1`` where UV is named, else ``pip 24.0``: this interpreter's own).
"""

from __future__ import annotations

import glob
import json
import os
import platform
import subprocess
import sys
import sysconfig
import venv


def main() -> None:
    environment, about = sys.argv[1:3]
    with_links = os.name != "nt"
    venv.EnvBuilder(with_pip=False, symlinks=with_links).create(environment)
    facts = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "libc": libc(),
        "distribution": distribution(),
        "installer": version_of_uv(sys.argv[3]) if sys.argv[3:] else version_of_pip(),
    }
    with open(about, "w") as file:
        json.dump(facts, file)


def libc() -> str:
    """The C library that this interpreter runs on: it says so itself."""
    try:
        return str(os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):
        pass
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        words = said_by([loader])
        if "Version" in words[:-1]:
            return "musl " + words[words.index("Version") + 1]
        return "musl"
    return ""


def said_by(words: list[str]) -> list[str]:
    """The words of what a command says; none if it cannot be run."""
    try:
        done = subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.decode("ascii", "replace").split()


def version_of_uv(program: str) -> str:
    """As ``uv 0.9.1``."""
    return " ".join(said_by([program, "--version"])[:2])


def version_of_pip() -> str:
    """As ``pip 24.0``, empty if this interpreter has none."""
    found = glob.glob(os.path.join(sysconfig.get_paths()["purelib"], "pip-*.dist-info"))
    names = sorted(os.path.basename(path) for path in found)
    return "pip " + names[-1][len("pip-") : -len(".dist-info")] if names else ""


def distribution() -> str:
    """As ``debian``, ``alpine``."""
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            pairs = [line.strip().partition("=") for line in file]
    except OSError:
        return ""
    return next((value.strip("\"'") for name, _, value in pairs if name == "ID"), "")


if __name__ == "__main__":
    main()
