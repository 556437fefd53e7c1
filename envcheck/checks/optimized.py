"""PY105: whether Python runs code with all that is written in it."""

from __future__ import annotations

from envcheck.checks.base import Check, Context
from envcheck.checks.installed import in_use, installed
from envcheck.checks.remedies import unset
from envcheck.model.finding import Finding, fail
from envcheck.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Distributions that read docstrings when they are imported.
_READERS = ("transformers", "peft")


def docstrings(context: Context) -> Iterator[Finding]:
    """PYTHONOPTIMIZE takes the docstrings out of every module.

    ## Why it matters
    transformers composes the documentation of its models from docstrings while they are imported:
    "No `Args` or `Parameters` section is found in the docstring". Everything that imports a model,
    peft and trl included, fails with it.

    ## Causes
    `PYTHONOPTIMIZE=2` or `python -OO`, to save memory or start-up time in an image.

    ## Remedy
    Unset it, or set it to 1, which drops assertions only.

    ## Sources
    Python documentation, `-OO`. Observed with transformers 5: `transformers.AutoModel` cannot be
    imported.
    """
    level = context["interpreter.optimize"]
    if not isinstance(level, int) or level < 2:
        return
    there = in_use(installed(context))
    readers = [str(there[name]) for name in _READERS if name in there]
    yield fail(
        f"PYTHONOPTIMIZE={level} takes docstrings away"
        + (f", which {' and '.join(readers)} need{'s' * (len(readers) == 1)}" if readers else ""),
        severity="error" if readers else "",
        evidence=context.evidence("interpreter.optimize"),
        remedy=unset(context, "PYTHONOPTIMIZE", "Unset it, or set it to 1"),
    )


CHECKS = (Check("PY105", "docstrings are kept", "note", docstrings, ("PY001",)),)
