"""What users have beside them, as a question: Dockerfiles, lockfiles, requirements, projects."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envcheck.errors import DataError, UsageError
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envcheck.predict.inputs.asked import Asked

KNOWN = (
    "pyproject.toml, uv.lock, poetry.lock, pdm.lock, pylock.toml, Pipfile.lock, a requirements file"
    " (*.txt, *.in), a Dockerfile, or a wheel, sdist or project"
)
#: pattern of a name -> kind
_NAMES = (
    (r"(?:.*\.)?(?:dockerfile|containerfile)(?:\..*)?", "dockerfile"),
    (r".*-dockerfile|dockerfile[-_].*", "dockerfile"),
    (r"pyproject\.toml", "project"),
    (r"uv\.lock|.*\.py\.lock", "uv"),
    (r"poetry\.lock", "poetry"),
    (r"pdm(?:\..+)?\.lock", "pdm"),
    (r"pylock(?:\.[^.]+)?\.toml", "pylock"),
    (r"pipfile\.lock", "pipfile"),
    (r".*\.(?:whl|tar\.gz|zip|tar\.bz2|tgz)", "archive"),
    (r".*\.(?:txt|in)|.*requirements.*", "requirements"),
)
_HEAD = 64 << 10  # bytes that tell what a file is
_REMEDIES = {
    "environment.yml": "conda's packages are of no Python index: list what pip installs",
    "environment.yaml": "conda's packages are of no Python index: list what pip installs",
    "conda-lock.yml": "conda's packages are of no Python index: list what pip installs",
    "pixi.lock": "conda's packages are of no Python index: list what pip installs",
    "pixi.toml": "conda's packages are of no Python index: list what pip installs",
    "pipfile": "name its Pipfile.lock",
    "setup.py": "it is a program, and none is run: write the requirements out, or name a lock",
    "setup.cfg": "write the requirements out, or name a lock",
    "uv.toml": "name uv.lock or pyproject.toml",
    "docker-compose.yml": "name the Dockerfile",
    "compose.yaml": "name the Dockerfile",
}


def read(
    path: str,
    *,
    folder: str,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    stage: str = "",
) -> Asked:
    """The question of a file: by its name, else by what is in it.

    ``path`` is relative to ``folder`` and is how messages call it. ``extras`` and ``groups``: of
    a project or lock, ``:all:`` for all. ``stage``: of a Dockerfile, instead of the last one that
    installs. Raises DataError for a file that cannot be used, UsageError for a choice that it does
    not offer.
    """
    place = os.path.normpath(os.path.join(folder, os.path.expanduser(path)))
    if not os.path.exists(place):
        raise DataError(f"there is no file {printable(path)}", hint=f"known are {KNOWN}")
    kind = "archive" if os.path.isdir(place) else kind_of(place, path)
    _refuse_choices(kind, path, extras, groups, stage)
    if kind == "archive":
        from envcheck.predict.inputs.subject import of_subject

        return of_subject(path, extras, folder)
    if kind == "dockerfile":
        from envcheck.predict.inputs import dockerfile

        return dockerfile.read(place, path, stage=stage)
    if kind == "requirements":
        from envcheck.predict.inputs import requirements

        return requirements.read(place, path)
    return _locked(kind, place, path, extras, groups)


def of_subject(project: str, extras: Sequence[str], folder: str) -> Asked:
    """The question of a project directory, wheel or sdist. Raises DataError."""
    from envcheck.predict.inputs import subject

    return subject.of_subject(project, extras, folder)


def _locked(
    kind: str, place: str, shown: str, extras: Sequence[str], groups: Sequence[str]
) -> Asked:
    from importlib import import_module

    module = "project" if kind == "project" else f"{kind}_lock"
    name = "pylock" if kind == "pylock" else module
    reader = import_module(f"envcheck.predict.inputs.{name}")
    found: Asked = reader.read(place, shown, extras, groups)
    return found


def _refuse_choices(
    kind: str, path: str, extras: Sequence[str], groups: Sequence[str], stage: str
) -> None:
    """Choices that a kind of file does not have."""
    if stage and kind != "dockerfile":
        raise UsageError(f"{printable(path)} has no stages: it is no Dockerfile")
    if kind in ("dockerfile", "requirements") and (extras or groups):
        what = "extras" if extras else "groups"
        raise UsageError(
            f"{printable(path)} has no {what}", hint="they are of projects and lockfiles"
        )
    if kind == "archive" and groups:
        raise UsageError(f"{printable(path)} has no groups", hint="name its pyproject.toml or lock")


def kind_of(path: str, shown: str) -> str:
    """``dockerfile``, ``uv`` …, by name or content. Raises DataError where neither tells."""
    name = os.path.basename(path).lower()
    for pattern, kind in _NAMES:
        if re.fullmatch(pattern, name):
            return kind
    if name in _REMEDIES:
        raise DataError(f"{printable(shown)} cannot be taken", hint=_REMEDIES[name])
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DataError(f"cannot read {printable(shown)}: {error.strerror}") from error
    if kind := _by_content(head):
        return kind
    raise DataError(f"what {printable(shown)} is cannot be told", hint=f"known are {KNOWN}")


def _by_content(head: bytes) -> str:
    """Empty if nothing tells."""
    if b"\0" in head:
        return ""
    text = head.decode("utf-8-sig", "replace")
    if re.search(r"(?mi)^[ \t]*FROM[ \t]+\S", text) and re.search(
        r"(?mi)^[ \t]*(?:RUN|COPY|CMD|ENV|ARG|WORKDIR|ENTRYPOINT)[ \t]+\S", text
    ):
        return "dockerfile"
    signs = (
        (r"generated by Poetry|(?m:^\[metadata\]\nlock-version)", "poetry"),
        (r"@generated by PDM|(?m:^lock_version[ \t]*=)", "pdm"),
        (r"(?m)^lock-version[ \t]*=", "pylock"),
        (r"(?m)^\[\[packages\]\]", "pylock"),
        (r"(?m)^version = \d+\n(?:revision = \d+\n)?requires-python", "uv"),
        (r'"pipfile-spec"', "pipfile"),
        (r"(?m)^\[(?:project|build-system|dependency-groups|tool\.poetry)\]", "project"),
    )
    for pattern, kind in signs:
        if re.search(pattern, text):
            return kind
    lines = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    wanted = r"\s*(?:-[a-z-]|[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*(?:[=<>!~]=|[<>;@]|$))"
    if lines and all(re.match(wanted, line) for line in lines[:20]):
        return "requirements"
    return ""
