"""The machine: operating system, C library, wheel platforms, container, processor."""

import os
import sys

from .. import cpu, libc, tags
from ..protocol import IS_LINUX, IS_MACOS, IS_WINDOWS, Field, isolated, read_text
from ..searchpath import environment
from .host_container import container, wsl

FIELDS = (
    Field("os", "string", "`linux`, `darwin`, `windows` or what `sys.platform` says"),
    Field("kernel", "string", "Release of the kernel"),
    Field("kernel_build", "string", "Version of the kernel: when and how it was built"),
    Field(
        "arch",
        "string",
        "Architecture, as `platform.machine()`: `x86_64`, `aarch64`, `arm64`, `AMD64`",
    ),
    Field("distribution.id", "string", "`ID` of os-release: `debian`, `alpine` …; `macos`"),
    Field("distribution.version", "string", "`VERSION_ID` of os-release, or the version of macOS"),
    Field("distribution.name", "string", "`PRETTY_NAME` of os-release"),
    Field("libc.family", "string", "`glibc`, `musl` or `bionic`"),
    Field("libc.version", "string", "Version of the C library that is running"),
    Field("tags", "strings", "Platform part of the wheel tags that are supported, best first"),
    Field(
        "tags.veto", "string", "A `_manylinux` module that decides which manylinux tags are allowed"
    ),
    Field("container", "string", "`docker`, `podman`, `kubernetes`, `lxc`, `containerd` …"),
    Field("wsl", "string", "`wsl1` or `wsl2`: Windows Subsystem for Linux"),
    Field("emulation", "string", "`qemu-user` or `rosetta`: the whole system is translated"),
    Field("cpu.model", "string", "Name of the processor"),
    Field("cpu.vendor", "string", "Vendor, as the kernel names it"),
    Field("cpu.features", "strings", "Instruction sets, as the kernel names them"),
    Field("cpu.level", "integer", "x86-64 micro-architecture level, 1 to 4"),
    Field("cpu.logical", "integer", "Logical processors of the machine"),
    Field("cpu.affinity", "integer", "Processors that affinity and cpusets leave"),
    Field("cpu.quota", "number", "Processors' worth of time that control groups allow"),
    Field("cpu.usable", "number", "The least of these: what may really be used"),
    Field("rdma", "strings", "InfiniBand and RoCE adapters"),
)

_VETO_DEADLINE = 2.0


def collect(facts, request):
    machine = _system(facts)
    library = _libc(facts)
    _distribution(facts)
    _tags(facts, request, machine, library)
    facts.found("container", container(), "/.dockerenv, /run/.containerenv, /proc/1/cgroup …")
    facts.found("wsl", wsl(facts.value("kernel") or ""), "uname")
    _processor(facts, machine)
    try:
        adapters = sorted(os.listdir("/sys/class/infiniband"))
    except OSError:
        adapters = None
    facts.found("rdma", adapters or None, "/sys/class/infiniband")


def _system(facts):
    name = "linux" if IS_LINUX else "windows" if IS_WINDOWS else sys.platform
    facts.known("os", name, "sys.platform")
    if hasattr(os, "uname"):
        uname = os.uname()
        facts.known("kernel", uname.release, "uname")
        facts.known("kernel_build", uname.version, "uname")
        machine = uname.machine
    else:
        version = sys.getwindowsversion()
        facts.known("kernel", "%d.%d.%d" % version[:3], "sys.getwindowsversion()")
        facts.absent("kernel_build", "Windows")
        variable = "PROCESSOR_ARCHITEW6432"
        machine = os.environ.get(variable) or os.environ.get("PROCESSOR_ARCHITECTURE", "")
    facts.found("arch", machine or None, "uname")
    return machine


def _libc(facts):
    if not IS_LINUX:
        facts.absent("libc.family", "not Linux")
        facts.absent("libc.version", "not Linux")
        return None
    library = libc.observe()
    for name in ("family", "version"):
        value = getattr(library, name)
        if value is None:
            facts.unknown("libc." + name, library.reason, library.source)
        else:
            facts.known("libc." + name, value, library.source)
    return library


def _distribution(facts):
    if IS_MACOS:
        source = "/System/Library/CoreServices/SystemVersion.plist"
        version = macos_version()
        facts.known("distribution.id", "macos", "sys.platform")
        facts.found("distribution.version", version, source)
        facts.found("distribution.name", version and "macOS " + version, source)
        return
    for source in ("/etc/os-release", "/usr/lib/os-release"):
        text = read_text(source, 1 << 16) if IS_LINUX else None
        if text is not None:
            break
    values = os_release(text or "")
    for name, key in (("id", "ID"), ("version", "VERSION_ID"), ("name", "PRETTY_NAME")):
        facts.found("distribution." + name, values.get(key), source)


