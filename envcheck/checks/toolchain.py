"""OS3xx: compilers, build tools and CUDA toolkits."""

from __future__ import annotations

from envcheck.checks import remedies
from envcheck.checks.base import Check, Context, NotApplicable
from envcheck.model.finding import Finding, Remedy, fail, passed, skip, unknown
from envcheck.model.reading import records, text
from envcheck.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.profile import Placed


def required_tool(context: Context) -> Iterator[Finding]:
    """A build tool that the profile asks for is missing or too old.

    ## Why it matters
    Packages without a wheel for this platform, and every C++ or CUDA extension, are built when they
    are installed; without the tool that ends in a page of compiler messages.

    ## Causes
    A slim image, or a system on which nothing was ever built.

    ## Remedy
    Install the tool with the system's package manager; the finding has the command.

    ## Sources
    The profile's own line, shown with the finding.
    """
    requirements = context.requirements("compiler")
    plain = {requirement.tool for requirement in requirements if not requirement.requires}
    for requirement in requirements:
        if requirement.tool == "python-headers":
            yield _headers(context, context.about(requirement, "Python.h", "toolchain.headers"))
        else:
            fields = context.about(requirement, requirement.tool)
            yield _tool(context, requirement, fields, once=requirement.tool in plain)


def _headers(context: Context, fields: dict[str, Any]) -> Finding:
    if context["toolchain.headers"]:
        return passed("Python's headers are there", **fields)
    from envcheck.checks import system_packages

    remedy = system_packages.install(context, "python-headers")
    return fail("Python.h of this interpreter is missing", remedy=remedy, **fields)


def _tool(context: Context, requirement: Placed, fields: dict[str, Any], *, once: bool) -> Finding:
    """``once``: another requirement asks for the tool itself, this one for its version."""
    name = requirement.tool
    found = next(
        (item for item in records(context["toolchain.tools"]) if item.get("tool") == name), {}
    )
    path = text(found.get("path"))
    from envcheck.checks import system_packages

    if not path:
        said = text(found.get("error"))
        title = f"there is no {_PROGRAMS.get(name, name)}" + (f": {said}" if said else "")
        if requirement.requires and once:
            return skip(title, **{**fields, "required": False})
        if name == "nvcc":
            return fail(title, remedy=_toolkit_remedy(context), **fields)
        return fail(title, remedy=system_packages.install(context, name), **fields)
    version = text(found.get("version"))
    if not requirement.requires:
        return passed(f"{path} is there", **fields)
    if not version:
        why = text(found.get("error")) or "its version is asked only with --deep"
        return unknown(f"the version of {path} is not known: {why}", **fields)
    from envcheck.checks.specifiers import satisfies

    answer = satisfies(version, requirement.requires)
    if answer is None:
        title = f"{version} of {path} cannot be compared with {requirement.requires}"
        return unknown(title, **fields)
    if answer:
        return passed(f"{path} {version} fits {requirement.requires}", **fields)
    title = f"{path} is version {version}; {requirement.requires} is needed"
    return fail(title, remedy=system_packages.install(context, name), **fields)


_PROGRAMS = {
    "c": "C compiler",
    "c++": "C++ compiler",
    "fortran": "Fortran compiler",
    "rust": "Rust compiler",
}


def _toolkit_remedy(context: Context) -> Remedy:
    version = text(context.get("torch.build.cuda"))
    which = f" {version}, with which torch was built" if version else ""
    return Remedy(f"Install NVIDIA's CUDA toolkit{which}, and put its bin directory on PATH")


def chosen_compiler(context: Context) -> Iterator[Finding]:
    """`CC`, `CXX` or a variable like them names a program that is not there.

    ## Why it matters
    Builds take the variable's word for it and fail, although another compiler is installed.

    ## Causes
    A variable that was set for another machine, or left by an environment that is gone.

    ## Remedy
    Unset the variable, or install what it names.

    ## Sources
    setuptools and torch's `cpp_extension` read these variables.
    """
    for item in records(context["toolchain.tools"]):
        variable = text(item.get("source"))
        if item.get("path") is None and variable not in ("", "PATH"):
            name = text(item.get("name"))
            yield fail(
                f"{variable} names {name}, which is not there",
                subject=variable,
                detail="Whatever is built here will fail to start it.",
                remedy=remedies.unset(context, variable, f"Unset {variable}, or install {name}"),
            )


