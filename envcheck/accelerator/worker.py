"""One process of a launched training: ``python -m envcheck.accelerator.worker CONFIG [-m] SCRIPT``.

It adopts the launcher's configuration and becomes the script, without importing torch before it.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import sys
import time
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from envcheck.accelerator.config import Config, adopt


@contextmanager
def lingering() -> Any:
    """A process that fails ends half a second later; the launcher looks at it every 0.1 s.

    Else one that fails because another was killed ends beside it, and may get the blame.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        fine = isinstance(error, SystemExit) and not error.code
        if not fine and os.environ.get("WORLD_SIZE", "1") != "1":
            time.sleep(0.5)
        raise


def become() -> None:
    """Run ``sys.argv``, ``[-m] SCRIPT …``, as Python does.

    The public functions of runpy change ``sys.argv[0]``, or take ``__main__`` away before what the
    script leaves to be done at exit.
    """
    main = sys.modules["__main__"] = ModuleType("__main__")
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy._run_module_as_main(sys.argv[0])  # type: ignore[attr-defined]
        return
    main.__file__ = os.path.abspath(sys.argv[0])
    sys.path[0] = os.path.dirname(os.path.realpath(sys.argv[0]))
    with open(sys.argv[0], "rb") as file:
        code = compile(file.read(), main.__file__, "exec", dont_inherit=True)
    exec(code, vars(main))  # noqa: S102 -- that is what a launcher is for


def leave() -> None:
    """After all other exit handlers: end a group of gloo's, whose threads else may abort torch."""
    torch = sys.modules.get("torch.distributed")
    if torch is not None and torch.is_initialized() and torch.get_backend() == "gloo":
        time.sleep(0.05)  # its thread drops its last tensors, for which it needs the GIL
        torch.destroy_process_group()


if __name__ == "__main__":
    adopt(Config(**json.loads(sys.argv[1])))
    sys.argv = sys.argv[2:]
    atexit.register(leave)
    with lingering():
        become()
