"""One state of a git repository, fetched for a cell: no history, no hooks, no submodules."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from envcheck.errors import DataError
from envcheck.process import run
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from envcheck.predict.inputs.requirement import Wanted

SECONDS = 300.0
#: What a stranger's repository could have done here: programs by hooks and filters, files of this
#: machine by `file:` addresses, other repositories by submodules.
_SAFE = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "submodule.recurse": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "init.defaultBranch": "main",
}


def fetch(wanted: Wanted, folder: str, *, history: bool = False) -> str:
    """Put the repository's state below the empty ``folder``; returns the project's directory.

    ``history``: its commits and tags too. Raises DataError in the words of git.
    """
    end = time.monotonic() + SECONDS
    where = (f"--git-dir={folder}/.git", f"--work-tree={folder}")
    reference = wanted.reference or "HEAD"
    depth = ("--tags",) if history else ("--depth=1", "--no-tags")
    for words in (
        ("init", "--quiet"),
        ("fetch", "--quiet", *depth, "--no-recurse-submodules", "--", wanted.url, reference),
        ("checkout", "--quiet", "--force", "FETCH_HEAD"),
    ):
        _git((*where, *words), end, wanted)
    project = os.path.realpath(os.path.join(folder, wanted.subdirectory))
    root = os.path.realpath(folder)
    if os.path.commonpath((project, root)) != root or not os.path.isdir(project):
        raise DataError(f"{printable(wanted.text)} has no directory {wanted.subdirectory}")
    return project


def _git(words: tuple[str, ...], end: float, wanted: Wanted) -> None:
    options = [word for key, value in _SAFE.items() for word in ("-c", f"{key}={value}")]
    done = run(["git", *options, *words], timeout=max(1.0, end - time.monotonic()))
    if done.status == "ok":
        return
    what = printable(wanted.text)
    if done.status == "missing":
        raise DataError(
            f"{what} cannot be fetched: there is no git here",
            hint="install git, or fetch it otherwise and give the directory",
        )
    said = [printable(line) for line in done.text_err().splitlines() if line.strip()]
    hint = ""
    if any("couldn't find remote ref" in line or "not our ref" in line for line in said):
        hint = "after `@` stands a tag, a branch or a whole commit hash"
    raise DataError(
        f"{what} cannot be fetched: {done.reason('git')}", context=tuple(said[-5:]), hint=hint
    )
