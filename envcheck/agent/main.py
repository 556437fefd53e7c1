"""Runs the probes and prints exactly one JSON object on standard output; exit status 0.

Two processes: the *worker* runs the probes one after another and sends each one's facts as a line;
the *supervisor* assembles the lines into the sheet. A probe that hangs (a dead network mount, a
wedged driver) or crashes costs its own facts only: the supervisor kills or abandons the worker,
notes why, and starts another one for the probes that are left.

The second process costs a tenth of a run. A host on the same machine first asks for one process
(``--alone``), and for two if that one does not come to its end.
"""

import gc
import os
import select
import time
from importlib import import_module

from . import protocol
from .jsontext import dumps
from .registry import PROBES

AGENT_VERSION = "1"


def main(argv):
    """Parse ``argv``, run, print, and leave without running anybody's exit handlers."""
    gc.set_threshold(100000)  # what a sheet is made of has no cycles, and is soon written
    output = _take_stdout()
    if hasattr(protocol.signal, "SIGCHLD"):  # ignored, children could not be waited for
        protocol.signal.signal(protocol.signal.SIGCHLD, protocol.signal.SIG_DFL)
    if argv == ["--describe"]:
        from . import describe

        describe.write(output)
        os._exit(0)
    os.write(output, b"\n")  # a sign of life: the interpreter has started
    alone = argv[:1] == ["--alone"] or not hasattr(os, "fork")
    request = parse(argv[argv[:1] == ["--alone"] :])
    started = time.monotonic()
    sheets = _in_process(PROBES, request) if alone else _supervise(request)
    head = '{"schema": "%s", "agent": {"status": "ok", "version": "%s", "seconds": %.4f}, ' % (
        protocol.SCHEMA,
        AGENT_VERSION,
        time.monotonic() - started,
    )
    probes = ", ".join('"%s": %s' % (name, status) for name, status, _ in sheets)
    facts = ", ".join(entries for _, _, entries in sheets if entries)
    data = (head + '"probes": {' + probes + '}, "facts": {' + facts + "}}\n").encode("ascii")
    while data:
        data = data[os.write(output, data) :]
    os._exit(0)


def parse(argv):
    """Flags from the host; the agent's own, so nothing but a defect makes them wrong."""
    request = protocol.Request()
    words = iter(argv)
    for word in words:
        if word in ("--deep", "--online", "--versions", "--smoke"):
            setattr(request, word[2:], True)
        elif word == "--timeout":
            request.timeout = float(next(words))
        elif word == "--prefix":
            request.prefix = next(words)
        elif word == "--path":
            label, _, path = next(words).partition("=")
            request.paths[label] = path
        elif word == "--module":
            request.modules.append(next(words))
        elif word == "--part":
            request.parts.append(next(words))
        elif word == "--variable":
            request.variables.append(next(words))
        else:
            raise SystemExit("agent: unknown argument " + word)
    return request


def _take_stdout():
    """Keep standard output for the sheet alone: whatever else prints goes to standard error."""
    output = os.dup(1)
    os.dup2(2, 1)
    return output


def run_probe(name, module, request):
    """One probe, in this process: (status as JSON, facts as JSON without braces)."""
    started = time.monotonic()
    facts = protocol.Facts()
    fields = ()
    status = {"status": "ok"}
    try:
        probe = import_module("." + module, __package__ + ".probes")
        fields = probe.FIELDS
        probe.collect(facts, request)
    except Exception as error:
        status = {"status": "crash", "reason": "%s: %s" % (type(error).__name__, error)}
        import traceback

        status["where"] = traceback.format_exc(limit=-2)[-600:]
    reason = status.get("reason", "the probe did not report it")
    for field in fields:
        if field.name not in facts.entries:
            facts.unknown(field.name, reason)
    status["seconds"] = round(time.monotonic() - started, 4)
    entries = {name + "." + key: entry for key, entry in facts.entries.items()}
    return dumps(status), dumps(entries)[1:-1]


def _lost(name, module, reason):
    """The facts of a probe that never answered: all unknown."""
    fields = import_module("." + module, __package__ + ".probes").FIELDS
    entry = {"status": "unknown", "reason": reason}
    entries = {name + "." + field.name: entry for field in fields}
    return name, dumps({"status": "lost", "reason": reason}), dumps(entries)[1:-1]


def _in_process(probes, request):
    return [(name,) + run_probe(name, module, request) for name, module, _ in probes]


def _supervise(request):
    end = time.monotonic() + request.timeout
    sheets = []
    while len(sheets) < len(PROBES):
        left = PROBES[len(sheets) :]
        if time.monotonic() >= end:
            reason = "the time for the whole sheet was over (%g s)" % request.timeout
            sheets += [_lost(name, module, reason) for name, module, _ in left]
            break
        try:
            worker = _Worker(left, request)
        except OSError:  # no process may be started: what can be seen without one
            return sheets + _in_process(left, request)
        sheets += worker.sheets(end)
        if worker.failure and len(sheets) < len(PROBES):
            name, module, _ = PROBES[len(sheets)]
            sheets.append(_lost(name, module, worker.failure))
    return sheets


class _Worker:
    """A forked process that runs ``probes`` in order and writes one line for each."""

    def __init__(self, probes, request):
        self.probes = probes
        self.failure = ""
        self.scale = 8.0 if request.deep or request.smoke else 1.0
        self.pipe, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._run(write, request)
            finally:
                os._exit(0)
        os.close(write)

    def _run(self, write, request):
        os.close(self.pipe)
        for name, module, _ in self.probes:
            status, entries = run_probe(name, module, request)
            line = ("%s\t%s\n" % (status, entries)).encode("ascii")
            while line:
                line = line[os.write(write, line) :]

    def sheets(self, end):
        """What came before the worker ended, hung or died; sets ``failure`` for the last two."""
        buffer = bytearray()
        sheets = []
        for name, _, deadline in self.probes:
            until = min(end, time.monotonic() + deadline * self.scale)
            line = self._line(buffer, until)
            if line is None:
                break
            status, _, entries = line.decode("ascii").partition("\t")
            sheets.append((name, status, entries))
        os.close(self.pipe)
        if not self.failure:
            os.waitpid(self.pid, 0)
        return sheets

    def _line(self, buffer, until):
        while b"\n" not in buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                self._give_up()
                return None
            chunk = os.read(self.pipe, 1 << 20)
            if not chunk:
                self._died()
                return None
            buffer += chunk
        line, _, rest = bytes(buffer).partition(b"\n")
        buffer[:] = rest
        return line

    def _died(self):
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSIGNALED(status):
            self.failure = "the probe was killed by " + protocol.signal_name(os.WTERMSIG(status))
        else:
            self.failure = "the probe ended without an answer"

    def _give_up(self):
        self.failure = "the probe did not answer in time"
        for pid in _descendants(self.pid) + [self.pid]:
            try:
                os.kill(pid, protocol.signal.SIGKILL)
            except OSError:
                pass
        end = time.monotonic() + protocol.GRACE
        while time.monotonic() < end:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.005)
        self.failure += " and could not be killed; it was abandoned"


def _descendants(root):
    """Process ids below ``root``, from /proc; empty where there is no /proc."""
    parents = {}
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for name in names:
        stat = protocol.read_text("/proc/%s/stat" % name)
        if stat:
            parents[int(name)] = int(stat.rpartition(")")[2].split()[1])
    found = [root]
    for parent in found:
        found += [pid for pid, above in parents.items() if above == parent]
    return found[1:]
