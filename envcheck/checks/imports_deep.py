"""IMP3xx: what happened when torch and other modules were really imported. Only with --deep."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.model.reading import records, strings, text
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = {
    "SIGBUS": "A shared object is shorter than it says: an interrupted download or a full disk.",
    "SIGILL": "It has instructions that this processor does not know.",
    "SIGSEGV": "Native code accessed memory that is not its own: often two builds that do not fit.",
    "SIGABRT": "Native code gave up; its message is on standard error.",
    "SIGKILL": "Somebody killed it: most often the kernel, for lack of memory.",
    "SIGFPE": "Native code divided by zero or met an instruction that is not emulated.",
}


def require_deep(context: Context) -> None:
    """Raises NotApplicable unless the facts were collected with --deep."""
    if context.get("compute.asked") is not True:
        raise NotApplicable("only with --deep")


def require_torch(context: Context) -> None:
    """Raises NotApplicable unless torch was imported, with --deep."""
    require_deep(context)
    status = context["compute.torch.import.status"]
    if status != "ok":
        raise NotApplicable(f"torch {'could not be imported' if status else 'is not installed'}")


def _trials(context: Context) -> Iterator[dict[str, Any]]:
    """The import of torch and those that were asked for, as records with `module`."""
    require_deep(context)
    status = context["compute.torch.import.status"]
    names = ("seconds", "error", "signal", "where", "library", "missing")
    if status is not None:
        record = {name: context.get("compute.torch.import." + name) for name in names}
        yield dict(record, module="torch", status=status)
    yield from records(context["compute.imports"])


def _asked(context: Context, status: str) -> list[dict[str, Any]]:
    trials = list(_trials(context))
    if not trials:
        raise NotApplicable("torch is not installed and no module was named")
    return [trial for trial in trials if trial.get("status") == status]


def crashes(context: Context) -> Iterator[Finding]:
    """Importing a module kills Python.

    ## Why it matters
    There is no exception and no traceback, only "Segmentation fault", "Illegal instruction" or
    nothing at all: everything that imports the module dies with it.

    ## Causes
    SIGBUS: a truncated shared object. SIGILL: the processor lacks instructions (AVX2) that the
    library uses. SIGSEGV: libraries of two builds in one process, or a damaged file. SIGKILL: no
    memory.

    ## Remedy
    Reinstall the distribution that the named library belongs to; for SIGILL use a build for this
    processor.

    ## Sources
    faulthandler's traceback of a real import, and the dynamic loader's own log for the library.
    """
    for trial in _asked(context, "crash"):
        module, signal = text(trial.get("module")), text(trial.get("signal"))
        what = f"was killed by {signal}" if signal else text(trial.get("error")) or "ended Python"
        yield fail(
            f"import {module} {'' if signal else 'failed: '}{what}",
            detail=_detail(_SIGNALS.get(signal, ""), trial),
            subject=module,
            required=True,
            evidence=_evidence(context, module),
            remedy=_reinstall(context, module, text(trial.get("library"))),
            cause=_cause(context, trial),
        )


def hangs(context: Context) -> Iterator[Finding]:
    """Importing a module does not end.

    ## Why it matters
    Programs stop before their first line, without a message.

    ## Causes
    A dead network mount, a driver that does not answer, a lock that another process holds, a proxy
    that swallows packets. The innermost module says where.

    ## Remedy
    Look at the file and line that the finding names; compare with `python -X faulthandler`.

    ## Sources
    `faulthandler.dump_traceback_later` in a real import.
    """
    for trial in _asked(context, "hang"):
        module, where = text(trial.get("module")), text(trial.get("where"))
        seconds = trial.get("seconds")
        limit = f"{seconds:.3g} s" if isinstance(seconds, (int, float)) else "the time allowed"
        yield fail(
            f"import {module} did not end within {limit}",
            detail=f"It was in {where}." if where else "Where it was is not known.",
            subject=module,
            required=True,
            evidence=_evidence(context, module),
            remedy=Remedy(f"See what {where} waits for" if where else "See where it waits"),
            cause=_cause(context, trial),
        )


def errors(context: Context) -> Iterator[Finding]:
    """Importing a module raises an exception.

    ## Why it matters
    The module cannot be used at all.

    ## Causes
    A shared library that is not there ("cannot open shared object file"), a file that was cut off
    ("file too short"), a symbol that another version has ("undefined symbol"), a dependency that is
    missing or incompatible.

    ## Remedy
    Install what is missing, reinstall what is damaged, or bring the versions together; the finding
    says which.

    ## Sources
    The exception of a real import, with those that led to it.
    """
    for trial in _asked(context, "error"):
        module, missing = text(trial.get("module")), text(trial.get("missing"))
        title = f"import {module} fails"
        if ".so" in missing:
            title += f": {missing} is not found"
        elif missing == module:
            title = f"{module} is not installed"
        elif missing:
            title += f": the module {missing} is missing"
        yield fail(
            title,
            detail=_detail(text(trial.get("error")), trial),
            subject=module,
            required=True,
            evidence=_evidence(context, module),
            remedy=_mend(context, trial),
            cause=_cause(context, trial),
        )


def _cause(context: Context, trial: dict[str, Any]) -> str:
    """The code of an earlier failure that this import speaks of: it is about the module itself,
    about something that the error, frame or library names, or about the file that is missing.
    A failure of a distribution that has nothing to do with the import explains nothing.
    """
    said = " ".join(text(trial.get(key)) for key in ("error", "where", "library", "missing"))
    words = "".join(c if c.isalnum() else " " for c in said.lower().replace("_", "")).split()
    module, missing = text(trial.get("module")), text(trial.get("missing"))
    spoken_of = {*words, _plain(module.partition(".")[0])}
    for finding in context.findings:
        if finding.code not in _CAUSES or not finding.open:
            continue
        shown = " ".join((finding.title, finding.detail, *(e.value for e in finding.evidence)))
        if _plain(finding.subject) in spoken_of or (".so" in missing and missing in shown):
            return finding.code
    return ""


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _detail(first: str, trial: dict[str, Any]) -> str:
    parts = [first if not first or first[-1] in ".!?" else first + "."]
    if trial.get("library"):
        parts.append(f"It was loading {trial['library']}.")
    if trial.get("where"):
        parts.append(f"Innermost Python frame: {trial['where']}.")
    return " ".join(part for part in parts if part)


def _evidence(context: Context, module: str) -> tuple[Any, ...]:
    if module != "torch":
        return ()
    return context.evidence("compute.torch.import.status", "compute.torch.import.error")


def _mend(context: Context, trial: dict[str, Any]) -> Remedy | None:
    module, missing = text(trial.get("module")), text(trial.get("missing"))
    if ".so" in missing:
        nvidia = next((found for name, found in _NVIDIA.items() if missing.startswith(name)), "")
        if nvidia:
            return remedies.install(
                context,
                [_pinned(context, module)],
                why=f"{missing} is NVIDIA's {nvidia}: install torch with all its dependencies",
            )
        return Remedy(f"Install the library that has {missing}, or put its directory on the path")
    if missing:
        name = missing.partition(".")[0]
        if name == module.partition(".")[0] and name != module:
            return _reinstall(context, module, "")
        return remedies.install(context, [name])
    return _reinstall(context, module, text(trial.get("library")))


_NVIDIA = {
    "libcudart": "CUDA runtime",
    "libcublas": "cuBLAS",
    "libcudnn": "cuDNN",
    "libnccl": "NCCL",
    "libcufft": "cuFFT",
    "libcusparse": "cuSPARSE",
    "libcusolver": "cuSOLVER",
    "libcurand": "cuRAND",
    "libnvrtc": "NVRTC",
    "libnvJitLink": "nvJitLink",
    "libcupti": "CUPTI",
    "libcufile": "cuFile",
    "libnvToolsExt": "NVTX",
}


def _reinstall(context: Context, module: str, library: str) -> Remedy | None:
    """Reinstall the distribution that has the library, else the module; None if none has."""
    owner = _owner(context, module, library)
    if not owner:
        return Remedy(f"Find out which distribution installed {library or module}; none owns it")
    return remedies.reinstall(context, [owner])


def _pinned(context: Context, module: str) -> str:
    return _owner(context, module, "") or module


def _owner(context: Context, module: str, library: str) -> str:
    """`name==version` of the distribution of a library or a module; "" if not known."""
    top = module.partition(".")[0]
    folder = ""
    if "-packages/" in library:
        folder = library.partition("-packages/")[2].partition("/")[0]
    wanted = {name.lower().replace("-", "_") for name in (folder or top,) if name}
    if folder.endswith(".libs"):
        wanted.add(folder[: -len(".libs")].lower().replace("-", "_"))
    for item in records(context.get("distributions.installed")):
        name, version = text(item.get("name")), text(item.get("version"))
        imports = {found.lower() for found in strings(item.get("imports"))}
        if name and (name.lower().replace("-", "_") in wanted or imports & wanted):
            return f"{name}=={version}" if version else name
    return ""


def numpy_exchange(context: Context) -> Iterator[Finding]:
    """NumPy and torch are installed and cannot exchange arrays.

    ## Why it matters
    `tensor.numpy()`, `torch.from_numpy` and data loaders raise "Numpy is not available", although
    both are installed and import.

    ## Causes
    torch before 2.3 was compiled for NumPy 1 and NumPy 2 is installed, or NumPy itself is broken.

    ## Remedy
    Upgrade torch, or install `numpy<2`.

    ## Sources
    NumPy 2.0 migration guide; measured by exchanging an array.
    """
    require_torch(context)
    answer = context["compute.torch.numpy"]
    if answer in ("ok", None):
        return
    why = "Install a NumPy that torch was built for, or a newer torch"
    remedy = remedies.install(context, ["numpy<2"], why=why)
    if not any(sign in text(answer).lower() for sign in ("numpy", "_array_api")):
        remedy = Remedy("Reinstall torch and NumPy: what they say is no matter of their versions")
    yield fail(
        "torch and NumPy cannot exchange arrays",
        detail=text(answer),
        evidence=context.evidence("compute.torch.numpy", "compute.torch.version"),
        remedy=remedy,
    )


def tests_ended(context: Context) -> Iterator[Finding]:
    """After a good import torch fails, crashes or hangs when it is used.

    ## Why it matters
    Nothing that was reported after it can be trusted, and training would end the same way.

    ## Causes
    A driver that does not answer, a damaged library that is loaded late, a device that other
    processes have filled.

    ## Remedy
    The finding says how far the tests came and where they ended.

    ## Sources
    A matrix product on each device, in a process of its own.
    """
    require_torch(context)
    answer = context["compute.tests"]
    if answer not in ("ok", None):
        yield fail(
            "torch imports, and fails when it is used",
            detail=f"The tests ended: {text(answer)}.",
            required=True,
            remedy=Remedy("Free the devices, then reboot or reinstall torch if it stays"),
            cause=_cause(context, {"module": "torch", "error": answer}),
        )


def library_copies(context: Context) -> Iterator[Finding]:
    """Two copies of one library are loaded into torch's process.

    ## Why it matters
    Which of them answers a call depends on the order of loading; with CUDA's libraries that ends in
    errors such as "sublibrary version mismatch", with two OpenMP runtimes in hangs and slow loops.

    ## Causes
    LD_LIBRARY_PATH with a system's copy beside those in the wheels; packages that bundle their own.

    ## Remedy
    Take the other directory out of LD_LIBRARY_PATH.

    ## Sources
    /proc/self/maps of the process that ran torch's tests.
    """
    require_torch(context)
    loaded: dict[str, set[str]] = {}
    for item in records(context["compute.libraries"]):
        path = text(item.get("path"))
        file = path.rpartition("/")[2].partition(".so")[0]
        if text(item.get("name")) in ("cudnn", "cublas", "cudart", "nccl", "cusparse", "cufft"):
            loaded.setdefault(file, set()).add(path)
    for file, paths in loaded.items():
        if len(paths) > 1:
            yield fail(
                f"{len(paths)} copies of {file} are loaded at once",
                detail=f"Loaded: {', '.join(sorted(paths))}.",
                subject=file,
                remedy=Remedy(
                    "Take the directory that does not belong to torch out of LD_LIBRARY_PATH"
                ),
            )


#: What is found without importing anything and explains why an import fails.
_CAUSES = ("PY101", "IMP101", "IMP102", "PKG103", "PKG104", "PKG105")
_BINARIES = ("ABI101", "ABI302")  # judged after these checks, and seldom of something else

CHECKS = (
    Check("IMP301", "imports do not crash", "error", crashes, _BINARIES),
    Check("IMP302", "imports end in time", "error", hangs, _BINARIES),
    Check("IMP303", "imports succeed", "error", errors, _BINARIES),
    Check("IMP304", "torch and NumPy exchange arrays", "error", numpy_exchange, ("ABI102",)),
    Check("IMP305", "torch computes without failing", "error", tests_ended, _BINARIES),
    Check("IMP306", "libraries are loaded once", "warning", library_copies, ("ABI301",)),
)
