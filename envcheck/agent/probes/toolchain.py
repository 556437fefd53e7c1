"""Build tools: compilers, generators, Python's headers, and every CUDA toolkit.

Only paths by default: no child is started. With ``versions`` or ``deep`` each tool says its
version; with ``deep`` the C and C++ compilers translate one line. A toolkit's version comes from
its files: what torch was built with, or brings along, is another matter (``torch.build.*``).
"""

import os
import sys

from ..protocol import IS_WINDOWS, Field

FIELDS = (
    Field(
        "tools",
        "records",
        "Compilers and build tools that were found or asked for by a variable",
        item=(
            Field("tool", "string", "`c c++ fortran rust make cmake ninja pkg-config nvcc`"),
            Field("name", "string", "Program, as found or as the variable says"),
            Field(
                "path",
                "string",
                "Where it is; null if a variable names something that is not there",
            ),
            Field(
                "source",
                "string",
                "`PATH`, or the variable that chose it: `CC`, `CXX`, `FC`, `RUSTC` …",
            ),
            Field("version", "string", "From its `--version`; only with `--versions` or `--deep`"),
            Field(
                "compiles",
                "boolean",
                "Whether it translated a one-line program; only with `--deep`",
            ),
            Field("error", "string", "Why there is no path, version or program"),
        ),
    ),
    Field("headers", "string", "The `Python.h` of this interpreter"),
    Field(
        "cuda.toolkits",
        "records",
        "Every CUDA toolkit, the one that builds would use first",
        item=(
            Field("path", "string", "Root directory"),
            Field("version", "string", "From version.json, version.txt or cuda.h"),
            Field("nvcc", "string", "Its compiler; null if it has none"),
            Field("source", "string", "How it was found"),
        ),
    ),
    Field("cuda.home", "string", "What `CUDA_HOME` or `CUDA_PATH` says"),
    Field("cuda.home.exists", "boolean", "Whether that is a directory"),
)

#: tool -> (variable, programs in order of preference)
TOOLS = (
    ("c", "CC", ("cc", "gcc", "clang", "cl") if IS_WINDOWS else ("cc", "gcc", "clang", "icx")),
    (
        "c++",
        "CXX",
        ("c++", "g++", "clang++", "cl") if IS_WINDOWS else ("c++", "g++", "clang++", "icpx"),
    ),
    ("fortran", "FC", ("gfortran", "flang", "ifx", "f95")),
    ("rust", "RUSTC", ("rustc",)),
    ("make", "MAKE", ("make", "gmake")),
    ("cmake", "", ("cmake",)),
    ("ninja", "", ("ninja", "ninja-build")),
    ("pkg-config", "PKG_CONFIG", ("pkg-config", "pkgconf")),
    ("nvcc", "CUDACXX", ("nvcc",)),
)
_WRAPPERS = ("ccache", "sccache", "distcc", "env", "time")


def collect(facts, request):
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    tools = [found for found in (_find(*entry, folders=folders) for entry in TOOLS) if found]
    if tools and (request.versions or request.deep):
        from . import toolchain_versions

        toolchain_versions.ask(tools, request.deep)
    facts.known("tools", tools, "PATH and variables")
    if request.prefix:
        reason = "the environment is examined from outside: its interpreter does not run"
        facts.unknown("headers", reason)
    else:
        facts.found("headers", _headers(), "sys.base_prefix, then sysconfig")
    _cuda(facts, next((tool["path"] for tool in tools if tool["tool"] == "nvcc"), None))


def _find(tool, variable, names, folders):
    """The record of one tool, None if it is neither there nor asked for."""
    wanted = os.environ.get(variable, "").split() if variable else []
    while len(wanted) > 1 and os.path.basename(wanted[0]) in _WRAPPERS:
        del wanted[0]
    for name in wanted[:1] or names:
        path = _locate(name, folders)
        if path or wanted:
            return {
                "tool": tool,
                "name": name,
                "path": path,
                "source": variable if wanted else "PATH",
                "version": None,
                "compiles": None,
                "error": None if path else "%s is not an executable program" % name,
            }
    return None


def _locate(name, folders):
    if os.path.dirname(name):
        return name if os.path.isfile(name) and os.access(name, os.X_OK) else None
    suffix = ".exe" if IS_WINDOWS and not name.endswith(".exe") else ""
    for folder in folders:
        path = folder + os.sep + name + suffix
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def _headers():
    """Python.h of this interpreter: where the layout says first, then where sysconfig says."""
    version = "python%d.%d" % sys.version_info[:2]
    abiflags = getattr(sys, "abiflags", "")
    prefix = sys.base_prefix
    places = [os.path.join(prefix, "include", version + abiflags, "Python.h")]
    if IS_WINDOWS:
        places = [os.path.join(prefix, "include", "Python.h")]
    for place in places:
        if os.path.isfile(place):
            return place
    import sysconfig

    folder = sysconfig.get_path("include")
    place = os.path.join(folder, "Python.h") if folder else ""
    return place if place and os.path.isfile(place) else None


