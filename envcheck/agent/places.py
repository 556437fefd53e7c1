"""The directories that machine learning writes to, and which variable decides each of them.

The rules are those of huggingface_hub (``constants.py``), Python's ``tempfile``, torch
(``hub.py``, ``_inductor``, ``utils/cpp_extension.py``) and Triton (``knobs.py``).
"""

import os

from .mounts import mount_of


class Place:
    """A directory (``path``) called ``label``; ``variable`` decided it (empty: the default did).

    ``error`` says why there is no path, or what is wrong with the variable.
    """

    __slots__ = ("error", "label", "path", "variable")

    def __init__(self, label, path, variable="", error=""):
        self.label = label
        self.path = path
        self.variable = variable
        self.error = error


def places(request, site_packages, remote=()):
    """Every place, those that the request names last.

    ``remote`` are mount points that may hang: nothing below them is looked at here.
    """
    found = [_working_directory(request), _temporary(remote)]
    found += [Place("site-packages", path) for path in site_packages[:1]]
    found += _hugging_face()
    found += _torch(found[1])
    known = {place.label for place in found}
    for label, path in request.paths.items():
        if label not in known:
            found.append(Place(label, expand(path), "", _unexpanded(path)))
    return found


def expand(path):
    """``~`` and ``$VARIABLES`` as the target's user has them, absolute if the target can tell."""
    expanded = os.path.expandvars(os.path.expanduser(path))
    try:
        return os.path.abspath(expanded)
    except OSError:
        return expanded


def _unexpanded(path):
    expanded = os.path.expandvars(os.path.expanduser(path))
    if expanded.startswith("~"):
        return "no home directory to put for ~"
    return "a variable in it is not set" if "$" in expanded else ""


def _working_directory(request):
    if "output" in request.paths:
        return Place("output", expand(request.paths["output"]))
    try:
        return Place("output", os.getcwd())
    except OSError as error:
        return Place("output", None, "", "the working directory is gone: %s" % error.strerror)


def _temporary(remote):
    """As ``tempfile.gettempdir()`` would choose, without writing a file to try."""
    wrong = ""
    for variable in ("TMPDIR", "TEMP", "TMP"):
        path = os.environ.get(variable)
        if not path:
            continue
        if mount_of(path, remote) or os.path.isdir(path):
            return Place("TMPDIR", os.path.abspath(path), variable, wrong)
        wrong = wrong or "%s names %s, which is no directory" % (variable, path)
    for path in ("/tmp", "/var/tmp", "/usr/tmp"):  # noqa: S108
        if os.path.isdir(path):
            return Place("TMPDIR", path, "", wrong)
    return Place("TMPDIR", None, "", wrong or "there is no temporary directory")


def _hugging_face():
    home, variable, error = _cache("huggingface", "HF_HOME")
    found = [Place("HF_HOME", home, variable, error)]
    for names in (("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), ("HF_DATASETS_CACHE",)):
        for name in names:
            if os.environ.get(name):
                found.append(Place(names[0], expand(os.environ[name]), name))
                break
    return found


def _torch(temporary):
    found = [Place("TORCH_HOME", *_cache("torch", "TORCH_HOME"))]
    found.append(Place("TORCH_EXTENSIONS_DIR", *_cache("torch_extensions", "TORCH_EXTENSIONS_DIR")))
    chosen = os.environ.get("TRITON_CACHE_DIR")
    if chosen:
        found.append(Place("TRITON_CACHE_DIR", expand(chosen), "TRITON_CACHE_DIR"))
    else:
        variable = "TRITON_HOME" if os.environ.get("TRITON_HOME") else ""
        base = os.environ.get("TRITON_HOME") or "~"
        error = _homeless(base)
        path = None if error else expand(os.path.join(base, ".triton", "cache"))
        found.append(Place("TRITON_CACHE_DIR", path, variable, error))
    chosen = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    if chosen:
        found.append(Place("TORCHINDUCTOR_CACHE_DIR", expand(chosen), "TORCHINDUCTOR_CACHE_DIR"))
    elif temporary.path:
        found.append(Place("TORCHINDUCTOR_CACHE_DIR", temporary.path, temporary.variable))
    return found


def _cache(name, variable):
    """(path, deciding variable, error) of a cache: ``variable``, else below XDG_CACHE_HOME."""
    if variable in os.environ:
        return expand(os.environ[variable]), variable, _unexpanded(os.environ[variable])
    base = os.environ.get("XDG_CACHE_HOME")
    if base:
        return expand(os.path.join(base, name)), "XDG_CACHE_HOME", ""
    error = _homeless("~")
    return None if error else expand(os.path.join("~", ".cache", name)), "", error


def _homeless(base):
    return "there is no home directory" if os.path.expanduser(base).startswith("~") else ""
