"""The tools that are run over the faults, and how each is pointed at an environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.fault import Fault
    from benchmarks.sandbox import Sandbox


class Tool(NamedTuple):
    """``argv``: starts with a name of a ``bin``. ``judges``: claims to find problems.

    ``exits``: its exit status says that it found some. ``torch``: lives only in the one with
    torch. ``kernels``: computes on the devices it finds.
    """

    name: str
    argv: tuple[str, ...]
    distribution: str
    judges: bool = True
    exits: bool = False
    torch: bool = False
    kernels: bool = False

    def command(self, fault: Fault, sandbox: Sandbox, outside: str) -> list[str] | None:
        """The argument vector; None where the tool cannot be started at all.

        For a fault that is looked at from outside, the tool's copy in ``outside`` runs; what can be
        pointed at an environment is.
        """
        folder = outside if fault.outside else sandbox.bin
        if fault.outside and self.torch:
            folder = sandbox.bin  # there is no other copy: it starts if its interpreter does
        words = list(self.argv)
        if self.distribution == "envcheck-ml":
            words += [word.replace("{work}", sandbox.work) for word in fault.asks]
            if fault.point == "venv":
                words += ["--venv", sandbox.prefix]
        if self.name == "uv pip check":
            words += ["--python", sandbox.python] if not fault.outside or fault.point else []
        if self.name == "pip check" and fault.point == "venv":
            words[2:2] = ["--python", sandbox.prefix]
            words = ["python", "-m", "pip", "--python", sandbox.prefix, "check"]
        program = os.path.join(folder, words[0])
        return [program, *words[1:]] if _starts(program) else None


def _starts(program: str) -> bool:
    """It is there, and so is the interpreter its first line names."""
    try:
        with open(program, "rb") as file:
            first = file.readline(512)
    except OSError:
        return False
    return not first.startswith(b"#!/") or os.path.exists(first[2:].split()[0])


TOOLS = (
    Tool("envcheck doctor", ("envcheck", "doctor"), "envcheck-ml", exits=True),
    Tool(
        "envcheck doctor --deep --timeout 25",
        ("envcheck", "doctor", "--deep", "--timeout", "25"),
        "envcheck-ml",
        exits=True,
        kernels=True,
    ),
    Tool(
        "collect_env",
        ("python", "-m", "torch.utils.collect_env"),
        "torch",
        judges=False,
        torch=True,
    ),
    Tool("accelerate env", ("accelerate", "env"), "accelerate", judges=False, torch=True),
    Tool("transformers env", ("transformers", "env"), "transformers", judges=False, torch=True),
    Tool("env-doctor", ("env-doctor", "check"), "env-doctor"),
    Tool("cuda-doctor", ("cuda-doctor", "diagnose"), "cuda-doctor"),
    Tool("pip check", ("python", "-m", "pip", "check"), "pip", exits=True),
    Tool("uv pip check", ("uv", "pip", "check"), "uv", exits=True),
)