def _cuda(facts, nvcc):
    home = ""
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        home = os.environ.get(variable, "")
        if home:
            facts.known("cuda.home", home, variable)
            facts.known("cuda.home.exists", os.path.isdir(home), variable)
            break
    else:
        facts.absent("cuda.home", "CUDA_HOME, CUDA_PATH")
        facts.absent("cuda.home.exists", "CUDA_HOME, CUDA_PATH")
        variable = "CUDA_HOME"
    roots = {}
    for path, source in _cuda_roots(home, variable, nvcc):
        real = os.path.realpath(path)
        if real not in roots:
            toolkit = _toolkit(path, source, nvcc)
            if toolkit:
                roots[real] = toolkit
    facts.known(
        "cuda.toolkits", list(roots.values()), "CUDA_HOME, PATH, /usr/local, prefix, wheels"
    )


def _cuda_roots(home, variable, nvcc):
    """(directory, how it was found), in the order in which torch's extension builder would ask."""
    if home:
        yield home, variable
    if nvcc:
        yield os.path.dirname(os.path.dirname(os.path.realpath(nvcc))), "nvcc on PATH"
        wrapped = _wrapped(nvcc)
        if wrapped:
            yield wrapped, "nvcc on PATH"
    for parent in ("/usr/local", "/opt"):
        try:
            names = os.listdir(parent)
        except OSError:
            continue
        # `cuda` is the one in use, a link to one of the others
        for name in sorted(
            (n for n in names if n.startswith("cuda")), key=lambda n: (n != "cuda", n)
        ):
            yield os.path.join(parent, name), parent
    for prefix in (os.environ.get("CONDA_PREFIX"), sys.prefix):
        if prefix:
            yield prefix, "the environment's prefix"
    for folder in sys.path:
        if folder.endswith("-packages"):
            for name in _nvidia_wheels(folder):
                yield os.path.join(folder, "nvidia", name), "a wheel"


def _nvidia_wheels(folder):
    try:
        names = os.listdir(os.path.join(folder, "nvidia"))
    except OSError:
        return []
    return sorted(name for name in names if name == "cuda_nvcc" or name.startswith("cu1"))


def _wrapped(nvcc):
    """Root of the toolkit that a two-line shell wrapper called nvcc starts, else None."""
    from ..protocol import read_bytes

    data = read_bytes(nvcc, 512) or b""
    if not data.startswith(b"#!"):
        return None
    for word in data.decode("utf-8", "replace").replace('"', " ").split():
        if word.startswith("/") and word.endswith("/bin/nvcc"):
            return word[: -len("/bin/nvcc")]
    return None


def _toolkit(root, source, nvcc):
    """The record of the toolkit at ``root``, None if there is none."""
    compiler = os.path.join(root, "bin", "nvcc.exe" if IS_WINDOWS else "nvcc")
    has_compiler = os.path.isfile(compiler) and os.access(compiler, os.X_OK)
    if not has_compiler and not os.path.isfile(os.path.join(root, "version.json")):
        return None
    if source == "nvcc on PATH" and nvcc and _wrapped(nvcc) not in (None, root):
        return None  # the directory of a wrapper is no toolkit
    return {
        "path": root,
        "version": _toolkit_version(root),
        "nvcc": compiler if has_compiler else None,
        "source": source,
    }


def _toolkit_version(root):
    from ..protocol import read_text

    text = read_text(os.path.join(root, "version.json"), 65536)
    if text:
        import json

        try:
            version = json.loads(text)["cuda"]["version"]
            return version if isinstance(version, str) else None
        except (ValueError, KeyError, TypeError):
            pass
    is_debian = root == "/usr" or root.endswith("/nvidia-cuda-toolkit")
    for place in (root, "/usr/lib/cuda") if is_debian else (root,):
        words = (read_text(os.path.join(place, "version.txt"), 4096) or "").split()
        if words[:2] == ["CUDA", "Version"] and len(words) > 2:
            return words[2]
    headers = [os.path.join(root, "include"), os.path.join(root, "targets/x86_64-linux/include")]
    for place in headers + (["/usr/include"] if is_debian else []):
        header = read_text(os.path.join(place, "cuda.h"), 65536) or ""
        number = header.partition("#define CUDA_VERSION ")[2].split("\n")[0].strip()
        if number.isdigit():
            return "%d.%d" % (int(number) // 1000, int(number) % 1000 // 10)
    return None
