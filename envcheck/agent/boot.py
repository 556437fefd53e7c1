"""Runs the agent where no file of ours is: its modules come as one JSON object, from memory.

The host starts a remote interpreter with a one-line loader (``envcheck/targets/remote.py``) that
reads that object (path below ``agent/`` -> source) from its arguments or standard input and
executes this text. So nothing is written where the target is, which may be read-only.
This file and ``__main__.py`` must parse on every Python that exists, 2.7 included.
"""

import signal
import sys

PACKAGE = "envcheck_agent"


class Importer(object):  # noqa: UP004
    """Finder and loader of the modules in ``sources``."""

    def __init__(self, sources):
        self.sources = sources

    def file(self, name):
        path = name[len(PACKAGE) + 1 :].replace(".", "/")
        package = path + "/__init__.py" if path else "__init__.py"
        return package if package in self.sources else path + ".py"

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002
        file = self.file(name)
        if name.partition(".")[0] != PACKAGE or file not in self.sources:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, self, origin=file, is_package=file.endswith("__init__.py"))

    def create_module(self, spec):  # noqa: ARG002
        return None

    def exec_module(self, module):
        file = self.file(module.__name__)
        exec(compile(self.sources[file], "<agent>/" + file, "exec"), module.__dict__)  # noqa: S102

    def get_source(self, name):
        return self.sources[self.file(name)]


def run(sources, seconds, argv):
    """The agent's ``__main__`` with ``argv`` as its arguments, and ``seconds`` to live."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
    sys.argv[:] = ["agent"] + argv
    if sys.version_info >= (3, 7):
        sys.meta_path.insert(0, Importer(sources))
    space = {"__name__": "__main__", "__file__": "<agent>/__main__.py"}
    exec(compile(sources["__main__.py"], space["__file__"], "exec"), space)  # noqa: S102
