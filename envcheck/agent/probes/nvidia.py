"""The NVIDIA driver: kernel side from files, user side from libcuda and NVML, nvidia-smi last.

Each source keeps its own facts; comparing them is the checks' work. Where nothing hints at a driver
no child is started.
"""

import os

from .. import loader, visible
from ..protocol import IS_LINUX, IS_WINDOWS, Field, isolated, read_text, which

LIBRARY_DEADLINE = 4.0  # seconds; initialising eight GPUs without persistence mode takes some
SMI_DEADLINE = 3.0
DEEP_FACTOR = 5.0
WSL = "/usr/lib/wsl/lib"
_ELSEWHERE = (WSL, "/usr/local/nvidia/lib64", "/run/opengl-driver/lib")
_MODULES = ("nvidia", "nvidia_uvm", "nvidia_drm", "nouveau", "nova_core")

_DEVICE = (
    Field("index", "integer", "Position in this source's order"),
    Field("name", "string", "As the driver calls it"),
    Field("uuid", "string", "GPU-… or MIG-…"),
    Field("compute_capability", "string", "Such as 8.9"),
    Field("memory", "integer", "All of it", "bytes"),
)
_CUDA_DEVICE = _DEVICE + (
    Field("code", "integer", "The library's answer when asked for this device; 0 is success"),
)
_NVML_DEVICE = _CUDA_DEVICE + (
    Field("mig", "boolean", "Whether MIG mode is on"),
    Field("mig_devices", "strings", "UUIDs of its MIG devices"),
    Field("ecc", "boolean", "Whether ECC is on"),
)
_FILE = (
    Field("path", "string", "A file of that name"),
    Field("where", "string", "What makes the loader look there; `not searched` if nothing does"),
)


def _library_fields(name, soname):
    doc = "%s: " % soname
    return (
        Field(
            name + ".status",
            "string",
            doc + "`answered`, `missing`, `unloadable`, `hung` or `crashed`",
        ),
        Field(name + ".error", "string", doc + "the loader's message, or how the child ended"),
        Field(name + ".files", "records", doc + "every one found", item=_FILE),
        Field(name + ".path", "string", doc + "the file that was loaded"),
        Field(name + ".version", "string", doc + "the driver it belongs to, by its file name"),
        Field(name + ".cuda", "string", doc + "newest CUDA it supports"),
    )


FIELDS = (
    Field(
        "kernel.version",
        "string",
        "Version of the loaded kernel module (a container sees the host's)",
    ),
    Field("kernel.flavour", "string", "`open` or `proprietary` kernel module"),
    Field("kernel.modules", "strings", "Loaded ones among " + ", ".join(_MODULES)),
    Field("kernel.nodes", "strings", "Device nodes in /dev"),
    Field("kernel.denied", "strings", "Device nodes that this user may not open"),
    Field(
        "kernel.gpus", "integer", "GPUs that the kernel module drives (/proc/driver/nvidia/gpus)"
    ),
    Field("bus.gpus", "integer", "NVIDIA display controllers on the PCI bus"),
    Field("wsl", "boolean", "Windows Subsystem for Linux: the driver is Windows'"),
    *_library_fields("libcuda", "libcuda.so.1"),
    Field(
        "libcuda.compat", "boolean", "Whether it is a forward-compatibility package's (cuda-compat)"
    ),
    Field("libcuda.init", "integer", "What cuInit answered; 0 is success"),
    Field(
        "libcuda.devices", "records", "Devices as CUDA programs see them here", item=_CUDA_DEVICE
    ),
    Field(
        "libcuda.whole",
        "records",
        "Devices without CUDA_VISIBLE_DEVICES, if that is set",
        item=_CUDA_DEVICE,
    ),
    *_library_fields("nvml", "libnvidia-ml.so.1"),
    Field("nvml.init", "integer", "What nvmlInit answered; 0 is success"),
    Field("nvml.driver", "string", "The driver's version"),
    Field("nvml.devices", "records", "All GPUs of the machine (or container)", item=_NVML_DEVICE),
    Field("smi.path", "string", "nvidia-smi on PATH"),
    Field("smi.status", "string", "`ok`, `exit`, `timeout`, `abandoned`, `signal`, `missing`"),
    Field("smi.code", "integer", "Its exit status, which is NVML's code when that fails"),
    Field("smi.driver", "string", "The driver's version"),
    Field("smi.devices", "records", "GPUs it lists", item=_DEVICE),
    Field("smi.sample", "string", "The beginning of what was not understood, escaped"),
    Field("visible.value", "string", "CUDA_VISIBLE_DEVICES"),
    Field(
        "visible.kind",
        "string",
        "What it lists: `ordinals`, `gpu` or `mig` UUIDs; `error`: torch raises",
    ),
    Field("visible.selection", "strings", "The entries that torch keeps of it"),
    Field("visible.rest", "string", "The entry at which reading stops, or that empties the list"),
    Field("visible.order", "string", "CUDA_DEVICE_ORDER"),
    Field("visible.container", "string", "NVIDIA_VISIBLE_DEVICES, for the container runtime"),
    Field("visible.hip", "string", "HIP_VISIBLE_DEVICES"),
    Field("visible.rocr", "string", "ROCR_VISIBLE_DEVICES"),
)

