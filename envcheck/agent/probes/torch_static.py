"""torch without importing it: which build, and which CUDA libraries its wheel brings or pins."""

import os

from .. import elf
from ..protocol import Field, read_text
from ..searchpath import environment

FIELDS = (
    Field("installed", "boolean", "Whether there is a torch package that can be found"),
    Field("location", "string", "Folder of the package that an import would take"),
    Field("version", "string", "`__version__` in its version.py, else its metadata's"),
    Field("metadata", "strings", "Versions that the dist-infos beside it state"),
    Field("build.kind", "string", "`cpu`, `cuda`, `rocm` or `xpu`"),
    Field("build.cuda", "string", "CUDA version that it was built with"),
    Field("build.hip", "string", "HIP version that it was built with"),
    Field("build.git", "string", "Commit that it was built from"),
    Field(
        "pins",
        "records",
        "NVIDIA distributions that its metadata requires",
        item=(
            Field("name", "string", "Name of the distribution"),
            Field("requirement", "string", "The requirement as it is written"),
            Field("version", "string", "The version it is pinned to"),
        ),
    ),
    Field("libraries.folder", "string", "Folder of its shared objects"),
    Field("libraries.bundled", "strings", "CUDA libraries inside its own folder"),
    Field(
        "libraries.damaged",
        "records",
        "Its shared objects that are missing or cannot be loaded",
        item=(Field("path", "string", "The file"), Field("problem", "string", "What is wrong")),
    ),
)

_KEYS = {"cuda": "cuda", "hip": "hip", "xpu": "xpu", "git_version": "git", "__version__": "version"}
_CORE = ("libc10.so", "libtorch.so", "libtorch_cpu.so", "libtorch_python.so")
_DEVICE = {"cuda": "libtorch_cuda.so", "rocm": "libtorch_hip.so", "xpu": "libtorch_xpu.so"}
_CUDA_LIBRARIES = (
    "libcudart",
    "libcudnn",
    "libcublas",
    "libnccl",
    "libnvrtc",
    "libcusparse",
    "libcufft",
)


def collect(facts, request):
    folder, names = locate(request)
    facts.known("installed", folder is not None, "site-packages")
    if folder is None:
        for field in FIELDS[1:]:
            facts.absent(field.name, "site-packages")
        return
    package = os.path.join(folder, "torch")
    facts.known("location", package)
    version_file = os.path.join(package, "version.py")
    stated = parse_version(read_text(version_file, 65536) or "")
    infos = [name for name in names if is_info(name)]
    versions = sorted({name[6:].rpartition(".")[0].partition("-py")[0] for name in infos})
    facts.known("metadata", versions, folder)
    version = stated.get("version")
    if version:
        facts.known("version", version, version_file)
    elif versions:
        facts.known("version", versions[-1], "dist-info")
    else:
        facts.unknown("version", "no version.py and no dist-info", package)
    matching = [name for name in infos if name.startswith("torch-%s." % version)]
    info = (matching or infos or [None])[-1]
    pins = _pins(os.path.join(folder, info, "METADATA")) if info else []
    facts.known("pins", pins, os.path.join(folder, info) if info else "no dist-info")
    _build(facts, stated, pins, version_file)
    _libraries(facts, os.path.join(package, "lib"), facts.value("build.kind"))


def locate(request):
    """(folder that holds the package ``torch``, its names); (None, ()) if there is none."""
    for folder in site_folders(request):
        package = os.path.join(folder, "torch")
        if os.path.exists(os.path.join(package, "version.py")) or os.path.exists(
            os.path.join(package, "__init__.py")
        ):
            return folder, _names(folder)
    return None, ()


def site_folders(request):
    """Existing folders that may hold distributions, in import order (without the script's own)."""
    return [
        record["entry"]
        for record in environment(request).path
        if record["exists"] and record["origin"] not in ("stdlib", "cwd")
    ]


def is_info(name):
    """Whether ``name`` is the metadata folder of the distribution torch."""
    return name.startswith("torch-") and name.endswith((".dist-info", ".egg-info"))


def parse_version(text):
    """The literal strings that torch's version.py assigns: version, cuda, hip, xpu, git.

    A name that is assigned None is there with None.
    """
    found = {}
    for line in text.split("\n")[:400]:
        name, equals, value = line.partition("=")
        name = name.partition(":")[0].strip()
        if not equals or name not in _KEYS or line[:1].isspace():
            continue
        value = value.partition("#")[0].strip()
        quote = value[:1]
        if quote in ("'", '"') and len(value) >= 2 and value.endswith(quote) and len(value) < 200:
            found[_KEYS[name]] = value[1:-1]
        elif value == "None":
            found[_KEYS[name]] = None
    return found


def _build(facts, stated, pins, source):
    version = facts.value("version") or ""
    local = version.partition("+")[2]
    kind = cuda = None
    if stated.get("cuda"):
        kind, cuda = "cuda", stated["cuda"]
    elif stated.get("hip"):
        kind = "rocm"
    elif stated.get("xpu"):
        kind = "xpu"
    elif "cuda" in stated:  # assigned None
        kind = "cpu"
    elif local:
        source = "local version +" + local
        kind, cuda = _from_local(local)
    elif pins:
        source = "Requires-Dist"
        kind = "cuda"
    if kind is None:
        facts.unknown("build.kind", "version.py does not say", source)
    else:
        facts.known("build.kind", kind, source)
    if cuda is None and kind in (None, "cuda"):
        facts.unknown("build.cuda", "version.py does not say", source)
    else:
        facts.found("build.cuda", cuda, source)
    facts.found("build.hip", stated.get("hip"), source)
    facts.found("build.git", stated.get("git"), source)


def _from_local(local):
    if local.startswith("cpu"):
        return "cpu", None
    if local.startswith("cu") and local[2:].isdigit() and len(local) >= 5:
        return "cuda", "%s.%s" % (local[2:-1], local[-1])
    for kind in ("rocm", "xpu"):
        if local.startswith(kind):
            return kind, None
    return None, None


def _pins(path):
    """``nvidia-…`` and ``cuda-toolkit`` in the metadata's Requires-Dist."""
    pins = []
    head = (read_text(path, 262144) or "").partition("\n\n")[0]
    for line in head.split("\n"):
        if not line.startswith("Requires-Dist:"):
            continue
        requirement = line[14:].strip()
        name = requirement
        for stop in " ;=<>!~[(":
            name = name.partition(stop)[0]
        if not name.startswith("nvidia-") and name != "cuda-toolkit" and name != "cuda-bindings":
            continue
        pinned = requirement.partition(";")[0].partition("==")[2].strip(" )")
        pins.append({"name": name, "requirement": requirement[:400], "version": pinned or None})
    return pins[:64]


def _libraries(facts, folder, kind):
    names = _names(folder)
    if not names:
        for name in ("folder", "bundled", "damaged"):
            facts.absent("libraries." + name, folder)
        return
    facts.known("libraries.folder", folder)
    bundled = sorted(name for name in names if name.startswith(_CUDA_LIBRARIES))
    facts.known("libraries.bundled", bundled[:64], folder)
    damaged = []
    core = list(_CORE) + ([_DEVICE[kind]] if kind in _DEVICE else [])
    if any(name in names for name in core):  # neither Windows nor macOS nor a stub
        for name in core:
            path = os.path.join(folder, name)
            if name not in names:
                damaged.append({"path": path, "problem": "missing"})
                continue
            header = elf.read(path)
            if header is None or header.problem:
                problem = "not a shared object" if header is None else header.problem
                damaged.append({"path": path, "problem": problem})
    facts.known("libraries.damaged", damaged, folder)


def _names(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
