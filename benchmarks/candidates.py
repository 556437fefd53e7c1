"""The commands that are compared, as users type them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.environment import Environment

BARE = "python -I -c pass"
DOCTOR = "envcheck doctor"


class Candidate(NamedTuple):
    """``argv``: starts with a name of the environment's ``bin``. ``needs``: its distribution."""

    name: str
    argv: tuple[str, ...]
    needs: str = ""
    terminal: bool = False

    def command(self, environment: Environment) -> list[str]:
        """The argument vector, absolute."""
        words = [word.replace("{python}", environment.python) for word in self.argv[1:]]
        return [os.path.join(environment.bin, self.argv[0]), *words]

    def missing(self, environment: Environment) -> str:
        """Why it cannot be measured; empty if it can."""
        if self.needs and self.needs not in environment.versions:
            return f"{self.needs} is not installed"
        return "" if os.access(self.command(environment)[0], os.X_OK) else "not installed"


CANDIDATES = (
    Candidate(BARE, ("python", "-I", "-c", "pass")),
    Candidate("envcheck --version", ("envcheck", "--version"), "envcheck-ml"),
    Candidate(DOCTOR, ("envcheck", "doctor"), "envcheck-ml"),
    Candidate(
        "envcheck doctor --report json", ("envcheck", "doctor", "--report", "json"), "envcheck-ml"
    ),
    Candidate(
        "envcheck doctor, on a terminal", ("envcheck", "doctor"), "envcheck-ml", terminal=True
    ),
    Candidate("envcheck doctor --deep", ("envcheck", "doctor", "--deep"), "envcheck-ml"),
    Candidate("uv pip check", ("uv", "pip", "check", "--python", "{python}"), "uv"),
    Candidate("pip check", ("python", "-m", "pip", "check"), "pip"),
    Candidate("python -c 'import torch'", ("python", "-c", "import torch"), "torch"),
    Candidate("torch's collect_env", ("python", "-m", "torch.utils.collect_env"), "torch"),
    Candidate("accelerate env", ("accelerate", "env"), "accelerate"),
    Candidate("transformers env", ("transformers", "env"), "transformers"),
    Candidate("env-doctor check", ("env-doctor", "check"), "env-doctor"),
    Candidate("cuda-doctor diagnose", ("cuda-doctor", "diagnose"), "cuda-doctor"),
)
