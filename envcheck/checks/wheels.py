"""ABI10x: installed wheels are for this interpreter and this platform."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.checks.installed import Distribution, in_use, installed, listed
from envcheck.model.finding import Finding, Remedy, fail
from envcheck.model.reading import strings
from envcheck.typed import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Supported(NamedTuple):
    """What the target supports: ``pairs`` of interpreter and ABI that go with every one of
    ``platforms``, and ``generic`` pairs for wheels that go with any platform.
    """

    pairs: frozenset[str]
    generic: frozenset[str]
    platforms: frozenset[str]


def supported(context: Context) -> Supported:
    """The target's tags. Raises UnknownFact where they could not be observed."""
    pairs = strings(context["interpreter.tags"])
    platforms = strings(context["host.tags"])
    generic = {pair[: -len("-any")] for pair in pairs if pair.endswith("-any")}
    return Supported(
        frozenset(pair for pair in pairs if pair.count("-") == 1),
        frozenset(generic),
        frozenset(platforms),
    )


def fits(tag: str, target: Supported) -> bool | None:
    """Whether one of the tags in ``tag`` (``py2.py3-none-any``) fits; None if it is none."""
    parts = tag.split("-")
    if len(parts) != 3 or len(tag) > 2000 or not all(parts):
        return None
    interpreters, abis, platforms = (part.lower().split(".") for part in parts)
    pairs = {f"{interpreter}-{abi}" for interpreter in interpreters for abi in abis}
    if "any" in platforms and not pairs.isdisjoint(target.generic):
        return True
    return not pairs.isdisjoint(target.pairs) and not target.platforms.isdisjoint(platforms)


def tags(context: Context) -> Iterator[Finding]:
    """An installed wheel is for another platform or another Python.

    ## Why it matters
    Its compiled modules cannot be loaded: "invalid ELF header", "cannot open shared object file",
    `ModuleNotFoundError` for the compiled part.

    ## Causes
    An environment copied between machines or images, `pip download --platform` and `--target`,
    PYTHONPATH into another Python's site-packages, a multi-stage build from another base image.

    ## Remedy
    Install it again on this system.

    ## Sources
    The Tag lines of each WHEEL file; PyPA specification "Platform compatibility tags".
    """
    target = supported(context)
    if not target.pairs or not target.platforms:
        raise NotApplicable("the target's wheel tags are not known")
    foreign: dict[str, list[Distribution]] = {}
    for one in in_use(installed(context)).values():
        answers = [fits(tag, target) for tag in one.tags]
        if not answers or any(answer is not False for answer in answers) or not one.from_wheel:
            continue
        foreign.setdefault(_why(one.tags, target), []).append(one)
    for why, items in foreign.items():
        if len(items) > 5:  # a whole environment from elsewhere is one finding
            yield fail(
                f"{len(items)} distributions are {why}",
                subject=why,
                detail=f"They are {listed(map(str, items), limit=8)}.",
                evidence=(items[0].evidence(listed(items[0].tags)), *context.evidence("host.tags")),
                remedy=remedies.reinstall(context, [one.pinned for one in items]),
            )
            continue
        for one in items:
            yield fail(
                f"{one} is {why}",
                subject=one.name,
                detail=f"Its wheel is tagged {listed(one.tags)}.",
                evidence=(
                    one.evidence(listed(one.tags)),
                    *context.evidence("interpreter.abi", "host.arch"),
                ),
                remedy=remedies.reinstall(context, [one.pinned]),
            )


def _why(own: tuple[str, ...], target: Supported) -> str:
    """What the wheel was made for that this target is not."""
    platforms = {tag.rpartition("-")[2] for tag in own}
    families = {_family(platform) for platform in platforms}
    here = {_family(platform) for platform in target.platforms}
    if families.isdisjoint(here | {"any"}):
        return f"made for {_words(families)}, not for {_words(here - {'Linux'} or here)}"
    arches = {_architecture(platform) for platform in platforms}
    if "any" not in families and arches.isdisjoint({_architecture(p) for p in target.platforms}):
        return f"made for the {_words(arches)} architecture"
    pairs = {tag.rpartition("-")[0] for tag in own}
    if pairs.isdisjoint(target.pairs | target.generic):
        return f"made for another Python ({_words(pairs)})"
    return f"made for a newer system ({_words(platforms)})"


def _family(platform: str) -> str:
    if platform.startswith("manylinux"):
        return "glibc"
    if platform.startswith("musllinux"):
        return "musl"
    if platform.startswith("linux"):
        return "Linux"
    if platform.startswith("macosx"):
        return "macOS"
    return "Windows" if platform.startswith("win") else platform


def _architecture(platform: str) -> str:
    for suffix in ("x86_64", "aarch64", "arm64", "i686", "armv7l", "ppc64le", "s390x", "riscv64"):
        if platform.endswith(suffix):
            return suffix
    return platform


def _words(items: set[str]) -> str:
    return " or ".join(sorted(items))


def numpy_abi(context: Context) -> Iterator[Finding]:
    """Torch was compiled for NumPy 1 and NumPy 2 is installed.

    ## Why it matters
    `torch.from_numpy` and `Tensor.numpy` fail with "Numpy is not available"; importing prints "A
    module that was compiled using NumPy 1.x cannot be run in NumPy 2".

    ## Causes
    An old torch in an environment where something upgraded NumPy; old torch wheels put no upper
    bound on it.

    ## Remedy
    Install `numpy<2`, or a newer torch.

    ## Sources
    Read from the compiled module itself: one made for NumPy 2 looks for `numpy._core`, one made for
    NumPy 1 only for `numpy.core` (NumPy, `_import_array` in `__multiarray_api.h`).
    """
    there = in_use(installed(context))
    numpy, torch = there.get("numpy"), there.get("torch")
    if numpy is None or torch is None:
        raise NotApplicable("torch and NumPy are not both installed")
    generation = context["distributions.torch_numpy"]
    if generation is None:
        raise NotApplicable("both are from after NumPy 2, or both from before")
    if generation == "1":
        yield fail(
            f"{torch} was compiled for NumPy 1, {numpy} is installed",
            subject="numpy",
            evidence=(
                *context.evidence("distributions.torch_numpy"),
                numpy.evidence(),
                torch.evidence(),
            ),
            remedy=_older_numpy(context),
        )


def _older_numpy(context: Context) -> Remedy:
    return remedies.install(context, ["numpy<2"], why="Install NumPy 1, or a newer torch")


CHECKS = (
    Check("ABI101", "wheels are for this system", "error", tags, ("PY001",)),
    Check("ABI102", "torch and NumPy are of one generation", "error", numpy_abi, ("PY001",)),
)
