"""Compiles everything in an environment's site directories, on all processors.

``python -I -S -c TEXT ENVIRONMENT``. Sources that are no Python of this version stay uncompiled, as
pip leaves them. Without ``site``, so that no ``.pth`` file is executed.
"""

from __future__ import annotations

import compileall
import glob
import os
import sys


def main() -> None:
    environment = sys.argv[1]
    sys.pycache_prefix = None  # this interpreter may keep its own elsewhere
    places = glob.glob(os.path.join(environment, "lib*", "python*", "site-packages"))
    places += glob.glob(os.path.join(environment, "Lib", "site-packages"))
    for place in sorted({os.path.realpath(place) for place in places}):
        try:
            compileall.compile_dir(place, quiet=2, workers=0)
        except (ImportError, NotImplementedError, OSError):  # no semaphores: one process
            compileall.compile_dir(place, quiet=2)


if __name__ == "__main__":
    main()
