"""What a probe is given to observe with: fields, the fact writer, and killable children.

A probe never judges and never raises for what it can name: it reports a fact as *known*, *absent*
(looked for and not there) or *unknown* (could not be observed, with the reason).
"""

import os
import select
import sys
import time

try:
    import _signal as signal  # the same without the enums, whose import costs 2 ms
except ImportError:
    import signal

from .jsontext import dumps, loads

SCHEMA = "envcheck.facts/1"
OUTPUT_LIMIT = 1 << 20  # bytes kept of what a child prints
GRACE = 0.5  # seconds between SIGKILL and giving a child up
_LATE = 0.05  # seconds in which to read what a child said before it is waited for


class Field:
    """One declared fact of a probe; ``envcheck list facts`` and the JSON Schema come from these.

    ``type`` is one of ``string integer number boolean strings map record records``;
    ``record`` and ``records`` have ``item``: the Fields of the object (of each object).
    An item's value may always be null: not observed for that one.
    """

    __slots__ = ("doc", "item", "name", "type", "unit")

    def __init__(self, name, type, doc, unit="", item=()):  # noqa: A002
        self.name = name
        self.type = type
        self.doc = doc
        self.unit = unit
        self.item = item


class Request:
    """What the host asks of the agent (see ``main.parse``)."""

    deep = False  # run torch, compile, count RECORD files: seconds, in grandchildren
    smoke = False  # train tiny models, or run a script: seconds, in a grandchild
    online = False  # the index may be contacted
    versions = False  # ask compilers for their versions (one child process each)
    prefix = None  # examine this environment from outside: its own interpreter does not start
    timeout = 30.0  # seconds for everything

    def __init__(self):
        self.started = time.monotonic()
        self.paths = {}  # label -> path: further places whose disk matters
        self.modules = []  # import names to import for real, with deep
        self.parts = []  # of the smoke training; empty is all
        self.torch = None  # how the import of torch went, once a probe has tried it
        self.variables = []  # names of environment variables whose presence matters

    def left(self):
        """Seconds until the time for the whole sheet is over; may be negative."""
        return self.started + self.timeout - time.monotonic()


class Facts:
    """Collects the facts of one probe; keys are the probe's field names."""

    def __init__(self):
        self.entries = {}

    def known(self, name, value, source=""):
        self._add(name, {"status": "known", "value": value}, source)

    def absent(self, name, source=""):
        """Looked for (where ``source`` says) and not there."""
        self._add(name, {"status": "absent"}, source)

    def unknown(self, name, reason, source=""):
        """Could not be observed. Never a pass, never an absence."""
        self._add(name, {"status": "unknown", "reason": reason}, source)

    def _add(self, name, entry, source):
        if source:
            entry["source"] = source
        self.entries[name] = entry

    def value(self, name):
        """The known value of a fact of this probe, else None."""
        return self.entries.get(name, {}).get("value")

    def found(self, name, value, source=""):
        """Known if ``value`` is not None, else absent."""
        if value is None:
            self.absent(name, source)
        else:
            self.known(name, value, source)


class Outcome:
    """How a child ended. ``status``: ok, exit, signal, timeout, abandoned, missing."""

    __slots__ = ("err", "out", "returncode", "seconds", "status")

    def __init__(self, status, returncode, out, err, seconds):
        self.status = status
        self.returncode = returncode
        self.out = out
        self.err = err
        self.seconds = seconds

    @property
    def ok(self):
        return self.status == "ok"

    def reason(self, what):
        """One sentence for a fact's ``reason``; empty when all went well."""
        if self.status == "ok":
            return ""
        if self.status in ("timeout", "abandoned"):
            stuck = " and could not be killed" if self.status == "abandoned" else ""
            return "%s did not answer within %.3g s%s" % (what, self.seconds, stuck)
        if self.status == "signal":
            return "%s was killed by %s" % (what, signal_name(self.returncode))
        if self.status == "missing":
            return "%s could not be started: %s" % (what, self.text_err())
        return "%s exited with status %d" % (what, self.returncode)

    def text(self):
        return self.out.decode("utf-8", "replace")

    def text_err(self):
        return self.err.decode("utf-8", "replace").strip()


