"""The environment that is examined, and where its plain ``python script.py`` looks for modules.

The agent runs isolated (``-I``), so what ``PYTHONPATH``, the working directory and the user's site
directory would add is rebuilt here. With ``request.prefix`` the environment's own interpreter does
not start: it is described from its files.
"""

import os
import sys

from .protocol import read_text

_CACHE = {}


class Environment:
    """Where things are: ``config`` is pyvenv.cfg as a dict (None outside virtual environments),
    ``site`` the site-packages directories, ``path`` records of entry, origin and exists.
    """

    def __init__(self, request):
        self.outside = bool(request.prefix)
        self.prefix = os.path.abspath(request.prefix) if request.prefix else _prefix()
        self.config = venv_config(self.prefix)
        self.safe_path = sys.version_info >= (3, 11) and bool(os.environ.get("PYTHONSAFEPATH"))
        if self.outside:
            self.base_prefix = None
            self.stdlib = None
            self.site = _site_below(self.prefix)
            self.user_site, self.user_site_enabled = None, False
            self.path = _records([(entry, "site") for entry in self.site] + _linked(self.site))
        else:
            self.base_prefix = sys.base_prefix
            self.stdlib = _stdlib()
            self.site = _site_directories(self.prefix)
            self.user_site = _user_site()
            self.user_site_enabled = bool(self.user_site) and _uses_user_site(self.config)
            self.path = _records(_script_entries(self) + _python_entries(self))


def environment(request):
    """The Environment, observed once in a process."""
    key = request.prefix
    if key not in _CACHE:
        _CACHE[key] = Environment(request)
    return _CACHE[key]


def pythonpath():
    """The entries of PYTHONPATH, absolute, in order; an empty one is the working directory."""
    value = os.environ.get("PYTHONPATH")
    return [_absolute(entry) for entry in value.split(os.pathsep)] if value else []


def venv_config(prefix):
    """``pyvenv.cfg`` of ``prefix`` as a dict with lower-case keys, None if there is none."""
    text = read_text(os.path.join(prefix, "pyvenv.cfg"), 1 << 16)
    if text is None:
        return None
    config = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator:
            config[key.strip().lower()] = value.strip()
    return config


def activated(script):
    """The directory that an ``activate`` script sets VIRTUAL_ENV to; None if it works that out."""
    for line in (read_text(script, 1 << 15) or "").splitlines():
        line = line.strip()
        if line.startswith("export "):
            line = line[7:].lstrip()
        if not line.startswith("VIRTUAL_ENV="):
            continue
        value = line[len("VIRTUAL_ENV=") :].strip().strip("\"'")
        if os.path.isabs(value) and "$" not in value:
            return value
    return None


def pth_entries(folder):
    """Directories that the .pth files of ``folder`` add; their ``import`` lines are not run."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except OSError:
        return []
    entries = []
    for name in names:
        if name.startswith("."):
            continue
        for line in (read_text(os.path.join(folder, name), 1 << 16) or "").splitlines():
            line = line.strip()
            if not line or "\0" in line or line.startswith(("#", "import ", "import\t")):
                continue
            entry = os.path.normpath(os.path.join(folder, line))
            if os.path.exists(entry):
                entries.append(entry)
    return entries


def _prefix():
    """``sys.prefix``; without ``site`` it is the base's, so look for pyvenv.cfg beside python."""
    if sys.flags.no_site and sys.prefix == sys.base_prefix and sys.executable:
        folder = os.path.dirname(sys.executable)
        for candidate in (folder, os.path.dirname(folder)):
            if os.path.isfile(os.path.join(candidate, "pyvenv.cfg")):
                return candidate
    return sys.prefix


def _stdlib():
    file = getattr(os, "__file__", None)
    return os.path.dirname(file) if file else getattr(sys, "_stdlib_dir", None)


def _site_directories(prefix):
    if not sys.flags.no_site:
        names = ("site-packages", "dist-packages")
        found = [entry for entry in sys.path if os.path.basename(entry) in names]
        if found:
            return found
    import site

    return [entry for entry in site.getsitepackages([prefix]) if os.path.isdir(entry)]


def _site_below(prefix):
    """site-packages of an environment whose interpreter cannot be asked."""
    found = []
    for library in ("lib", "lib64"):
        folder = os.path.join(prefix, library)
        if library == "lib64" and os.path.islink(folder):
            continue
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            entry = os.path.join(folder, name, "site-packages")
            if name.startswith(("python", "pypy", "graalpy")) and os.path.isdir(entry):
                found.append(entry)
    windows = os.path.join(prefix, "Lib", "site-packages")
    if not found and os.path.isdir(windows):
        found.append(windows)
    return found


def _user_site():
    try:
        import site

        return site.getusersitepackages()
    except Exception:  # no home directory, a patched site module
        return None


def _uses_user_site(config):
    """What ``site.check_enableusersite`` and ``site.venv`` decide when Python is not isolated."""
    if os.environ.get("PYTHONNOUSERSITE"):
        return False
    if config is not None and config.get("include-system-site-packages", "").lower() != "true":
        return False
    if hasattr(os, "geteuid"):
        return os.geteuid() == os.getuid() and os.getegid() == os.getgid()
    return True


def _script_entries(environment):
    """What comes before the standard library: the script's directory, then PYTHONPATH."""
    entries = []
    if not environment.safe_path:
        entries.append((_absolute(""), "cwd"))
    return entries + [(entry, "PYTHONPATH") for entry in pythonpath()]


def _python_entries(environment):
    """Standard library, user site, site-packages and what .pth files add, in this order."""
    site = set(environment.site)
    stdlib = environment.stdlib or os.path.join(sys.base_prefix, "lib")
    standard, rest = [], []
    for entry in sys.path:
        if entry == sys.argv[0] or not entry:
            continue
        if entry in site:
            rest.append((entry, "site"))
        elif entry.startswith(stdlib) or _is_archive(entry) or entry.endswith("lib-dynload"):
            standard.append((entry, "stdlib"))
        else:
            rest.append((entry, "pth"))
    if not any(origin == "site" for _, origin in rest):
        rest += [(entry, "site") for entry in environment.site] + _linked(environment.site)
    user = []
    if environment.user_site_enabled and os.path.isdir(environment.user_site):
        user = [(environment.user_site, "user-site")] + _linked([environment.user_site])
    own = _own_entries(environment, rest)
    return standard + rest[:own] + user + rest[own:]


def _own_entries(environment, rest):
    """How many entries come before the user's: a virtual environment's own (``site.main``)."""
    inside = environment.prefix + os.sep
    for number, (entry, origin) in enumerate(rest):
        if environment.config is None or (origin == "site" and not entry.startswith(inside)):
            return number
    return len(rest)


def _is_archive(entry):
    return os.path.basename(entry) == "python%d%d.zip" % sys.version_info[:2]


def _linked(folders):
    return [(entry, "pth") for folder in folders for entry in pth_entries(folder)]


def _absolute(entry):
    try:
        return os.path.abspath(entry)
    except OSError:  # the working directory was deleted
        return entry or os.curdir


def _records(entries):
    seen = set()
    records = []
    for entry, origin in entries:
        if entry not in seen:
            seen.add(entry)
            records.append({"entry": entry, "origin": origin, "exists": os.path.exists(entry)})
    return records
