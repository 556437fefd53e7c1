"""ABI 301 to 304: which copies of the CUDA libraries torch gets, and whether they fit together."""

from __future__ import annotations

import posixpath

from envcheck.checks import cuda_rules, remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.cuda_facts import observed, records, text
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.model.reading import strings
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Components whose wheels for every CUDA major write into the same folder.
_SAME_FOLDER = ("nvidia-cudnn", "nvidia-nccl", "nvidia-cusparselt", "nvidia-nvshmem")
_KEYS = ("libraries.chosen", "torch.pins")


def _cuda_torch(context: Context) -> None:
    if text(context, "torch.build.kind") != "cuda":
        raise NotApplicable("no torch that is built for CUDA")


def _version(context: Context, path: object) -> str:
    for copy in records(context, "libraries.copies"):
        if copy.get("path") == path and isinstance(copy.get("version"), str):
            version: str = copy["version"]
            return version
    return ""


def own_copies(context: Context) -> Iterator[Finding]:
    """The loader takes another copy of a library than the one that came with torch.

    ## Why it matters
    torch was built and tested with its own copy. An older cuDNN or cuBLAS in its place ends in
    missing symbols, CUDNN_STATUS errors, or wrong speed; another torch's libc10 in undefined
    symbols.

    ## Causes
    LD_LIBRARY_PATH names a folder with the same library (a toolkit, a cuDNN from the system, a
    module system). For objects with RUNPATH it comes first; those with RPATH are immune. envcheck
    reads which of the two torch's libraries have.

    ## Remedy
    Take that folder out of LD_LIBRARY_PATH. Nothing has to be installed.

    ## Sources
    ld.so(8); the ELF headers of torch's libraries; torch/backends/cudnn/__init__.py: same major and
    at least the minor it was compiled with.
    """
    if not text(context, "torch.build.kind"):
        raise NotApplicable("no torch")
    for choice in records(context, "libraries.chosen"):
        path, bundled = choice.get("path"), choice.get("bundled")
        if not isinstance(path, str) or not isinstance(bundled, str) or path == bundled:
            continue
        got, own = _version(context, path), _version(context, bundled)
        if got and got == own:
            continue
        worse = _breaks(str(choice.get("library")), got, own)
        file, why = choice.get("file"), choice.get("why")
        got_text, own_text = f" ({got})" if got else "", f" ({own})" if own else ""
        folder = posixpath.dirname(path)
        if why == "LD_LIBRARY_PATH":
            remedy = remedies.unset(
                context, "LD_LIBRARY_PATH", f"Take {folder} out of LD_LIBRARY_PATH, or unset it"
            )
        else:
            remedy = Remedy(f"Keep the loader from finding {folder} first ({why})")
        yield fail(
            f"torch gets {file} from {folder}{got_text}, not its own{own_text}",
            detail=f"{why} decides; needed by {choice.get('needed_by')}, which has its copy in"
            f" {posixpath.dirname(bundled)}.",
            severity="error" if worse else "warning",
            subject=str(file),
            evidence=observed(context, *_KEYS),
            remedy=remedy,
        )


def _breaks(library: str, got: str, own: str) -> bool:
    """Whether the copy is certain not to do: another torch's, another major, an older cuDNN."""
    if library == "torch":
        return True
    left, right = cuda_rules.version(got), cuda_rules.version(own)
    if not left or not right:
        return False
    if left[0] != right[0]:
        return True
    return library == "cudnn" and left[:2] < right[:2]


def found_at_all(context: Context) -> Iterator[Finding]:
    """A CUDA library that torch needs is nowhere to be found.

    ## Why it matters
    `import torch` ends with "libcudnn.so.9: cannot open shared object file".

    ## Causes
    torch was installed without its dependencies (`--no-deps`), or one of the nvidia-… wheels was
    uninstalled or only half installed.

    ## Remedy
    Install the distribution that brings it, in the version that torch asks for.

    ## Sources
    The ELF headers of torch's libraries; torch's Requires-Dist.
    """
    _cuda_torch(context)
    missing = [
        choice for choice in records(context, "libraries.chosen") if choice.get("path") is None
    ]
    if not missing:
        return
    files = ", ".join(str(choice.get("file")) for choice in missing[:6])
    installed = {str(record.get("name")) for record in records(context, "libraries.distributions")}
    pins = [
        f"{pin['name']}=={pin['version']}"
        for pin in records(context, "torch.pins")
        if isinstance(pin.get("name"), str)
        and isinstance(pin.get("version"), str)
        and pin["name"] not in installed
        and any(_component(str(choice.get("library"))) in pin["name"] for choice in missing)
    ]
    version = text(context, "torch.version")
    remedy = (
        remedies.install(context, pins)
        if pins
        else remedies.reinstall(context, [f"torch=={version}"])
    )
    yield fail(
        f"torch needs {files}, which the loader does not find",
        detail="Neither in torch's wheel, nor in the nvidia-… wheels, nor in the system.",
        evidence=observed(context, *_KEYS, "libraries.distributions"),
        remedy=remedy,
    )


def _component(library: str) -> str:
    names = {"cudart": "cuda-runtime", "cublaslt": "cublas", "nvrtc": "cuda-nvrtc"}
    return "nvidia-" + names.get(library, library)


