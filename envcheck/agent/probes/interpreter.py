"""The interpreter: what it is, the environment it belongs to, and where it looks for modules."""

import os
import sys

from .. import tags
from ..protocol import IS_MACOS, IS_WINDOWS, Field
from ..searchpath import activated, environment, pythonpath
from .interpreter_shadows import shadows

FIELDS = (
    Field("version", "string", "Full version, as `platform.python_version()`"),
    Field("implementation", "string", "`CPython`, `PyPy`, `GraalVM` …"),
    Field("compiler", "string", "What compiled it, from `sys.version`"),
    Field("executable", "string", "Path of the interpreter"),
    Field("starts", "boolean", "Whether the environment's interpreter starts"),
    Field("starts.reason", "string", "Why it does not"),
    Field("bits", "integer", "Width of a pointer", "bit"),
    Field("debug", "boolean", "Built with `--with-pydebug`"),
    Field("free_threaded", "boolean", "Built without the global interpreter lock"),
    Field("gil", "boolean", "Whether the global interpreter lock is on at this moment"),
    Field("abi", "string", "ABI as in wheel tags, e.g. `cp311`"),
    Field("soabi", "string", "Middle of an extension module's file name"),
    Field("cache_tag", "string", "Middle of a bytecode file's name"),
    Field(
        "tags",
        "strings",
        "Wheel tags: `interpreter-abi` for every one of `host.tags`, then whole `…-any` tags",
    ),
    Field("prefix", "string", "`sys.prefix`: the environment"),
    Field("base_prefix", "string", "`sys.base_prefix`: the installation it was made from"),
    Field("stdlib", "string", "Directory of the standard library"),
    Field("site_packages", "strings", "The environment's site-packages directories"),
    Field("is_venv", "boolean", "Whether it is a virtual environment"),
    Field("venv.home", "string", "`home` of pyvenv.cfg: directory of the base interpreter"),
    Field("venv.version", "string", "Python version that pyvenv.cfg was written for"),
    Field("venv.creator", "string", "`uv`, `virtualenv` or `venv`"),
    Field("venv.config", "map", "pyvenv.cfg"),
    Field("venv.activates", "string", "Directory that `bin/activate` of this environment names"),
    Field("venv.lost", "string", "Environment around the interpreter that lacks pyvenv.cfg"),
    Field("venv.moved", "boolean", "Whether that is another directory than the environment's"),
    Field("is_conda", "boolean", "Whether it is a conda environment"),
    Field("externally_managed", "boolean", "EXTERNALLY-MANAGED: pip refuses to install here"),
    Field(
        "emulation", "string", "`rosetta` or `windows-on-arm`: translated from another architecture"
    ),
    Field("pythonpath", "strings", "Entries of PYTHONPATH, absolute; absent if it is not set"),
    Field("pythonhome", "string", "PYTHONHOME; absent if it is not set"),
    Field(
        "pythonhome.valid", "boolean", "Whether a standard library of this version is in PYTHONHOME"
    ),
    Field("optimize", "integer", "PYTHONOPTIMIZE: 1 drops assertions, 2 docstrings too; absent: 0"),
    Field("safe_path", "boolean", "PYTHONSAFEPATH: the script's directory is not searched"),
    Field("user_site.path", "string", "The user's own site-packages"),
    Field("user_site.enabled", "boolean", "Whether a plain start of this Python searches it"),
    Field("user_site.distributions", "strings", "`name==version` of what is installed there"),
    Field(
        "path",
        "records",
        "Where a plain `python script.py`, started here, looks for modules, in order",
        item=(
            Field("entry", "string", "Directory or archive"),
            Field(
                "origin", "string", "`cwd`, `PYTHONPATH`, `stdlib`, `user-site`, `site` or `pth`"
            ),
            Field("exists", "boolean", "Whether it is there"),
        ),
    ),
    Field(
        "shadows",
        "records",
        "Files that hide a module of the standard library",
        item=(
            Field("module", "string", "The hidden module"),
            Field("file", "string", "What is imported instead"),
            Field("origin", "string", "`cwd` or `PYTHONPATH`"),
        ),
    ),
    Field("missing_modules", "strings", "Standard modules this Python was built without"),
)

IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy", "graalpy": "GraalVM"}
#: importable name -> the extension module that it needs
EXTENSIONS = (
    ("bz2", "_bz2"),
    ("ctypes", "_ctypes"),
    ("lzma", "_lzma"),
    ("sqlite3", "_sqlite3"),
    ("ssl", "_ssl"),
    ("zlib", "zlib"),
)


def collect(facts, request):
    where = environment(request)
    _environment(facts, where)
    _search(facts, where)
    if where.outside:
        from . import interpreter_outside

        interpreter_outside.collect(facts, where)
        return
    facts.known("starts", True, "it runs the agent")
    facts.absent("starts.reason")
    _identity(facts)
    _abi(facts)
    facts.known("base_prefix", where.base_prefix, "sys.base_prefix")
    facts.found("stdlib", where.stdlib, "os.__file__")
    managed = where.stdlib and os.path.isfile(os.path.join(where.stdlib, "EXTERNALLY-MANAGED"))
    facts.known("externally_managed", bool(managed) and where.config is None, where.stdlib or "")
    _pythonhome(facts)
    _emulation(facts)
    _missing_modules(facts, where)
    file = where.stdlib or ""
    facts.known("shadows", shadows(where.path, file), "directories before the standard library")


def _identity(facts):
    name = sys.implementation.name
    facts.known("version", sys.version.split()[0], "sys.version")
    facts.known("implementation", IMPLEMENTATIONS.get(name, name), "sys.implementation")
    facts.found("executable", sys.executable or None, "sys.executable")
    compiler = sys.version.rpartition("[")[2].rstrip("]") if "[" in sys.version else None
    facts.found("compiler", compiler, "sys.version")


def _abi(facts):
    suffix = tags.extension_suffix()
    flags = tags.abi_flags(suffix)
    version = sys.version_info[:2]
    name = sys.implementation.name
    pairs = tags.interpreter_tags(name, version, flags, suffix)
    threaded = name == "cpython" and "t" in flags
    facts.known("bits", 64 if sys.maxsize > 2**32 else 32, "sys.maxsize")
    facts.known("debug", "d" in flags or hasattr(sys, "gettotalrefcount"), "sys.abiflags")
    facts.known("free_threaded", threaded, "sys.abiflags")
    lock = getattr(sys, "_is_gil_enabled", None)
    facts.known("gil", lock() if lock else True, "sys._is_gil_enabled()" if lock else "")
    facts.known("abi", pairs[0].partition("-")[2], "sys.abiflags")
    facts.found("soabi", tags.soabi(suffix), "extension suffixes of the import system")
    facts.found("cache_tag", sys.implementation.cache_tag, "sys.implementation.cache_tag")
    facts.known("tags", pairs, "rules of the PyPA specification")


def _environment(facts, where):
    facts.known("prefix", where.prefix, "--prefix" if where.outside else "sys.prefix")
    facts.known("site_packages", where.site, "sys.path")
    conda = os.path.isdir(os.path.join(where.prefix, "conda-meta"))
    facts.known("is_conda", conda, os.path.join(where.prefix, "conda-meta"))
    file = os.path.join(where.prefix, "pyvenv.cfg")
    config = where.config
    facts.known("is_venv", config is not None, file)
    facts.found("venv.lost", None if where.outside else _lost(where), "sys.executable")
    if config is None:
        for name in ("home", "version", "creator", "config", "activates", "moved"):
            facts.absent("venv." + name, file)
        return
    facts.known("venv.config", config, file)
    facts.found("venv.home", config.get("home"), file)
    version = config.get("version_info") or config.get("version")
    facts.found("venv.version", ".".join(version.split(".")[:3]) if version else None, file)
    creator = next((name for name in ("uv", "virtualenv") if name in config), "venv")
    facts.known("venv.creator", creator, file)
    script = os.path.join(where.prefix, "Scripts" if IS_WINDOWS else "bin", "activate")
    named = activated(script)
    facts.found("venv.activates", named, script)
    moved = named and os.path.realpath(named) != os.path.realpath(where.prefix)
    facts.found("venv.moved", None if named is None else moved, script)


