"""ABI103 and ABI104: torch against its own metadata, and what was compiled against torch."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.installed import Distribution, in_use, installed
from envcheck.checks.specifiers import satisfies
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.model.reading import strings
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Distributions whose local version label is that of the torch they were compiled for.
_FAMILY = ("torchvision", "torchaudio", "torchtext", "torchcodec")


class Build(NamedTuple):
    """What a local version label says: ``kind`` cpu, cuda, rocm, xpu or empty; the CUDA major, 0
    if it is not said; torch's ``(major, minor)``, empty if it is not said.
    """

    kind: str = ""
    cuda: int = 0
    torch: tuple[int, ...] = ()


def build_of(version: str) -> Build:
    """``0.28.0+cu126``, ``2.1.2+pt25cu124``, ``2.7.4+cu12torch2.6cxx11abiFALSE``."""
    label = version.partition("+")[2].lower()
    torch: tuple[int, ...] = ()
    for mark in ("torch", "pt"):
        before, found, after = label.partition(mark)
        if not found:
            continue
        digits = _digits(after)
        rest = after[len(digits) :]
        minor = _digits(rest[1:]) if rest[:1] == "." else ""
        label = before + " " + rest[1 + len(minor) if minor else 0 :]
        if minor:
            torch = (int(digits), int(minor))
        elif len(digits) > 1:  # pt25, pt113, pt210
            torch = (int(digits[0]), int(digits[1:]))
        break
    for word in label.split():
        if word.startswith(("cpu", "rocm", "xpu")):
            return Build(word.rstrip("0123456789."), 0, torch)
        if word.startswith("cu") and (number := _digits(word[2:])):
            # cu12, cu126: the last digit of three is the minor
            return Build("cuda", int(number if len(number) < 3 else number[:-1]), torch)
    return Build("", 0, torch)


def _digits(text: str) -> str:
    length = len(text) - len(text.lstrip("0123456789"))
    return text[: min(length, 4)]


def _series(version: object) -> tuple[int, ...]:
    """``(2, 14)`` of ``2.14.0a0+gitabc``; empty for what is no version."""
    parts = str(version).split(".")[:2]
    if len(parts) < 2 or any(not part or _digits(part) != part for part in parts):
        return ()
    return tuple(int(part) for part in parts)


def companions(context: Context) -> Iterator[Finding]:
    """What was compiled against torch was compiled against another torch.

    ## Why it matters
    Compiled operators are loaded into torch's process. Made for CUDA, they do not load into a CPU
    torch ("operator torchvision::nms does not exist"); made for another CUDA major, they refuse;
    made for another torch, they end in undefined symbols. Made for the CPU, their operators have
    no CUDA version.

    ## Causes
    torch was replaced by another build and torchvision was not, or the other way round; a wheel of
    flash-attn or of PyG's extensions for another torch.

    ## Remedy
    Install the same build of both, from the same index, in one command.

    ## Sources
    The local version labels (`+cu126`, `+pt25cu124`, `+cu12torch2.6`) against torch's version.py;
    `torchvision/extension.py`: `_check_cuda_version`.
    """
    kind = context.get("torch.build.kind")
    if not isinstance(kind, str) or kind not in ("cpu", "cuda", "rocm", "xpu"):
        raise NotApplicable("torch is not installed, or its build is not known")
    cuda = (*_series(context.get("torch.build.cuda")), 0)[0]
    have = _series(context.get("torch.version"))
    for one in in_use(installed(context)).values():
        build = build_of(one.version)
        if one.key == "torch" or (one.key not in _FAMILY and not build.torch):
            continue
        why = ""
        if build.torch and have and build.torch != have:
            why = f"for torch {build.torch[0]}.{build.torch[1]}"
        elif build.kind and build.kind != kind:
            why = f"for {_named(build.kind, build.cuda)}"
        elif build.cuda and cuda and build.cuda != cuda:
            why = f"for CUDA {build.cuda}"
        if why:
            yield fail(
                f"{one} is made {why}, torch is {context.get('torch.version')}"
                f" ({_named(kind, cuda)})",
                severity="warning" if build.kind == "cpu" and not build.torch else "",
                subject=one.name,
                evidence=(
                    one.evidence(),
                    *context.evidence("torch.version", "torch.build.kind", "torch.build.cuda"),
                ),
                remedy=_same_build(context, one, kind),
            )


def _named(kind: str, cuda: int) -> str:
    if kind == "cuda":
        return f"CUDA {cuda}" if cuda else "CUDA"
    return {"cpu": "the CPU", "rocm": "ROCm"}.get(kind, "XPU")


def _same_build(context: Context, one: Distribution, kind: str) -> Remedy:
    version = str(context.get("torch.version") or "")
    label = version.partition("+")[2]
    cuda = str(context.get("torch.build.cuda") or "").replace(".", "")
    if not label.startswith(("cu", "cpu", "rocm", "xpu")):
        label = {"cuda": f"cu{cuda}", "rocm": ""}.get(kind, kind)
    if one.key not in _FAMILY or not label:
        return Remedy(f"Install a {one.name} that was built for torch {version}, or build it here")
    public = one.version.partition("+")[0]
    why = f"Install the {label} build of {one.name}, as torch is"
    return remedies.torch_backend(context, label, f"{one.name}=={public}", why=why, reinstalls=True)


def own_version(context: Context) -> Iterator[Finding]:
    """Torch's files are of another version than its metadata states.

    ## Why it matters
    pip and every other distribution believe the metadata; Python imports the files. Requirements
    that look met are not.

    ## Causes
    An installation over another one that was not removed, files copied by hand, an interrupted
    upgrade.

    ## Remedy
    Install it again over it.

    ## Sources
    `torch/version.py` against the METADATA beside it.
    """
    stated = strings(context["torch.metadata"])
    if len(stated) != 1:
        raise NotApplicable("no torch with metadata of its own")
    version = str(context["torch.version"])
    same = satisfies(version.partition("+")[0], "==" + stated[0].partition("+")[0])
    labels = build_of(version), build_of(stated[0])
    other_build = all(label.kind for label in labels) and labels[0] != labels[1]
    if same is False or other_build:
        yield fail(
            f"torch's files are {version}, its metadata says {stated[0]}",
            subject="torch",
            evidence=context.evidence("torch.version", "torch.metadata"),
            remedy=remedies.reinstall(context, [f"torch=={stated[0]}"], damaged=True),
        )


CHECKS = (
    Check("ABI103", "companions of torch are built for it", "error", companions, ("PKG102",)),
    Check("ABI104", "torch is what its metadata states", "error", own_version, ("PKG102",)),
)