def one_cuda_major(context: Context) -> Iterator[Finding]:
    """The same NVIDIA library is installed for two CUDA majors.

    ## Why it matters
    nvidia-cudnn-cu12 and nvidia-cudnn-cu13 (and the same for NCCL) write the same files: the one
    that was installed last wins, and torch may get a cuDNN for the other CUDA. Uninstalling either
    removes the files of both.

    ## Causes
    torch was upgraded across a CUDA generation, or two frameworks ask for different ones.

    ## Remedy
    Uninstall those that torch does not ask for, then reinstall those it does.

    ## Sources
    RECORD files of the distributions; pytorch#188892.
    """
    by_component: dict[str, list[str]] = {}
    for record in records(context, "libraries.distributions"):
        name = record.get("name")
        base, _, suffix = name.rpartition("-cu") if isinstance(name, str) else ("", "", "")
        if base and suffix.isdigit():
            by_component.setdefault(base, []).append(str(name))
    double = {base: names for base, names in by_component.items() if len(names) > 1}
    if not double:
        return
    shared = [base for base in double if base in _SAME_FOLDER]
    listed = "; ".join(" and ".join(names) for names in double.values())
    yield fail(
        f"NVIDIA libraries for two CUDA majors are installed: {listed}",
        detail=(
            f"Those of {', '.join(shared)} write the same files: the last one installed wins."
            if shared
            else "They lie in folders of their own, but a program may load both."
        ),
        severity="warning" if shared else "note",
        evidence=observed(context, "libraries.distributions", "torch.build.cuda"),
        remedy=_without_surplus(context, [name for names in double.values() for name in names]),
    )


def _without_surplus(context: Context, names: list[str]) -> Remedy | None:
    """Keep those for torch's CUDA; they have to be installed again, for they lost files."""
    build = text(context, "torch.build.cuda").partition(".")[0]
    surplus = [name for name in names if build and not name.endswith("-cu" + build)]
    if not surplus:
        return None
    remedy = remedies.uninstall(context, surplus)
    pinned = [
        f"{pin['name']}=={pin['version']}"
        for pin in records(context, "torch.pins")
        if pin.get("version") and pin.get("name") in names
    ]
    if pinned:
        lead = "Uninstall the surplus ones, then reinstall those that torch asks for"
        remedy = remedies.together(lead, remedy, remedies.reinstall(context, pinned))
    return remedy


def one_cudnn(context: Context) -> Iterator[Finding]:
    """Sub-libraries of cuDNN may come from another cuDNN than its main library.

    ## Why it matters
    cuDNN loads its parts by name at run time. A part that its own folder lacks is taken from
    wherever the loader finds one: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH in the middle of a run.

    ## Causes
    An incomplete wheel (9.20.0.48 for CUDA 13 lacks `engines_tensor_ir`) beside a cuDNN in the
    system; a folder of LD_LIBRARY_PATH with parts of another version.

    ## Remedy
    Remove the other cuDNN, take its folder out of LD_LIBRARY_PATH, or upgrade the incomplete wheel.

    ## Sources
    pytorch#188892.
    """
    _cuda_torch(context)
    choice: dict[str, Any] = next(
        (c for c in records(context, "libraries.chosen") if c.get("library") == "cudnn"), {}
    )
    path = choice.get("path")
    if not isinstance(path, str):
        raise NotApplicable("which cuDNN torch gets is not known")
    own = posixpath.dirname(path)
    parts = records(context, "libraries.parts")
    have = {name for part in parts if part.get("folder") == own for name in _names(part)}
    version = _version(context, path)
    for part in parts:
        folder, origin = str(part.get("folder")), part.get("origin")
        if folder == own or origin not in ("ld.so.cache", "LD_LIBRARY_PATH"):
            continue
        other = next(
            (
                copy.get("version")
                for copy in records(context, "libraries.copies")
                if copy.get("library") == "cudnn"
                and posixpath.dirname(str(copy.get("path"))) == folder
            ),
            None,
        )
        if other is not None and other == version:
            continue
        wins = sorted(_names(part) - have) if origin == "ld.so.cache" else sorted(_names(part))
        if not wins or not have:
            continue
        yield fail(
            f"cuDNN{' ' + version if version else ''} may load parts of another one in {folder}",
            detail=f"{origin} offers {', '.join(wins[:6])}"
            + (
                " which its own folder lacks." if origin == "ld.so.cache" else ", ahead of its own."
            ),
            subject=folder,
            evidence=observed(context, "libraries.parts", "libraries.chosen"),
            remedy=Remedy("Remove that cuDNN or its folder from the loader's path"),
        )


def _names(part: dict[str, Any]) -> set[str]:
    return set(strings(part.get("names")))


CHECKS = (
    Check("ABI301", "torch gets the libraries it came with", "warning", own_copies),
    Check("ABI302", "every CUDA library torch needs is found", "error", found_at_all),
    Check("ABI303", "NVIDIA libraries are of one CUDA major", "warning", one_cuda_major),
    Check("ABI304", "cuDNN is of one piece", "warning", one_cudnn, ("ABI301",)),
)
