"""The stages of a Dockerfile: what each is built on, which files of the build context lie in it,
which commands are run in it. Nothing is run.
"""

from __future__ import annotations

import glob
import json
import os
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from envcheck.errors import DataError
from envcheck.predict.inputs.dockerfile_syntax import SyntaxProblem, expand, instructions
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envcheck.predict.inputs.asked import Asked
    from envcheck.predict.inputs.dockerfile_syntax import Instruction

#: arguments that the builder itself sets; those of platforms depend on where it runs
_PREDEFINED = ("TARGETPLATFORM", "BUILDPLATFORM", "TARGETARCH", "TARGETOS", "BUILDARCH", "BUILDOS",
               "TARGETVARIANT", "BUILDVARIANT")  # fmt: skip
_SHELLS = ("sh", "bash", "ash", "dash", "zsh")
_DEPTH = 20  # of stages on stages, in a look-up
_STAGES = 200
_VALUE = r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\])*"
_ASSIGNMENT = re.compile(rf"([A-Za-z_]\w*)(?:(=)({_VALUE}))?")
_QUOTED = re.compile(r"\"((?:\\.|[^\"\\])*)\"|'([^']*)'")


class Copied(NamedTuple):
    """``source``: below the build context, or in ``stage``. ``text``: of a here-document."""

    target: str
    source: str = ""
    stage: Stage | None = None
    text: str | None = None


class Run(NamedTuple):
    """A RUN: ``script`` for a shell, else ``words``. ``folder``: where; ``variables``: known ones,
    ``copies``: files that are there by then, those bound for this command too.
    """

    line: int
    script: str
    words: tuple[str, ...]
    folder: str
    variables: Mapping[str, str]
    copies: Sequence[Copied]


@dataclass
class Stage:
    """``image``: what FROM names, variables replaced, unless it is another stage (``parent``).

    ``missing``: variables in it of no known value. ``platform``: as ``linux/arm64``.
    """

    number: int
    line: int
    name: str = ""
    image: str = ""
    platform: str = ""
    parent: Stage | None = None
    missing: list[str] = field(default_factory=list)
    folder: str = "/"
    variables: dict[str, str] = field(default_factory=dict)
    copies: list[Copied] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    uses: list[Stage] = field(default_factory=list)  # from which something is copied
    produced: dict[str, Asked] = field(default_factory=dict)  # files made of locks, by path

    @property
    def shown(self) -> str:
        """As messages call it."""
        return f"stage `{printable(self.name)}`" if self.name else f"stage {self.number}"

    def chain(self) -> list[Stage]:
        """The stages that it is built on, and itself last."""
        return [*(self.parent.chain() if self.parent else ()), self]


def read(text: str, shown: str, context: str) -> list[Stage]:
    """All stages in order. ``context``: the directory that COPY copies from. Raises DataError."""
    reader = _Reader(context)
    try:
        for instruction in instructions(text):
            reader.take(instruction)
    except SyntaxProblem as error:
        raise DataError(
            f"{printable(shown)} is no Dockerfile that can be read",
            context=(f"{printable(shown)}:{error.line}: {error}",),
            hint="`docker build --check` says what is wrong with it",
        ) from error
    if not reader.stages:
        raise DataError(
            f"{printable(shown)} is no Dockerfile: it has no FROM",
            hint="name the Dockerfile, or another file that says what is required",
        )
    return reader.stages


