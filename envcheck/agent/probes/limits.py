"""What this process may use: memory, shared memory, disk, files, processes."""

import os
import stat

from .. import cgroups, mounts, places
from ..protocol import IS_LINUX, IS_WINDOWS, Field, isolated, read_text
from ..searchpath import environment

_DISK = (
    Field("label", "string", "`HF_HOME`, `TMPDIR`, `output`, `site-packages` … or as asked for"),
    Field("path", "string", "The place"),
    Field("variable", "string", "The environment variable that decides it; empty: the default"),
    Field("exists", "boolean", "Whether it is there"),
    Field("kind", "string", "`directory`, `file` or `other`"),
    Field("resolved", "string", "The place itself or its nearest ancestor that exists"),
    Field("filesystem", "integer", "Number of the file system, equal for places on the same one"),
    Field("free", "integer", "Space for ordinary users", "byte"),
    Field("total", "integer", "Size of the file system", "byte"),
    Field("inodes_free", "integer", "Files that may still be made; null if without limit"),
    Field("inodes_total", "integer", "Files it can hold; null if without limit"),
    Field("readonly", "boolean", "Mounted read-only"),
    Field("writable", "boolean", "Whether this user may write there"),
    Field("executable", "boolean", "Not mounted noexec"),
    Field("error", "string", "Why it cannot be used or examined; empty if nothing is wrong"),
)

FIELDS = (
    Field("memory.total", "integer", "Memory of the machine", "byte"),
    Field("memory.available", "integer", "Memory that can still be taken", "byte"),
    Field(
        "memory.limit", "integer", "The least limit of the control group and its ancestors", "byte"
    ),
    Field("memory.effective", "integer", "The least of total and limit", "byte"),
    Field("swap.total", "integer", "Swap space of the machine", "byte"),
    Field("swap.free", "integer", "Swap space not in use", "byte"),
    Field("shm.total", "integer", "Size of /dev/shm", "byte"),
    Field("shm.free", "integer", "Free space in /dev/shm", "byte"),
    Field("shm.writable", "boolean", "Whether this user may write to /dev/shm"),
    Field("disks", "records", "The places that matter and the space there", item=_DISK),
    Field("nofile", "integer", "Soft limit of open files; absent: none"),
    Field("nofile_hard", "integer", "Hard limit of open files; absent: none"),
    Field("memlock", "integer", "Memory that may be locked; absent: no limit", "byte"),
    Field("address_space", "integer", "Limit of virtual memory; absent: none", "byte"),
    Field("processes", "integer", "Limit of this user's processes and threads; absent: none"),
    Field("core", "integer", "Size limit of core dumps; absent: none", "byte"),
    Field("stack", "integer", "Stack size limit; absent: none", "byte"),
    Field("data", "integer", "Limit of private memory (`ulimit -d`); absent: none", "byte"),
    Field("file_size", "integer", "Size limit of files that are written; absent: none", "byte"),
    Field(
        "cpu_time", "integer", "Processor time after which a process is killed; absent: none", "s"
    ),
    Field("pids", "integer", "Control groups' limit of processes and threads; absent: none"),
    Field(
        "threads",
        "records",
        "Variables that set the number of threads",
        item=(
            Field("variable", "string", "Its name"),
            Field("value", "string", "What it is set to, shortened"),
            Field("number", "integer", "The number of threads; null if it cannot be read as one"),
        ),
    ),
)

_ANSWERS = 2.0  # seconds that a server has to say how full its file system is

THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
#: name of the fact -> name in /proc/self/limits
_LIMITS = {
    "nofile": "Max open files",
    "memlock": "Max locked memory",
    "address_space": "Max address space",
    "processes": "Max processes",
    "core": "Max core file size",
    "stack": "Max stack size",
    "data": "Max data size",
    "file_size": "Max file size",
    "cpu_time": "Max cpu time",
}
_RESOURCES = {
    "nofile": "RLIMIT_NOFILE",
    "memlock": "RLIMIT_MEMLOCK",
    "address_space": "RLIMIT_AS",
    "processes": "RLIMIT_NPROC",
    "core": "RLIMIT_CORE",
    "stack": "RLIMIT_STACK",
    "data": "RLIMIT_DATA",
    "file_size": "RLIMIT_FSIZE",
    "cpu_time": "RLIMIT_CPU",
}


def collect(facts, request):
    _memory(facts)
    _shared_memory(facts)
    _ulimits(facts)
    pids, source = cgroups.process_limit() if IS_LINUX else (None, "")
    facts.found("pids", pids, source or "control groups")
    facts.known("threads", threads(os.environ), "environment")
    remote = mounts.remote_mounts() if IS_LINUX else []
    wanted = places.places(request, environment(request).site, remote)
    facts.known("disks", disks(wanted, remote), "statvfs")


def _memory(facts):
    limit, source = cgroups.memory_limit() if IS_LINUX else (None, "")
    values = meminfo(read_text("/proc/meminfo") or "") if IS_LINUX else {}
    total, origin = values.get("MemTotal"), "/proc/meminfo"
    if total is None and hasattr(os, "sysconf"):
        try:
            total, origin = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "sysconf"
        except (OSError, ValueError):
            total = None
    if total is None:
        for name in ("memory.total", "memory.effective"):
            facts.unknown(name, "this system has no way to read it without loading libraries")
    else:
        facts.known("memory.total", total, origin)
        smaller = limit is not None and limit < total
        facts.known("memory.effective", limit if smaller else total, source if smaller else origin)
    facts.found("memory.limit", limit, source or "control groups")
    below = cgroups.memory_available() if IS_LINUX else None
    left = [value for value in (values.get("MemAvailable"), below) if value is not None]
    if left:
        facts.known("memory.available", min(left), "/proc/meminfo and control groups")
    else:
        facts.unknown("memory.available", "this system does not say")
    for name, key in (("swap.total", "SwapTotal"), ("swap.free", "SwapFree")):
        if key in values:
            facts.known(name, values[key], "/proc/meminfo")
        else:
            facts.unknown(name, "this system does not say")