def compiler_works(context: Context) -> Iterator[Finding]:
    """A compiler is there and does not translate a program of one line.

    ## Why it matters
    Its presence alone makes build tools choose it; every build then fails.

    ## Causes
    The C library's headers are missing (`libc6-dev`, `musl-dev`), the compiler's own files were
    removed to make an image smaller, or it was built for another system.

    ## Remedy
    Install the whole set: `build-essential`, `build-base` or what the finding names.

    ## Sources
    The compiler's own message, shown with the finding.
    """
    if context.get("compute.asked") is not True:
        raise NotApplicable("compilers are tried only with --deep")
    for item in records(context["toolchain.tools"]):
        if item.get("compiles") is False:
            from envcheck.checks import system_packages

            yield fail(
                f"{item.get('path')} cannot translate a program of one line",
                subject=text(item.get("tool")),
                detail=text(item.get("error")),
                remedy=system_packages.install(context, text(item.get("tool"))),
            )


def toolkit_matches(context: Context) -> Iterator[Finding]:
    """The CUDA toolkit is of another major version than torch's CUDA.

    ## Why it matters
    torch refuses to build extensions with it: "The detected CUDA version mismatches the version
    that was used to compile PyTorch". To run torch no toolkit is needed, so this matters only where
    extensions are built.

    ## Causes
    The system's toolkit was upgraded, or torch was installed for another CUDA.

    ## Remedy
    Install a torch for the toolkit's CUDA, or set `CUDA_HOME` to a toolkit of torch's.

    ## Sources
    torch/utils/cpp_extension.py, `_check_cuda_version` (2026-11-20).
    """
    if not _builds_extensions(context):
        raise NotApplicable("no CUDA extensions are to be built")
    built = context["torch.build.cuda"]
    if not isinstance(built, str):
        raise NotApplicable("torch is not built for CUDA")
    home = text(context["toolchain.cuda.home"])
    if home and context["toolchain.cuda.home.exists"] is False:
        yield fail(
            f"CUDA_HOME is {home}, which is not there",
            subject="CUDA_HOME",
            evidence=context.evidence("toolchain.cuda.home"),
            remedy=remedies.unset(
                context, "CUDA_HOME", "Unset CUDA_HOME, or set it to a CUDA toolkit"
            ),
        )
        return
    toolkits = [item for item in records(context["toolchain.cuda.toolkits"]) if item.get("nvcc")]
    if not toolkits:
        raise NotApplicable("there is no CUDA toolkit with a compiler")
    used = toolkits[0]
    version = text(used.get("version"))
    if not version:
        yield unknown(f"the version of the CUDA toolkit in {used.get('path')} is not known")
    elif version.partition(".")[0] != built.partition(".")[0]:
        yield fail(
            f"the CUDA toolkit is {version}, torch is built for CUDA {built}",
            subject=text(used.get("path")),
            evidence=context.evidence("torch.build.cuda", "toolchain.cuda.home"),
            remedy=_match(context, toolkits, built),
        )


def _match(context: Context, toolkits: list[dict[str, Any]], built: str) -> Remedy:
    for item in toolkits:
        if text(item.get("version")).partition(".")[0] == built.partition(".")[0]:
            path = text(item.get("path"))
            return remedies.export(context, "CUDA_HOME", path, f"Use the toolkit in {path}")
    return Remedy(
        f"Install a CUDA {built.partition('.')[0]} toolkit and set CUDA_HOME to it, "
        "or a torch that is built for this one"
    )


def _builds_extensions(context: Context) -> bool:
    if context.holds("extensions"):
        return True
    if any(item.tool == "nvcc" for item in context.asked("compiler")):
        return True
    return any(item.compiler for item in context.asked("cuda_toolkit"))


CHECKS = (
    Check("OS301", "build tools fit the profile", "error", required_tool),
    Check("OS302", "compilers that variables name are there", "warning", chosen_compiler),
    Check("OS303", "compilers translate a program", "warning", compiler_works, ("OS302",)),
    Check("OS304", "the CUDA toolkit fits torch", "error", toolkit_matches),
)