#: What was observed, for the probe of devices in the same process; None if this probe was lost.
OBSERVED = None


def collect(facts, request):
    global OBSERVED
    environment(facts, os.environ)
    if not (IS_LINUX or IS_WINDOWS):
        for field in FIELDS:
            if field.name not in facts.entries:
                facts.absent(field.name, "no NVIDIA driver exists for this system")
        OBSERVED = facts
        return
    kernel(facts)
    libraries(facts, request)
    nvidia_smi(facts, request)
    OBSERVED = facts


def environment(facts, environ):
    """The variables that choose among devices."""
    value = environ.get("CUDA_VISIBLE_DEVICES")
    source = "environment: CUDA_VISIBLE_DEVICES"
    facts.found("visible.value", value if value is None else value[:400], source)
    if value is None:
        for name in ("kind", "selection", "rest"):
            facts.absent("visible." + name, source)
    else:
        kind, selection, rest = visible.parse(value[:4096])
        facts.known("visible.kind", kind, source)
        facts.known("visible.selection", [str(entry) for entry in selection], source)
        facts.found("visible.rest", rest if rest is None else rest[:200], source)
    for name, variable in (
        ("order", "CUDA_DEVICE_ORDER"),
        ("container", "NVIDIA_VISIBLE_DEVICES"),
        ("hip", "HIP_VISIBLE_DEVICES"),
        ("rocr", "ROCR_VISIBLE_DEVICES"),
    ):
        text = environ.get(variable)
        facts.found(
            "visible." + name, text if text is None else text[:400], "environment: " + variable
        )


def kernel(facts, root=""):
    """The loaded module, device nodes and the bus, from files below ``root``."""
    proc = root + "/proc/driver/nvidia/version"
    banner = read_text(proc, 4096)
    version = read_text(root + "/sys/module/nvidia/version", 64)
    if version and version.strip():
        facts.known("kernel.version", version.strip(), "/sys/module/nvidia/version")
    else:
        facts.found("kernel.version", banner_version(banner or ""), "/proc/driver/nvidia/version")
    flavour = None
    if banner:
        flavour = "open" if "Open Kernel Module" in banner else "proprietary"
    facts.found("kernel.flavour", flavour, "/proc/driver/nvidia/version")
    modules = [name for name in _MODULES if os.path.isdir(root + "/sys/module/" + name)]
    facts.known("kernel.modules", modules, "/sys/module")
    nodes = sorted(name for name in _names(root + "/dev") if name.startswith("nvidia"))
    if os.path.exists(root + "/dev/dxg"):
        nodes.append("dxg")
    facts.known("kernel.nodes", nodes[:80], "/dev")
    denied = [
        name
        for name in nodes[:80]
        if _is_needed(name) and not os.access(root + "/dev/" + name, os.R_OK | os.W_OK)
    ]
    facts.known("kernel.denied", denied, "access(2)")
    gpus = _names(root + "/proc/driver/nvidia/gpus") if banner else []
    facts.found("kernel.gpus", len(gpus) if gpus else None, "/proc/driver/nvidia/gpus")
    facts.known("wsl", os.path.isdir(root + WSL) and "dxg" in nodes, WSL)
    found = bus(root)
    if found is None:
        facts.unknown("bus.gpus", "the PCI bus is not visible here", "/proc/bus/pci/devices")
    else:
        facts.known("bus.gpus", found, "/proc/bus/pci/devices")


