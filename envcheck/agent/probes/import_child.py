"""Imports one module as a program of the user's would, and reports how that went.

Run as ``python -c THIS NAME SECONDS [MODE TESTS …]``; TESTS is Python source with ``run(emit,
module, mode)`` that is called after an import that went well. Only built-in modules are used before
the import, so that nothing is hidden that the module itself would trip over.
Reports are lines of JSON; a crash or a hang leaves faulthandler's traceback on standard error.
"""

import faulthandler
import os
import sys
import time


def encode(value):
    """JSON of plain values; the json module is not imported, as it may be shadowed."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        pairs = (encode(str(key)) + ": " + encode(item) for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(encode, value)) + "]"
    if isinstance(value, (int, float)):
        return repr(value) if value == value and abs(value) != float("inf") else "null"
    return '"' + "".join(map(_escape, str(value))) + '"'


def _escape(char):
    code = ord(char)
    if char in '"\\':
        return "\\" + char
    if 32 <= code < 127:
        return char
    if code < 0x10000:
        return "\\u%04x" % code
    code -= 0x10000
    return "\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))


def emitter(fd):
    """A function that writes its keywords as one line, at once."""

    def emit(**values):
        line = (encode(values) + "\n").encode("ascii")
        while line:
            line = line[os.write(fd, line) :]

    return emit


def frame(traceback):
    """`file:line in function` of the innermost frame that is not importlib's or this file's."""
    found = ""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith("<"):
            found = "%s:%d in %s" % (code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next
    return found


def describe(error):
    """What an exception and those that led to it say: (text, where, missing)."""
    chain = []
    while error is not None and len(chain) < 6 and error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    texts = []
    missing = ""
    for error in chain:
        text = "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
        if text not in texts:
            texts.append(text[:500])
        if isinstance(error, ImportError) and type(error).__name__ == "ModuleNotFoundError":
            missing = error.name or missing
    where = next(
        (found for found in (frame(e.__traceback__) for e in reversed(chain)) if found), ""
    )
    first = chain[0]
    if isinstance(first, SyntaxError) and first.filename:
        where = "%s:%s" % (first.filename, first.lineno)
    return " | ".join(texts)[:1500], where, missing


def main(name, seconds, tests):
    emit = emitter(os.dup(1))
    os.dup2(2, 1)  # what the module prints is not for the report
    errors = os.dup(2)
    faulthandler.enable(file=errors, all_threads=False)
    faulthandler.dump_traceback_later(seconds, exit=True, file=errors)
    emit(started=name)
    started = time.perf_counter()
    try:
        module = __import__(name)
        for part in name.split(".")[1:]:
            module = getattr(module, part, module)
    except BaseException as error:
        taken = time.perf_counter() - started
        text, where, missing = describe(error)
        emit(status="error", seconds=taken, error=text, where=where, missing=missing)
        os._exit(0)
    taken = time.perf_counter() - started
    faulthandler.cancel_dump_traceback_later()
    version = getattr(module, "__version__", None)
    emit(
        status="ok",
        seconds=taken,
        version=None if version is None else str(version),
        file=getattr(module, "__file__", None),
    )
    for mode, source in tests:
        namespace = {"__name__": "tests"}
        exec(compile(source, "<tests>", "exec"), namespace)  # noqa: S102
        namespace["run"](emit, module, mode)
    os._exit(0)  # no exit handlers: they are not what was asked about


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), list(zip(sys.argv[3::2], sys.argv[4::2])))  # noqa: B905
