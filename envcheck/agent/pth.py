"""``.pth`` files: lines that run at every start of Python, and what they cost."""

import os
import sys

from .metadata import clean, read

_LIMIT = 1 << 16
_TIMER = """
import sys, time, os
file, folder = sys.argv[1:3]
sys.path.append(folder)
import importlib.util, importlib.machinery
with open(file, encoding="utf-8", errors="replace") as stream:
    lines = [line for line in stream if line.startswith(("import ", "import\\t"))]
def addpackage(sitedir, name, known_paths):  # as in site: the code may look at its caller
    for line in lines:
        exec(line)
start = time.process_time()
addpackage(folder, os.path.basename(file), set())
os.write(1, b"\\n%.6f" % (time.process_time() - start))
os._exit(0)
"""


def examine(folder, name):
    """A record of one .pth file: path, how many lines run code, what the first one says."""
    path = os.path.join(folder, name)
    data, why = read(path, _LIMIT)
    record = {"file": clean(path), "lines": None, "code": None, "seconds": None, "problem": None}
    if data is None:
        record["problem"] = "cannot be read: %s" % why
        return record
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        record["problem"] = "is not UTF-8: Python reads it in the locale's encoding or fails"
    if "\0" in text:
        record["problem"] = "has a NUL character"
    code = [line for line in text.splitlines() if line.startswith(("import ", "import\t"))]
    record["lines"] = len(code)
    if code:
        record["code"] = clean(code[0].strip()[:200])
    return record


def cost(records, deadline, command):
    """Time the code of each file in a fresh interpreter; sets ``seconds`` (CPU)."""
    for record in records:
        if not record["lines"] or record["problem"]:
            continue
        times = []
        for _ in range(2):  # the first one may read from disk
            argv = [sys.executable, "-I", "-S", "-c", _TIMER, record["file"]]
            outcome = command(argv + [os.path.dirname(record["file"])], deadline).wait()
            try:
                times.append(float(outcome.text().rpartition("\n")[2]))
            except ValueError:
                record["problem"] = outcome.reason("its code") or "its code ended the interpreter"
                break
        if times:
            record["seconds"] = min(times)