def banner_version(banner):
    """The version in /proc/driver/nvidia/version, None if there is none."""
    from .. import smi

    for word in banner.partition("\n")[0].split():
        if smi.is_driver(word):
            return word
    return None


def bus(root=""):
    """How many NVIDIA display controllers are on the bus; None if it cannot be seen."""
    table = read_text(root + "/proc/bus/pci/devices")
    if not table:
        return None
    count = 0
    names = None
    for line in table.split("\n"):
        columns = line.split("\t", 2)
        if len(columns) < 3 or not columns[1].lower().startswith("10de") or len(columns[0]) != 4:
            continue
        if names is None:
            names = _names(root + "/sys/bus/pci/devices")
        place = int(columns[0], 16)
        end = ":%02x:%02x.%x" % (place >> 8, place >> 3 & 31, place & 7)
        for name in names:
            if name.endswith(end):
                kind = read_text("%s/sys/bus/pci/devices/%s/class" % (root, name), 16) or ""
                count += kind.startswith("0x03")
    return count


def libraries(facts, request):
    """Ask libcuda and NVML, at the same time."""
    from ..driver import CUDA, NVML

    cache = loader.read_cache()
    driven = facts.value("kernel.version") or facts.value("kernel.nodes")
    started = {}
    deadline = LIBRARY_DEADLINE * (DEEP_FACTOR if request.deep else 1.0)
    for name, soname in (("libcuda", CUDA), ("nvml", NVML)):
        files = _files(soname, cache)
        records = [{"path": path, "where": where} for path, where in files]
        facts.known(name + ".files", records[:32], "the loader's search order")
        searched = any(where != "not searched" for _, where in files)
        if searched or (driven and not files):
            started[name] = _start(name, deadline)
    whole = None
    if "libcuda" in started and "CUDA_VISIBLE_DEVICES" in os.environ:
        whole = _start("whole", deadline)
    for name in ("libcuda", "nvml"):
        if name in started:
            _answered(facts, name, *started[name].wait())
        else:
            _missing(facts, name)
    if whole is None:
        facts.absent("libcuda.whole", "CUDA_VISIBLE_DEVICES is not set")
    else:
        values, outcome = whole.wait()
        _devices(facts, "libcuda.whole", values, outcome.reason("cuInit"))


def _start(name, deadline):
    from .. import driver

    if name == "nvml":
        return isolated(driver.ask_nvml, deadline)
    return isolated(driver.ask_libcuda, deadline, name == "whole")