def _lost(where):
    """Without pyvenv.cfg the interpreter of a virtual environment is its base's."""
    folder = os.path.dirname(sys.executable or "")
    around = os.path.dirname(folder)
    if where.config is not None or not os.path.exists(os.path.join(folder, "activate")):
        return None
    if os.path.realpath(around) == os.path.realpath(where.prefix):
        return None  # conda's own
    library = "Lib" if IS_WINDOWS else "lib/python%d.%d" % sys.version_info[:2]
    return around if os.path.isdir(os.path.join(around, library, "site-packages")) else None


def _optimize(text):
    """As Python reads it: what is no number counts as 1. None if nothing is dropped."""
    if text.isascii() and text.isdigit() and len(text) < 9:
        return int(text) or None
    return 1 if text else None


def _search(facts, where):
    facts.known("path", where.path, "rebuilt: the agent itself runs isolated")
    facts.found("pythonpath", pythonpath() or None, "PYTHONPATH")
    facts.found("optimize", _optimize(os.environ.get("PYTHONOPTIMIZE", "")), "PYTHONOPTIMIZE")
    facts.known("safe_path", where.safe_path, "PYTHONSAFEPATH")
    facts.found("user_site.path", where.user_site, "site.getusersitepackages()")
    facts.known("user_site.enabled", where.user_site_enabled, "site's rules")
    found = _distributions(where.user_site) if where.user_site else None
    facts.found("user_site.distributions", found, where.user_site or "")


def _distributions(folder):
    """``name==version`` from the names of dist-info directories; None if there is no ``folder``."""
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    stems = [name[: -len(".dist-info")] for name in names if name.endswith(".dist-info")]
    return sorted("==".join(stem.split("-")[:2]) for stem in stems if not stem.startswith("~"))


def _pythonhome(facts):
    home = os.environ.get("PYTHONHOME")
    facts.found("pythonhome", home or None, "PYTHONHOME")
    if not home:
        facts.absent("pythonhome.valid", "PYTHONHOME")
        return
    folder = home.split(os.pathsep)[0]
    library = "Lib" if IS_WINDOWS else os.path.join("lib", "python%d.%d" % sys.version_info[:2])
    valid = os.path.isfile(os.path.join(folder, library, "os.py"))
    facts.known("pythonhome.valid", valid, os.path.join(folder, library))


def _emulation(facts):
    """Whether the operating system translates this process from another architecture."""
    if IS_MACOS and os.uname().machine == "x86_64":
        from ..protocol import run_command

        outcome = run_command(["/usr/sbin/sysctl", "-n", "sysctl.proc_translated"], 2.0)
        if outcome.status not in ("ok", "exit"):
            facts.unknown("emulation", outcome.reason("sysctl"), "sysctl.proc_translated")
            return
        translated = outcome.text().strip() == "1"  # an Intel Mac does not have the key
        facts.found("emulation", "rosetta" if translated else None, "sysctl.proc_translated")
    elif IS_WINDOWS:
        native = os.environ.get("PROCESSOR_ARCHITEW6432") or os.environ.get(
            "PROCESSOR_IDENTIFIER", ""
        )
        other = native.upper().startswith("ARM") and "(arm" not in sys.version.lower()
        facts.found("emulation", "windows-on-arm" if other else None, "PROCESSOR_IDENTIFIER")
    else:
        facts.absent("emulation", "only macOS and Windows translate single processes")


def _missing_modules(facts, where):
    if sys.implementation.name != "cpython":
        facts.unknown(
            "missing_modules", "only CPython keeps them as extension modules of these names"
        )
        return
    present = set(sys.builtin_module_names)
    listed = []
    for record in where.path:
        folder = record["entry"]
        if record["origin"] == "stdlib" and os.path.basename(folder) in ("lib-dynload", "DLLs"):
            try:
                present.update(name.partition(".")[0] for name in os.listdir(folder))
            except OSError:
                continue
            listed.append(folder)
    if not listed and "_ctypes" not in present:
        facts.unknown("missing_modules", "the directory of extension modules was not found")
        return
    missing = [name for name, extension in EXTENSIONS if extension not in present]
    facts.known("missing_modules", missing, ", ".join(listed) or "sys.builtin_module_names")