class _Reader:
    def __init__(self, context: str) -> None:
        self.context = context
        self.stages: list[Stage] = []
        self._global: dict[str, str] = {}

    def take(self, instruction: Instruction) -> None:
        """One instruction."""
        if instruction.name == "FROM":
            self._from(instruction)
        elif instruction.name == "ARG":
            self._argument(instruction)
        elif self.stages:
            stage = self.stages[-1]
            if instruction.name == "ENV":
                stage.variables.update(_pairs(instruction.text, stage.variables))
            elif instruction.name == "WORKDIR":
                folder = expand(instruction.text.strip("\"'"), stage.variables)[0]
                stage.folder = posixpath.normpath(posixpath.join(stage.folder, folder))
            elif instruction.name in ("COPY", "ADD"):
                self._copy(instruction, stage)
            elif instruction.name == "RUN":
                self._run(instruction, stage)
        elif instruction.name not in ("LABEL", "MAINTAINER"):
            raise SyntaxProblem(instruction.line, f"{instruction.name} before any FROM")

    def _from(self, instruction: Instruction) -> None:
        if len(self.stages) >= _STAGES:
            raise SyntaxProblem(instruction.line, f"more than {_STAGES} stages")
        text, missing = expand(instruction.text, self._global)
        match = re.fullmatch(r"(\S+)(?:\s+[Aa][Ss]\s+(\S+))?", text.strip("\"' "))
        if match is None:
            what = f"FROM is followed by an image, and AS with a name: {printable(text, 80)}"
            raise SyntaxProblem(instruction.line, what)
        platform, unknown = expand(instruction.flag("platform"), self._global)
        stage = Stage(len(self.stages), instruction.line, (match[2] or "").lower())
        stage.missing = [name for name in missing if name not in _PREDEFINED]
        stage.platform = "" if unknown else platform
        stage.parent = self._named(match[1])
        if stage.parent:
            stage.folder = stage.parent.folder
            stage.variables = dict(stage.parent.variables)
            stage.copies = list(stage.parent.copies)
        else:
            stage.image = match[1].strip("\"'")
        self.stages.append(stage)

    def _named(self, word: str) -> Stage | None:
        for stage in reversed(self.stages):
            if stage.name and stage.name == word.lower():
                return stage
        if word.isdigit() and int(word) < len(self.stages):
            return self.stages[int(word)]
        return None

    def _argument(self, instruction: Instruction) -> None:
        variables = self.stages[-1].variables if self.stages else self._global
        for name, equals, value in _words(instruction.text):
            if equals:
                variables[name] = expand(value, variables)[0]
            elif self.stages and name in self._global:
                variables[name] = self._global[name]

    def _copy(self, instruction: Instruction, stage: Stage) -> None:
        paths = instruction.words or _plain(instruction.text)
        paths = [expand(path, stage.variables)[0] for path in paths]
        if len(paths) < 2:
            raise SyntaxProblem(instruction.line, f"{instruction.name} needs a source and a target")
        *sources, target = paths
        is_folder = target.endswith("/") or target in (".", "./") or len(sources) > 1
        target = posixpath.normpath(posixpath.join(stage.folder, target))
        source_stage = None
        if said := instruction.flag("from"):
            source_stage = self._named(expand(said, self._global | stage.variables)[0])
            if source_stage is None:
                return  # from an image, or from another build context
            stage.uses.append(source_stage)
        documents = list(instruction.documents)
        for source in sources:
            if source.startswith("<<") and documents:
                name = source.lstrip("<-\"'").rstrip("\"'")
                place = posixpath.join(target, name) if is_folder else target
                stage.copies.append(Copied(place, text=documents.pop(0)))
            else:
                parents = any(flag == "parents" for flag, _ in instruction.flags)
                stage.copies += self._copies(source, target, is_folder, source_stage, parents)

    def _copies(
        self, source: str, target: str, is_folder: bool, stage: Stage | None, parents: bool
    ) -> list[Copied]:
        """What of one source lies where: a file, or a directory's content."""
        name = posixpath.basename(source.rstrip("/"))
        if parents:
            name = source.lstrip("./")
        if stage is not None:
            where = posixpath.normpath(posixpath.join("/", source))
            return [
                Copied(posixpath.join(target, name), where, stage),
                Copied(target, where, stage),
            ]
        if "://" in source:
            return []
        found: list[Copied] = []
        for path in self._matching(source):
            relative = os.path.relpath(path, self.context).replace(os.sep, "/")
            base = posixpath.basename(relative) if not parents else relative
            if os.path.isdir(path) and not parents:
                found.append(Copied(target, relative))
            else:
                found.append(Copied(posixpath.join(target, base), relative))
                if not is_folder:
                    found.append(Copied(target, relative))
        return found

    def _matching(self, source: str) -> list[str]:
        """Paths below the build context; a COPY cannot leave it."""
        plain = posixpath.normpath("/" + source.lstrip("/")).lstrip("/")
        path = os.path.join(self.context, plain)
        if not plain or plain == ".":
            return [self.context]
        if any(sign in plain for sign in "*?["):
            pattern = os.path.join(glob.escape(self.context), plain)
            return sorted(glob.glob(pattern))[:1000]
        return [path] if os.path.exists(path) else []

    def _run(self, instruction: Instruction, stage: Stage) -> None:
        bound = list(stage.copies)
        for flag, value in instruction.flags:
            if flag == "mount":
                bound += self._mounted(value, stage)
        words, script = instruction.words, instruction.text
        if words is None and instruction.documents:
            script = _with_documents(instruction)
        stage.runs.append(
            Run(
                instruction.line, "" if words else script, tuple(words or ()), stage.folder,
                dict(stage.variables), bound,
            )
        )  # fmt: skip

    def _mounted(self, value: str, stage: Stage) -> list[Copied]:
        """``type=bind,source=…,target=…``."""
        pairs = (part.partition("=") for part in value.split(","))
        options = {name.strip(): said.strip() for name, _, said in pairs}
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        source = options.get("source") or options.get("src") or "."
        if options.get("type", "bind") != "bind" or not target:
            return []
        target = posixpath.normpath(posixpath.join(stage.folder, target))
        other = self._named(options["from"]) if "from" in options else None
        if "from" in options and other is None:
            return []
        if other:
            stage.uses.append(other)
        return self._copies(source, target, False, other, False)


def _with_documents(instruction: Instruction) -> str:
    """The script of ``RUN <<EOF``; that of another program than a shell is none."""
    before = instruction.text.partition("<<")[0].split()
    if before and before[0].rpartition("/")[2] not in _SHELLS:
        return ""
    script = "\n".join(instruction.documents)
    first = script.partition("\n")[0]
    is_other = first.startswith("#!") and not any(first.rstrip().endswith(s) for s in _SHELLS)
    return "" if is_other else script


def _plain(text: str) -> list[str]:
    """Words of a COPY that is no JSON."""
    return [word.strip("\"'") for word in text.split()]


def _words(text: str) -> list[tuple[str, str, str]]:
    """(name, `=`, value) of ``NAME=value OTHER="another one"``."""
    found = []
    for match in re.finditer(
        r"([A-Za-z_]\w*)(?:(=)((?:\"(?:\\.|[^\"])*\"|'[^']*'|\\.|[^\s\"'])*))?", text
    ):
        value = re.sub(
            r"\"((?:\\.|[^\"])*)\"|'([^']*)'", lambda m: m[1] or m[2] or "", match[3] or ""
        )
        found.append((match[1], match[2] or "", re.sub(r"\\([\s\"'])", r"\1", value)))
    return found


def _pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Of ENV: ``NAME=value …``, or the old form ``NAME a value``."""
    if re.match(r"[A-Za-z_]\w*=", text):
        return {name: expand(value, variables)[0] for name, equals, value in _words(text) if equals}
    name, _, value = text.partition(" ")
    return {name: expand(value.strip().strip("\"'"), variables)[0]} if name else {}


def find(path: str, copies: Sequence[Copied], context: str, depth: int = 0) -> Copied | None:
    """Where the file at ``path`` of an image comes from: a ``Copied`` whose ``source`` is a file
    below the build context, or that has a text, or whose ``stage`` produced its ``target``; None if
    it is not known.
    """
    path = posixpath.normpath(path)
    for copied in reversed(copies):
        rest = posixpath.relpath(path, copied.target)
        if rest == ".":
            rest = ""
        elif rest.startswith("../") or rest == "..":
            continue
        if copied.text is not None:
            if not rest:
                return copied
            continue
        place = posixpath.join(copied.source, rest) if rest else copied.source
        if copied.stage is not None:
            if place in copied.stage.produced:
                return Copied(place, stage=copied.stage)
            if depth < _DEPTH and (found := find(place, copied.stage.copies, context, depth + 1)):
                return found
            continue
        if _inside(os.path.join(context, place), context):
            return Copied(path, place)
    return None


def _inside(path: str, context: str) -> bool:
    """Whether it is a file of the build context, which links cannot leave."""
    real, top = os.path.realpath(path), os.path.realpath(context)
    return os.path.isfile(real) and os.path.commonpath([real, top]) == top


def sources(text: str) -> list[str]:
    """What COPY and ADD take from the build context, as written; for choosing that."""
    found: list[str] = []
    try:
        for one in instructions(text):
            if one.name in ("COPY", "ADD") and not one.flag("from"):
                found += (one.words or _plain(one.text))[:-1]
    except (SyntaxProblem, json.JSONDecodeError):
        return []
    return [path for path in found if "://" not in path and not path.startswith(("<<", "$"))]