def _files(soname, cache):
    if IS_WINDOWS:
        system = os.path.join(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32")
        name = "nvcuda.dll" if "cuda" in soname else "nvml.dll"
        path = os.path.join(system, name)
        return [(path, "System32")] if os.path.exists(path) else []
    return loader.candidates(soname, cache, _ELSEWHERE)


def _missing(facts, name):
    where = "LD_LIBRARY_PATH, the loader's cache and the default folders"
    facts.known(name + ".status", "missing", where)
    for field in FIELDS:
        if field.name.startswith(name + ".") and field.name not in facts.entries:
            facts.absent(field.name, where)


def _answered(facts, name, values, outcome):
    """Facts of one library from what its child reported before it ended."""
    what = library_or_call(name, values)
    source = str(
        values.get("path") or ("libcuda.so.1" if name == "libcuda" else "libnvidia-ml.so.1")
    )
    reason = outcome.reason(what)
    error = values.get("error")
    if error and "path" not in values and not facts.value(name + ".files"):
        _missing(facts, name)
        return
    if outcome.status in ("timeout", "abandoned"):
        status = "hung"
    elif outcome.status == "ok":
        status = "unloadable" if error else "answered"
    elif outcome.status == "missing":  # no fork here
        status = None
    else:
        status = "crashed"
    if status is None:
        facts.unknown(name + ".status", reason)
    else:
        facts.known(name + ".status", status, source)
    facts.found(name + ".error", error or reason or None, source)
    facts.found(name + ".path", values.get("path"), "/proc/self/maps")
    facts.found(name + ".version", _file_version(values.get("path")), "file name")
    absent = reason or error or "%s did not say" % what
    for key in ("cuda", "driver", "init"):
        field = name + "." + key
        if field == "libcuda.driver":
            continue
        if values.get(key) is not None:
            facts.known(field, values[key], source)
        else:
            facts.unknown(field, absent, source)
    if name == "libcuda":
        path = values.get("path") or ""
        facts.found("libcuda.compat", "compat" in path if path else None, "its path")
    _devices(facts, name + ".devices", values, reason)


def library_or_call(name, values):
    """What was being asked when the library hung or crashed."""
    if name == "nvml":
        return "NVML"
    return "cuInit" if values.get("init") is None else "libcuda, after cuInit,"


def _devices(facts, field, values, reason):
    init, count = values.get("init"), values.get("count")
    if init == 0 and "devices" in values and not reason:
        facts.known(field, values["devices"])
    elif (init == 0 and count == 0) or (init == 100 and field.startswith("libcuda")):
        facts.known(field, [], "cuInit" if init else "cuDeviceGetCount")
    elif init:
        facts.unknown(field, "initialising failed with code %d" % init)
    else:
        failed = "asking for the number of devices failed with code %s" % values.get("count_code")
        facts.unknown(field, reason or values.get("error") or failed)


def _file_version(path):
    """``570.86.10`` of /usr/lib/libcuda.so.570.86.10, behind its links."""
    from .. import smi

    if not path:
        return None
    name = os.path.basename(os.path.realpath(path)).partition(".so.")[2]
    return name if smi.is_driver(name) else None


def nvidia_smi(facts, request):
    """Asked only if the libraries did not tell what there is, or with ``deep``."""
    program = which("nvidia-smi") or (which("nvidia-smi", WSL) if facts.value("wsl") else None)
    facts.found("smi.path", program, "PATH")
    names = ("status", "code", "driver", "devices", "sample")
    if program is None:
        for name in names:
            facts.absent("smi." + name, "there is no nvidia-smi")
        return
    told = facts.value("nvml.init") is not None or facts.value("libcuda.init") == 0
    if told and not request.deep:
        for name in names:
            facts.unknown("smi." + name, "not asked: the libraries answered")
        return
    from .. import smi

    values, outcome = smi.ask(program, SMI_DEADLINE * (DEEP_FACTOR if request.deep else 1.0))
    reason = outcome.reason("nvidia-smi")
    facts.known("smi.status", outcome.status, program)
    for name in names[1:]:
        value = values.get(name)
        if value or value == 0:
            facts.known("smi." + name, value, program)
        elif name == "sample":
            facts.found("smi.sample", values.get("message"), program)
        else:
            facts.unknown("smi." + name, reason or "its output was not understood", program)


def _is_needed(node):
    return node in ("nvidiactl", "nvidia-uvm", "dxg") or node[6:].isdigit()


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []
