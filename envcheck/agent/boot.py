"""Runs the agent from memory: ``sources`` has every module, path below ``agent/`` -> source.

Where no file of ours is, the host starts an interpreter with a one-line loader
(``envcheck/targets/remote.py``) that reads them as one JSON object from its arguments or standard
input and executes this text: nothing is written where the target is, which may be read-only.
For an interpreter that is the host's own, ``bundle.py`` makes one file of this and of the modules
as marshalled code, which starts in fewer steps than a zip archive.
This file and ``__main__.py`` must parse on every Python that exists, 2.7 included.
"""

import marshal
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
        return type(sys.__spec__)(name, self, origin=file, is_package=file.endswith("__init__.py"))

    def create_module(self, spec):  # noqa: ARG002
        return None

    def exec_module(self, module):
        exec(self.code(self.file(module.__name__)), module.__dict__)  # noqa: S102

    def code(self, file):
        source = self.sources[file]
        if isinstance(source, bytes):
            return marshal.loads(source)  # noqa: S302
        return compile(source, "<agent>/" + file, "exec")

    def get_source(self, name):
        source = self.sources[self.file(name)]
        return None if isinstance(source, bytes) else source


def run(sources, seconds, argv):
    """The agent's ``__main__`` with ``argv`` as its arguments; ``seconds`` to live (0: no end)."""
    if seconds:
        import signal  # its enums cost 2 ms, which an agent on this machine does not spend

        if hasattr(signal, "alarm"):
            signal.alarm(seconds)
    sys.argv[:] = ["agent"] + argv
    importer = Importer(sources)
    if sys.version_info >= (3, 7):
        sys.meta_path.insert(0, importer)
    space = {"__name__": "__main__", "__file__": "<agent>/__main__.py"}
    exec(importer.code("__main__.py"), space)  # noqa: S102
