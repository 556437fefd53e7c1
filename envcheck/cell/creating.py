"""Makes a virtual environment and tells what it is made of.

``python -I -S -B -c TEXT ENVIRONMENT ABOUT``: makes ENVIRONMENT, without pip and with links to this
interpreter, and writes the file ABOUT, JSON: ``python`` (full version), ``implementation``,
``libc`` (``glibc 2.36``, ``musl 1.2.5``, empty if unknown), ``distribution`` (ID of os-release).
"""

from __future__ import annotations

import glob
import json
import os
import platform
import subprocess
import sys
import venv


def main() -> None:
    environment, about = sys.argv[1:]
    with_links = os.name != "nt"
    venv.EnvBuilder(with_pip=False, symlinks=with_links).create(environment)
    facts = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "libc": libc(),
        "distribution": distribution(),
    }
    with open(about, "w") as file:
        json.dump(facts, file)


def libc() -> str:
    """The C library that this interpreter runs on: it says so itself."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        pass
    for loader in sorted(glob.glob("/lib/ld-musl-*.so.1")):
        try:
            said = subprocess.run(
                [loader], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False
            )
        except (OSError, subprocess.SubprocessError):
            continue
        words = said.stdout.decode("ascii", "replace").split()
        if "Version" in words[:-1]:
            return "musl " + words[words.index("Version") + 1]
        return "musl"
    return ""


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