def os_release(text):
    """The assignments of an os-release file, unquoted."""
    values = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if not separator or key.startswith("#"):
            continue
        if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
            value = value[1:-1]
        for escaped in ('\\"', "\\'", "\\$", "\\`", "\\\\"):
            value = value.replace(escaped, escaped[1])
        if value:
            values[key] = value
    return values


def macos_version(root="/"):
    """Version of macOS. Old builds of Python are told 10.16; the Darwin release tells the truth."""
    file = os.path.join(root, "System/Library/CoreServices/SystemVersion.plist")
    text = (read_text(file, 1 << 14) or "").partition("<key>ProductVersion</key>")[2]
    version = text.partition("<string>")[2].partition("</string>")[0].strip() or None
    if version == "10.16" and hasattr(os, "uname"):
        darwin = int(os.uname().release.split(".")[0])
        version = "%d.0" % (darwin - 9 if darwin < 25 else darwin + 1)
    return version


def _tags(facts, request, machine, library):
    if IS_WINDOWS:
        facts.absent("tags.veto", "Windows")
        facts.known("tags", [tags.windows_platform()], "sys.version")
    elif IS_MACOS:
        facts.absent("tags.veto", "macOS")
        version = libc.release(facts.value("distribution.version") or "")
        if version is None:
            facts.unknown("tags", "the version of macOS is not known")
        else:
            facts.known("tags", tags.macos_platforms(version, machine), "macOS %d.%d" % version)
    elif IS_LINUX:
        _linux_tags(facts, request, machine, library)
    else:
        facts.absent("tags.veto", sys.platform)
        facts.known("tags", [tags.other_platform()], "uname")


def _linux_tags(facts, request, machine, library):
    module = _veto_module(environment(request).path)
    facts.found("tags.veto", module, "the module search path")
    release = library.release()
    if release is None:
        reason = "the C library's version is not known: " + library.reason
        facts.unknown("tags", reason, library.source)
        return
    bits = 64 if cpu.is_64bit() else 32
    allowed, source = None, "%s %s" % (library.family, library.version)
    if module and library.family == "glibc":
        answers, outcome = isolated(_ask_veto, _VETO_DEADLINE, module, release, machine).wait()
        if "answers" not in answers:
            said = outcome.text_err()[-200:]
            reason = outcome.reason(module) or "%s did not answer" % module
            if said and outcome.status == "exit":
                reason += ": " + said
            facts.unknown("tags", reason, module)
            return
        vetoed = {tuple(pair) for pair in answers["answers"]}
        source = module
        allowed = lambda major, minor, _: (major, minor) not in vetoed  # noqa: E731
    platforms = tags.linux_platforms(
        machine, bits, library.family, release, allowed, libc.EXECUTABLE
    )
    facts.known("tags", platforms, source)


def _veto_module(path):
    for record in path:
        file = os.path.join(record["entry"], "_manylinux.py")
        if record["exists"] and os.path.isfile(file):
            return file
    return None


def _ask_veto(emit, file, release, arch):
    """In a child, for it runs somebody's code: the versions that the module does not allow."""
    names = {"__name__": "_manylinux", "__file__": file}
    with open(file, "rb") as stream:
        exec(compile(stream.read(), file, "exec"), names)  # noqa: S102
    ask = names.get("manylinux_compatible")
    vetoed = []
    for minor in range(release[1], 4, -1):
        if ask is not None:
            answer = ask(release[0], minor, arch)
        else:
            legacy = tags.LEGACY.get((release[0], minor))
            answer = names.get(legacy + "_compatible") if legacy else None
        if answer is not None and not answer:
            vetoed.append([release[0], minor])
    emit(answers=vetoed)


def _processor(facts, machine):
    processor = cpu.observe(machine)
    facts.found("cpu.model", processor.model, processor.source)
    facts.found("cpu.vendor", processor.vendor, processor.source)
    if processor.features is None:
        facts.unknown("cpu.features", processor.reason, processor.source)
    else:
        facts.known("cpu.features", processor.features, processor.source)
    if machine not in ("x86_64", "AMD64", "amd64"):
        facts.absent("cpu.level", "not x86-64")
    elif processor.features is None or not IS_LINUX:
        facts.unknown("cpu.level", processor.reason)
    else:
        facts.known("cpu.level", cpu.x86_64_level(processor.features), processor.source)
    rosetta = IS_LINUX and processor.vendor == "VirtualApple"
    emulation = "rosetta" if rosetta else "qemu-user" if processor.foreign else None
    facts.found("emulation", emulation, processor.source)
    logical, affinity, quota, source = cpu.usable()
    facts.found("cpu.logical", logical, "os.cpu_count()")
    facts.found("cpu.affinity", affinity, "sched_getaffinity")
    facts.found("cpu.quota", quota, source)
    counted = [value for value in (logical, affinity, quota) if value is not None]
    if counted:
        facts.known("cpu.usable", min(counted), source or "sched_getaffinity")
    else:
        facts.unknown("cpu.usable", "neither the machine's processors nor affinity are known")
