"""What the commands of a stage install: requirements and locks, packages, a Python, compilers."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envcheck.errors import EnvcheckError
from envcheck.predict.inputs import installs
from envcheck.predict.inputs.combined import NOTHING, both
from envcheck.predict.inputs.command_asked import Asking, with_variables
from envcheck.predict.inputs.compilers import compilers
from envcheck.predict.inputs.dockerfile_syntax import expand
from envcheck.predict.inputs.shell_words import Command, commands
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from envcheck.predict.inputs.asked import Asked
    from envcheck.predict.inputs.base_images import Base
    from envcheck.predict.inputs.dockerfile_stages import Run, Stage
    from envcheck.predict.inputs.installs import Install


#: packages of a Python, by its version or as the system's own
_VERSIONED = re.compile(r"python(?:3\.(\d+)|3(\d+))(?:-(?:dev|venv|devel|pip|full))?")
_UNVERSIONED = frozenset(
    f"python3{end}" for end in ("", "-pip", "-dev", "-venv", "-devel", "-full", "-minimal")
) | {"py3-pip", "python", "python-is-python3"}


@dataclass
class Installed:
    """``line``: of the first install. ``python``: that was asked for by its version.

    ``built_with``: compilers that packages had brought by the last install, None: not known;
    ``managers``: that took a Python without saying which.
    """

    asked: Asked = NOTHING
    line: int = 0
    python: str = ""
    packages: set[str] = field(default_factory=set)
    built_with: frozenset[str] | None = frozenset()
    family: str = ""
    recommends: bool = True
    rust: bool = False
    managers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.line)

    def compilers_of(self, base: Base) -> frozenset[str] | None:
        """All that the image has, but those of an official one's own; None: not known."""
        if base.compilers is None or self.built_with is None:
            return None
        return base.compilers | self.built_with

    def packaged_python(self, default: str) -> str:
        """The Python that packages of the system bring: ``python3.11``, else ``python3``."""
        found = ""
        for package in sorted(self.packages):
            if match := _VERSIONED.fullmatch(package):
                found = f"3.{match[1] or match[2]}"
        return found or (default if self.packages & _UNVERSIONED else "")


def of_stages(stages: list[Stage], context: str, shown: str) -> Installed:
    """What stages that are built on each other install, one after the other."""
    reader = _Reader(context, shown)
    for stage in stages:
        reader.take(stage)
    if not reader.found.line:
        reader.compilers()
    return reader.found


class _Reader:
    def __init__(self, context: str, shown: str) -> None:
        self.context = context
        self.shown = shown
        self.found = Installed()
        self.configured: dict[str, list[str]] = {}  # by `pip config set`
        self.produced: dict[str, Asked] = {}  # files that a lock is exported to

    def take(self, stage: Stage) -> None:
        """What one stage does."""
        if said := stage.variables.get("UV_PYTHON", ""):
            self._python(said)
        for run in stage.runs:
            self.run(run)
        stage.produced.update(self.produced)

    def compilers(self) -> None:
        """What there is to build with now."""
        found = self.found
        built = compilers(found.family, found.packages, recommends=found.recommends)
        found.built_with = built | {"rust"} if found.rust and built is not None else built

    def run(self, run: Run) -> None:
        """One RUN. What cannot be split is noted."""
        place = f"{self.shown}:{run.line}"
        try:
            script = expand(run.script, run.variables)[0]  # a value may be several words
            found = list(commands(script or shlex.join(run.words)))
        except ValueError as error:
            if re.search(r"\b(pip|uv|poetry|pdm|pipenv)\b", run.script):
                self.found.notes.append(f"{place}: the command cannot be read: {error}")
            return
        folder, variables = run.folder, dict(run.variables)
        for command in found:
            own, words = installs.variables(command.words)
            words = tuple(expand(word, {**variables, **own})[0] for word in words)
            if not words:
                variables.update(own)
                continue
            if words[0] == "export":
                variables.update(installs.variables(words[1:])[0])
            elif words[0] in ("cd", "pushd") and len(words) > 1:
                folder = posixpath.normpath(posixpath.join(folder, words[1]))
            elif command.after_failure:
                continue
            elif install := installs.of_command(words):
                self._install(install, command, run, folder, {**variables, **own})

    def _install(
        self, install: Install, command: Command, run: Run, folder: str, variables: dict[str, str]
    ) -> None:
        place = f"{self.shown}:{run.line}"
        found = self.found
        if install.kind == "system":
            found.packages.update(install.words)
            found.family = install.manager
            found.recommends = found.recommends and not install.has("no-recommends")
        elif install.kind == "remove":
            found.packages.difference_update(install.words)
        elif install.kind == "rust":
            found.rust = True
        elif install.kind == "python":
            self._python(install.python)
        elif install.kind == "other":
            self._other(install, place)
        else:
            self._required(install, command, run, folder, variables)

    def _required(
        self, install: Install, command: Command, run: Run, folder: str, variables: dict[str, str]
    ) -> None:
        place = f"{self.shown}:{run.line}"
        asking = Asking(run, folder, place, self.context, self.produced)
        given = with_variables(install, variables, self.configured)
        try:
            if install.kind == "lock":
                asked = asking.locked(given)
            else:
                asked = asking.listed(given, command)
        except EnvcheckError as error:
            details = "; ".join((error.message, *error.context[:3]))
            self.found.notes.append(f"{place}: not taken: {details}")
            asked = NOTHING
        if asked is None:
            return
        found = self.found
        found.line = found.line or run.line
        if install.python:
            self._python(install.python)
        elif install.manager != "pip":
            found.managers.append(install.manager)
        if command.is_conditional:
            found.notes.append(f"{place}: it is installed on a condition, and taken as if it held")
        found.asked = both(found.asked, asked)
        self.compilers()

    def _python(self, said: str) -> None:
        if match := re.search(r"(?<![\d.])(3\.\d+(?:\.\d+)?)", said):
            self.found.python = match[1]

    def _other(self, install: Install, place: str) -> None:
        if install.manager == "pip-config":
            for name, values in install.options.items():
                self.configured[name] = list(values)
            return
        names = " ".join(word for word in install.words if not word.startswith("-"))
        what = f"`{install.manager}` installs {printable(names, 80) or 'something'}"
        self.found.notes.append(f"{place}: {what}: not taken")
