"""What the agent can observe, as it says itself: the agent is never imported into this process."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from envcheck.errors import AgentError
from envcheck.process import run

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from agent import describe; describe.write(1)"


def declared() -> list[dict[str, Any]]:
    """Every probe: ``name``, ``doc``, ``fields`` (``key type doc``, and ``unit item`` if it has).

    Raises AgentError if the agent cannot tell.
    """
    done = run([sys.executable, "-I", "-S", "-B", "-c", _CODE, _ROOT], timeout=10.0)
    if done.status != "ok":
        raise AgentError(f"the agent did not describe itself: {done.reason('it')}")
    probes: list[dict[str, Any]] = json.loads(done.stdout)["probes"]
    return probes