def meminfo(text):
    """Name -> bytes, out of /proc/meminfo."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            values[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return values


def _shared_memory(facts):
    names = ("shm.total", "shm.free", "shm.writable")
    try:
        status = os.statvfs("/dev/shm")  # noqa: S108
    except (OSError, AttributeError):
        for name in names:
            facts.absent(name, "/dev/shm")
        return
    size = status.f_frsize or status.f_bsize
    facts.known("shm.total", status.f_blocks * size, "/dev/shm")
    facts.known("shm.free", status.f_bavail * size, "/dev/shm")
    facts.known("shm.writable", os.access("/dev/shm", os.W_OK | os.X_OK), "/dev/shm")  # noqa: S108


def _ulimits(facts):
    text = read_text("/proc/self/limits", 1 << 14) if IS_LINUX else None
    if text is not None:
        limits, source = proc_limits(text), "/proc/self/limits"
    elif IS_WINDOWS:
        for name in list(_LIMITS) + ["nofile_hard"]:
            facts.absent(name, "Windows")
        return
    else:
        limits, source = _getrlimit(), "getrlimit"
    for name in _LIMITS:
        if name not in limits:
            facts.unknown(name, "not reported", source)
        else:
            facts.found(name, limits[name][0], source)
    hard = limits.get("nofile", (None, None))[1]
    facts.found("nofile_hard", hard, source)


def proc_limits(text):
    """Fact name -> (soft, hard) out of /proc/self/limits; None is without limit."""
    found = {}
    for line in text.splitlines():
        for name, title in _LIMITS.items():
            if line.startswith(title + " "):
                words = line[len(title) :].split()
                found[name] = tuple(int(word) if word.isdigit() else None for word in words[:2])
    return found


def _getrlimit():
    import resource

    found = {}
    for name, constant in _RESOURCES.items():
        number = getattr(resource, constant, None)
        if number is not None:
            pair = resource.getrlimit(number)
            found[name] = tuple(
                None if value == resource.RLIM_INFINITY else value for value in pair
            )
    return found


def threads(environ):
    """Records of the thread variables that are set."""
    records = []
    for name in THREADS:
        value = environ.get(name)
        if value is not None:
            first = value.split(",")[0].strip()  # OpenMP: one number for each level of nesting
            number = int(first) if first.lstrip("-").isdigit() and len(first) < 12 else None
            records.append({"variable": name, "value": value[:40], "number": number})
    return records


def disks(wanted, remote):
    """The records of ``wanted``. A mount with a server behind it is asked in a child, which may
    hang there: one for each of ``remote`` that a place is on.
    """
    groups = {}
    for place in wanted:
        groups.setdefault(mounts.mount_of(place.path or "", remote), []).append(place)
    near = groups.pop(None, [])
    children = [(group, isolated(_report, _ANSWERS, group)) for group in groups.values()]
    records = {place.label: disk(place) for place in near}
    for group, child in children:
        values, outcome = child.wait()
        for place in group:
            if place.label in values:
                records[place.label] = values[place.label]
            else:
                place.error = outcome.reason("the file system") or outcome.text_err()[-200:]
                records[place.label] = _blank(place)
    return [records[place.label] for place in wanted]


def _report(emit, group):
    for place in group:
        emit(**{place.label: disk(place)})


def _blank(place):
    record = dict.fromkeys(field.name for field in _DISK)
    record.update(label=place.label, path=place.path, variable=place.variable, error=place.error)
    return record


def disk(place):
    """The record of one place; whatever cannot be observed is null and ``error`` says why."""
    record = _blank(place)
    if place.path is None:
        return record
    try:
        resolved, status, error = _resolve(place.path)
        record["exists"] = resolved == place.path
        if not record["exists"] and not stat.S_ISDIR(status.st_mode):
            error = error or "%s is no directory" % resolved
        record["error"] = place.error or error
        record["resolved"] = resolved
        record["filesystem"] = status.st_dev
        if record["exists"]:
            record["kind"] = _kind(status.st_mode)
        _space(record, resolved)
    except OSError as failure:
        record["error"] = record["error"] or failure.strerror or str(failure)
    return record


def _kind(mode):
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def _resolve(path):
    """(nearest that exists, its status, what is in the way or empty)."""
    error = ""
    while True:
        try:
            status = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(path):
                error = error or "%s is a symbolic link to %s, which does not exist" % (
                    path,
                    os.readlink(path),
                )
            above = os.path.dirname(path)
            if above == path:
                raise
            path = above
            continue
        except ValueError as failure:  # an embedded null character
            raise OSError(0, str(failure)) from failure
        break
    return path, status, error


def _space(record, resolved):
    record["writable"] = os.access(resolved, os.W_OK | (os.X_OK if os.path.isdir(resolved) else 0))
    if not hasattr(os, "statvfs"):
        import shutil

        usage = shutil.disk_usage(resolved)
        record.update(free=usage.free, total=usage.total)
        return
    status = os.statvfs(resolved)
    size = status.f_frsize or status.f_bsize
    record.update(free=status.f_bavail * size, total=status.f_blocks * size)
    if status.f_files:  # file systems that make inodes as they need them say 0
        record.update(inodes_free=status.f_favail, inodes_total=status.f_files)
    record["readonly"] = bool(status.f_flag & getattr(os, "ST_RDONLY", 1))
    record["writable"] = record["writable"] and not record["readonly"]
    if hasattr(os, "ST_NOEXEC"):
        record["executable"] = not status.f_flag & os.ST_NOEXEC