def signal_name(number):
    try:
        from signal import Signals

        return Signals(number).name
    except ValueError:
        return "signal %d" % number


class Child:
    """A forked child in a process group of its own. Start several, then ``wait`` for each.

    ``target`` is called in the child with file descriptor 1 and 2 going to the pipes; it may exec.
    Fork is safe here: the agent has one thread.
    """

    def __init__(self, target, deadline):
        self.started = time.monotonic()
        self.deadline = deadline
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become(target, out_write, err_write)
        os.close(out_write)
        os.close(err_write)
        self.buffers = {out_read: bytearray(), err_read: bytearray()}
        self.out_fd, self.err_fd = out_read, err_read
        self.pipes = [out_read, err_read]
        self.status = None  # of waitpid, as soon as it is known

    def wait(self):
        """Read until it ends or the deadline passes; never longer than that plus GRACE.

        What it has started and left behind in its process group is killed.
        """
        # one that ended while another was waited for has not missed its deadline
        end = max(self.started + self.deadline, time.monotonic() + _LATE)
        timed_out = not self._read_until(end)
        status = None if timed_out else self._reap(max(end, time.monotonic() + GRACE))
        if status is None:
            timed_out = True
            _kill_group(self.pid)
            status = self._reap(time.monotonic() + GRACE)
        for fd in self.buffers:
            os.close(fd)
        seconds = time.monotonic() - self.started
        out, err = bytes(self.buffers[self.out_fd]), bytes(self.buffers[self.err_fd])
        if status is None:
            return Outcome("abandoned", None, out, err, seconds)
        if timed_out:
            return Outcome("timeout", None, out, err, seconds)
        if os.WIFSIGNALED(status):
            return Outcome("signal", os.WTERMSIG(status), out, err, seconds)
        code = os.WEXITSTATUS(status)
        if code == 127 and err.startswith(_EXEC_FAILED):
            return Outcome("missing", code, out, err[len(_EXEC_FAILED) :], seconds)
        return Outcome("exit" if code else "ok", code, out, err, seconds)

    def _read_until(self, end):
        pipes = list(self.pipes)
        while pipes:
            left = end - time.monotonic()
            if left <= 0:
                return self._reap(0) is not None
            ready = select.select(pipes, [], [], min(left, _LATE))[0]
            if self._reap(0) is not None:  # what it left behind holds the pipes
                _kill_group(self.pid)
                if not ready:
                    return True
            for fd in ready:
                chunk = os.read(fd, 65536)
                if not chunk:
                    pipes.remove(fd)
                elif fd == self.err_fd:  # of what it says, the end tells how it ended
                    self.buffers[fd] += chunk
                    del self.buffers[fd][:-OUTPUT_LIMIT]
                elif len(self.buffers[fd]) < OUTPUT_LIMIT:
                    self.buffers[fd] += chunk
        return True

    def _reap(self, end):
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() > end:
                break
            else:
                time.sleep(0.002)
        return self.status


_EXEC_FAILED = b"\0exec failed\0"


def _become(target, out_write, err_write):
    """In the child: never returns, whatever ``target`` does."""
    code = 70
    try:
        os.setpgid(0, 0)
        null = os.open(os.devnull if os.path.exists(os.devnull) else os.sep, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out_write, 1)
        os.dup2(err_write, 2)
        code = target() or 0
    except BaseException as error:
        try:
            os.write(2, ("%s: %s" % (type(error).__name__, error)).encode("utf-8", "replace"))
        except OSError:
            pass
    finally:
        os._exit(code)


def _kill_group(pid):
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass


def command(argv, deadline, env=None, localized=False, stdin=None):
    """Start ``argv`` (its program looked up on PATH); returns a Child to wait for.

    In a C locale, so that its messages can be read, unless ``localized``: as the user would.
    ``stdin``: a file descriptor to read from, else there is nothing to read.
    """
    environ = dict(os.environ, **(env or {}))
    if not localized:
        environ.update(LC_ALL="C", LANGUAGE="C")

    def run():
        for number in (signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.dup2(0 if stdin is None else stdin, 0)
            os.execvpe(argv[0], argv, environ)  # noqa: S606
        except OSError as error:
            os.write(2, _EXEC_FAILED + str(error).encode("utf-8", "replace"))
        return 127

    return _start(run, deadline, argv, stdin)


def run_command(argv, deadline, env=None):
    """Run ``argv`` to its end or deadline. Returns an Outcome; raises nothing."""
    return command(argv, deadline, env).wait()


def isolated(function, deadline, *args):
    """Start ``function(*args)`` in a forked child that may crash or hang. Returns an Isolated."""
    return Isolated(function, deadline, args)


_ENDED = ""  # the key of the report that a function in a child came to its end


class _Report:
    fd = 1  # where ``emit`` writes


class Isolated:
    """A function in a killable child. It reports JSON by ``emit``, as often as it likes, so that
    what was observed before a crash or a hang is not lost.
    """

    def __init__(self, function, deadline, args):
        def run():
            import faulthandler

            faulthandler.enable(file=2, all_threads=False)
            _Report.fd = os.dup(1)
            os.dup2(2, 1)  # what it prints is not for the report
            function(emit, *args)
            emit(**{_ENDED: True})

        self.child = _start(run, deadline, None)

    def wait(self):
        """Returns (dict of everything emitted, Outcome): ok only if the function returned."""
        outcome = self.child.wait()
        values = emitted(outcome.out)
        if not values.pop(_ENDED, False) and outcome.ok:
            outcome.status = "exit"
        return values, outcome


def emitted(data):
    """The objects in ``data``, one a line as ``emit`` writes them, merged; the rest is noise."""
    values = {}
    for line in data.split(b"\n"):
        if line.startswith(b'{"'):
            try:
                values.update(loads(line.decode("utf-8", "replace")))
            except ValueError:
                continue
    return values


def emit(**values):
    """From inside an isolated function: report ``values`` at once."""
    line = dumps(values).encode("ascii") + b"\n"
    while line:
        line = line[os.write(_Report.fd, line) :]


def _start(run, deadline, argv, stdin=None):
    if hasattr(os, "fork"):
        return Child(run, deadline)
    from .without_fork import WithoutFork

    return WithoutFork(argv, deadline, stdin)


def read_bytes(path, limit=OUTPUT_LIMIT):
    """At most ``limit`` bytes of a file, None if it cannot be read (or is no regular file)."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError):
        return None
    try:
        data = os.read(fd, limit)
        while data and len(data) < limit:  # files in /proc come in pieces
            more = os.read(fd, limit - len(data))
            if not more:
                break
            data += more
        return data
    except OSError:
        return None
    finally:
        os.close(fd)


def read_text(path, limit=OUTPUT_LIMIT):
    """As ``read_bytes``, decoded as UTF-8 with surrogate escapes."""
    data = read_bytes(path, limit)
    return None if data is None else data.decode("utf-8", "surrogateescape")


def which(name, path=None):
    """The first executable file called ``name`` on PATH, else None (cheaper than shutil's)."""
    for folder in (path or os.environ.get("PATH", os.defpath)).split(os.pathsep):
        candidate = os.path.join(folder or ".", name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    if os.name == "nt" and not name.endswith(".exe"):
        return which(name + ".exe", path)
    return None


def without_credentials(url):
    """``url`` without user, password and query: what may be kept of an index or a proxy."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url.rpartition("@")[2]
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path.partition("?")[0]


IS_LINUX = sys.platform.startswith("linux")
IS_MACOS = sys.platform == "darwin"
IS_WINDOWS = os.name == "nt"
