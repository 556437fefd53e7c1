"""PY: whether what is meant was examined."""

from __future__ import annotations

from envcheck.checks.base import Check, Context, NotApplicable, sentence
from envcheck.model.finding import Finding, Remedy, fail, unknown
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def found(context: Context) -> Iterator[Finding]:
    """No environment was found but the one that envcheck itself is installed in.

    ## Why it matters
    pipx, uv and the like make an environment for one program alone. What is installed there says
    nothing about where torch is, so everything about distributions stays open.

    ## Causes
    No environment is active, there is no `.venv` in the project, and no `python3` on PATH.

    ## Remedy
    Activate the environment, or name it with `--python` or `--venv`.

    ## Sources
    pipx, "How it works" (`pipx_metadata.json`); uv, "Tools" (`uv-receipt.toml`).
    """
    target = context.facts.target
    if target.get("kind") not in ("python", "venv", "conda"):
        raise NotApplicable("the target was named")
    if target.get("own_tool_environment") is True:
        yield fail(
            "no environment was found to examine",
            detail="There is only the one that was made for envcheck itself.",
            evidence=context.evidence("interpreter.prefix"),
            remedy=Remedy(
                "Activate the environment that is meant, or name it",
                ("envcheck doctor --venv .venv",),
            ),
        )


def agent_runs(context: Context) -> Iterator[Finding]:
    """The interpreter is too old for envcheck to look inside, or could not be examined in time.

    ## Why it matters
    Below Python 3.7 only the version is reported; every other fact is unknown. Where neither the
    version nor what is installed could be observed, no verdict is worth anything.

    ## Causes
    A system Python, an old image, a virtual environment from years ago; a network file system that
    does not answer; too small a `--timeout`.

    ## Remedy
    Make an environment with a supported Python.

    ## Sources
    Status of Python versions, Python Developer's Guide.
    """
    agent = context.facts.agent
    if agent.get("status") != "unsupported":
        yield from _hardly_examined(context)
        return
    from envcheck.checks import remedies

    version = context.get("interpreter.version", "unknown")
    yield fail(
        f"Python {version} is too old to be examined",
        detail=sentence(str(agent.get("reason") or "")),
        evidence=context.evidence("interpreter.version", "interpreter.executable"),
        remedy=remedies.new_environment(context),
        required=True,
    )


def _hardly_examined(context: Context) -> Iterator[Finding]:
    """Where not even this was observed, the other answers are worth little."""
    if context.facts.target.get("own_tool_environment"):
        return  # withheld on purpose
    for key in ("interpreter.version", "distributions.installed"):
        fact = context.facts.fact(key)
        if fact.status == "unknown":
            yield unknown(
                "the environment could not be examined",
                detail=f"{key} could not be observed: {fact.reason}",
                evidence=context.evidence(key),
                required=True,
            )
            return


def lost(context: Context) -> Iterator[Finding]:
    """A virtual environment has lost its pyvenv.cfg, so that its Python does not use it.

    ## Why it matters
    The interpreter in its `bin` then is the one it was made from: it imports what is installed
    there, and nothing of what is installed in the environment. pip installs there, too.

    ## Causes
    A copy that left files out, a clean-up of `*.cfg`, an interrupted creation.

    ## Remedy
    Write the file again; the packages of the environment stay.

    ## Sources
    PEP 405: `pyvenv.cfg` beside the interpreter or one directory up makes a virtual environment.
    """
    folder = context.get("interpreter.venv.lost")
    if not isinstance(folder, str):
        return
    from envcheck.checks import remedies

    version = ".".join(str(context.get("interpreter.version") or "3.12").split(".")[:2])
    yield fail(
        "the virtual environment has no pyvenv.cfg: its Python does not use it",
        detail=f"What was examined instead is {context.get('interpreter.prefix')}.",
        subject=folder,
        evidence=context.evidence(
            "interpreter.venv.lost", "interpreter.executable", "interpreter.prefix"
        ),
        remedy=remedies.new_environment(
            context, version, path=folder, keep=True, why="Write it again; the packages stay"
        ),
        required=True,
    )


CHECKS = (
    Check("PY010", "an environment was found to examine", "warning", found),
    Check("PY001", "the environment can be examined", "error", agent_runs),
    Check("PY012", "the environment is used by its Python", "error", lost),
)
