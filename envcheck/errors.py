"""Every exception of the tool.

``EnvcheckError``
├── ``UsageError``    the command line or a setting is wrong (exit 2)
├── ``DataError``     a file that was given cannot be used: all its problems at once (exit 2)
├── ``TargetError``   the target could not be examined (exit 3)
├── ``IndexTrouble``  the package index does not give what was asked of it (exit 3)
└── ``AgentError``    the agent answered with something that is no fact sheet (exit 3)

A finding is no exception and an exception no finding: these are about envcheck's own work.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` would be a tenth of the time of `--version`

if TYPE_CHECKING:
    from collections.abc import Iterable


class EnvcheckError(Exception):
    """What ``cli.main`` prints as ``error: …``, context lines and ``hint: …``.

    ``reference`` is the stable kebab-case name; ``exit_code`` the process's exit status.
    """

    reference = "error"
    exit_code = 4

    def __init__(self, message: str, *, context: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class UsageError(EnvcheckError):
    """Wrong command line or setting, "nothing selected" included."""

    reference = "usage"
    exit_code = 2


class DataError(EnvcheckError):
    """A file of the user's cannot be used; ``context`` has one line for each problem."""

    reference = "invalid-data"
    exit_code = 2


class TargetError(EnvcheckError):
    """The target could not be examined."""

    reference = "target"
    exit_code = 3


class AgentError(TargetError):
    """The agent did not answer with a fact sheet."""

    reference = "agent"


class IndexTrouble(EnvcheckError):  # noqa: N818 - what it is, is in `kind`
    """The package index does not give what was asked of it; ``kind`` says in which way:

    ``absent`` it says that there is no such thing, ``denied`` it wants other credentials,
    ``trouble`` it cannot be reached or answers wrongly, ``hash`` a file is not what its hash says,
    ``unfit`` a file is what its hash says, and no distribution, ``disk`` there is no room here to
    keep it, ``budget`` more was asked for than is allowed.
    """

    reference = "index"
    exit_code = 3

    def __init__(self, kind: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`` (did you mean `x`?)`` if one of ``words`` is close to ``word``, else empty."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(words), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""
