"""Smoke: the matrix's own script, or a training of tiny models where torch is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.matrix.execution import island
from envcheck.matrix.session import Ended
from envcheck.targets import islands

if TYPE_CHECKING:
    from envcheck.matrix.session import Session

ACCELERATOR, NONE = "accelerator", "none"
_SKIPPED = 77  # the exit status by which a script says that it does not apply, as automake's


def run(session: Session) -> None:
    """Leave `known.smoke`: pass, fail, `skipped: why`, or nothing where none is asked for."""
    known, wanted = session.known, session.cell.test.smoke
    if wanted == NONE:
        return
    if wanted == ACCELERATOR and not any(one.name == "torch" for one in known.distributions):
        known.smoke = "skipped: there is no torch"
        return
    session.watch("smoke")
    room = session.room
    text = island("training") if wanted == ACCELERATOR else session.inputs.script
    for name, source in {"__init__.py": "", **islands.islands()}.items():
        room.put(f"lib/envcheck/{name}", source.encode())
    script = room.put("smoke.py", text.encode())
    outcome = session.execute(
        [room.paths.python, script],
        name="smoke",
        who="package",
        seconds=session.cell.limits.seconds.smoke,
        env={"PYTHONPATH": f"{room.paths.inputs}/lib", "HF_HUB_OFFLINE": "1"},
    )
    if outcome.step.status == "ok":
        known.smoke = "pass"
    elif outcome.step.exit == _SKIPPED:
        last = outcome.text.strip().splitlines()
        known.smoke = f"skipped: {last[-1] if last else 'the script says so'}"
    else:
        known.smoke = "fail"
        known.ended = Ended(outcome)
