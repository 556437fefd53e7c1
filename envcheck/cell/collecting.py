"""Copies built wheels from where a package's code could write to where it cannot.

``python -I -S -B -c TEXT SOURCE TARGET``: prints ``sha256  name`` for each. Only regular files of
SOURCE: nothing that a build may have put in the place of one is followed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys

PIECE = 1 << 20


def main() -> None:
    folder, target = sys.argv[1:]
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".whl"):
            continue
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(fd, "rb") as wheel, open(os.path.join(target, name), "wb") as copy:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                continue
            digest = hashlib.sha256()
            for piece in iter(lambda: wheel.read(PIECE), b""):
                digest.update(piece)
                copy.write(piece)
        print("%s  %s" % (digest.hexdigest(), name))


if __name__ == "__main__":
    main()
