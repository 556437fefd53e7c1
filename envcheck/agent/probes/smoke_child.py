"""Runs the smoke training, or a script, in the grandchild that imported torch (``import_child``).

``run(emit, module, mode)``; ``mode`` is ``parts`` or ``script``. Standard input has the rest as one
JSON object: ``sources`` (module below ``envcheck`` -> text), ``parts``, ``script`` (name, text) and
``end`` (when all has to be over, by the clock).
Reports: ``trial N``, a record before and one after each trial, and ``result``, how it all ended.
"""

import os
import sys
import time

TORCH = (2, 3)  # what the accelerator needs


def run(emit, module, mode):
    import faulthandler
    import json

    with os.fdopen(os.dup(0), "rb") as pipe:
        work = json.loads(pipe.read().decode("ascii"))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    seconds = max(0.1, work["end"] - time.time())
    faulthandler.dump_traceback_later(seconds, exit=True, file=os.dup(2))
    serve(work["sources"])
    process = os.getpid()
    if mode == "script":
        result = script(*work["script"])
    else:
        result = refused(module) or parts(emit, work["parts"] or None, seconds)
    if os.getpid() == process:  # not a fork that forgot to leave
        try:
            emit(result=result)
            return
        except OSError:  # the script closed what it did not open
            pass
    os._exit(0 if result["status"] == "pass" else 1)


def refused(torch):
    """The result without training; None if there is nothing against it."""
    version = str(getattr(torch, "__version__", ""))
    if not version:
        return {"status": "unknown", "reason": "torch does not say its version"}
    if release(version) < TORCH:
        reason = "smoke training needs torch %d.%d or newer, this is %s" % (TORCH + (version,))
        return {"status": "skip", "reason": reason}
    return None


def release(version):
    """``2.13.0+cpu`` -> (2, 13)."""
    numbers = version.partition("+")[0].split(".")[:2]
    return tuple(int("0" + "".join(c for c in part if c in "0123456789")) for part in numbers)


def parts(emit, names, seconds):
    """Train; returns how it came to its end."""
    number = [0]

    def report(record):
        number[0] += 1
        emit(**{"trial %d" % number[0]: record})

    try:
        from importlib import import_module

        train = import_module("envcheck.smoke").run
        train(report, parts=names, seconds=max(1.0, seconds - 3.0))
    except BaseException as error:
        return {"status": "unknown", "reason": "it ended early: " + said(error)}
    return {"status": "ok"}


def said(error):
    """An exception in one line."""
    text = " ".join(str(error).split())
    return ("%s: %s" % (type(error).__name__, text) if text else type(error).__name__)[:500]


class Importer:
    """Finder and loader of ``envcheck`` and what is in ``sources``, before any that is installed.

    ``sources``: path below ``envcheck`` -> text. The package itself is empty.
    """

    def __init__(self, sources):
        self.sources = dict(sources, **{"__init__.py": ""})

    def file(self, name):
        path = name[len("envcheck") + 1 :].replace(".", "/")
        package = path + "/__init__.py" if path else "__init__.py"
        return package if package in self.sources else path + ".py"

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002
        file = self.file(name)
        if name.partition(".")[0] != "envcheck" or file not in self.sources:
            return None
        spec = type(sys.__spec__)(
            name, self, origin="<envcheck>/" + file, is_package=file.endswith("__init__.py")
        )
        spec.has_location = True
        return spec

    def create_module(self, spec):  # noqa: ARG002
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102

    def get_code(self, name):
        return compile(self.get_source(name), "<envcheck>/" + self.file(name), "exec")

    def get_source(self, name):
        return self.sources[self.file(name)]

    def is_package(self, name):
        return self.file(name).endswith("__init__.py")


def serve(sources):
    """Make ``envcheck`` what was sent, whatever is installed under that name."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "envcheck"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Importer(sources))


class Script:
    """The loader of ``__main__``: where ``inspect`` finds its source."""

    def __init__(self, text):
        self.text = text

    def get_source(self, name):  # noqa: ARG002
        return self.text


def script(name, text):
    """Run ``text`` as a program; returns its result as Python's exit status would tell it."""
    import linecache
    import traceback
    import types

    main = types.ModuleType("__main__")
    main.__file__, main.__loader__ = name, Script(text)
    sys.modules["__main__"] = main
    sys.argv[:] = [name]
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    result = {"status": "pass"}
    getattr(sys.stdout, "reconfigure", dict)(line_buffering=True)  # in order with standard error
    try:
        exec(compile(text, name, "exec", dont_inherit=True), main.__dict__)  # noqa: S102
        finish()
    except SystemExit as leave:
        result = left(leave.code)
    except BaseException as error:
        result = {"status": "fail", "reason": said(error) + where(error, name)}
        try:
            traceback.print_exception(type(error), error, error.__traceback__.tb_next)
        except OSError:  # the script closed standard error
            pass
    flush()
    return result


def left(code):
    """The result of a program that calls ``sys.exit(code)``."""
    if code is None or code == 0:
        return {"status": "pass"}
    if isinstance(code, int):
        return {"status": "fail", "reason": "it exited with status %d" % code}
    return {"status": "fail", "reason": " ".join(str(code).split())[:500]}


def finish():
    """What Python does when a program has come to its end: its threads, its exit handlers."""
    import atexit
    import threading

    getattr(threading, "_shutdown", int)()
    atexit._run_exitfuncs()


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def where(error, name):
    """``, line 12`` of the script, where the exception went through it last."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == name:
        line = error.lineno or 0
    return " (line %d)" % line if line else ""
