"""What one command of a Dockerfile asks, with the files of the image that it reads."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from envcheck.predict.inputs import installs, lock_installs, requirements
from envcheck.predict.inputs.addresses import url_problem, without_credentials
from envcheck.predict.inputs.combined import NOTHING, both
from envcheck.predict.inputs.dockerfile_stages import find
from envcheck.predict.inputs.requirements_file import logical_lines
from envcheck.tomlfile import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.matrix import Index
    from envcheck.predict.inputs.asked import Asked
    from envcheck.predict.inputs.dockerfile_stages import Copied, Run
    from envcheck.predict.inputs.installs import Install
    from envcheck.predict.inputs.shell_words import Command

#: variables of pip and uv -> the option that they stand for
_VARIABLES = {
    "PIP_INDEX_URL": "index-url", "UV_DEFAULT_INDEX": "index-url", "UV_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url", "UV_INDEX": "extra-index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url", "PIP_NO_BINARY": "no-binary",
    "PIP_ONLY_BINARY": "only-binary", "PIP_PRE": "pre", "UV_PRERELEASE": "prerelease",
    "PIP_CONSTRAINT": "constraint", "UV_CONSTRAINT": "constraint", "UV_EXCLUDE_NEWER":
    "exclude-newer", "UV_NO_BUILD": "no-build", "UV_NO_DEV": "no-dev",
}  # fmt: skip


class Asking:
    """The question of one command. ``place``: file and line."""

    def __init__(
        self, run: Run, folder: str, place: str, context: str, produced: dict[str, Asked]
    ) -> None:
        self.context = context
        self.produced = produced
        self.run = run
        self.folder = folder
        self.place = place
        self.notes: list[str] = []

    def locked(self, install: Install) -> Asked | None:
        """``uv sync`` and its like; None for one that only writes a file."""
        folder = posixpath.join(self.folder, *install.values("project")[-1:])
        found = lock_installs.read(install, lambda name: self._host(posixpath.join(folder, name)))
        if found is None:
            self.notes.append(
                f"{self.place}: {install.manager} installs what a lock or project says that is not"
                " among the copied files: not taken"
            )
            found = NOTHING
        if install.words[:1] == ("export",):
            for name in (*install.values("output"),):
                self.produced[posixpath.normpath(posixpath.join(folder, name))] = found
            return None
        return replace(found, notes=[*found.notes, *self.notes])

    def listed(self, install: Install, command: Command) -> Asked | None:
        """``pip install`` and its like; None if it installs only what installs other things."""
        for name in command.written:
            if name.startswith("="):
                what = f"`>{printable(name, 40)}` is not quoted: the shell writes a file so called"
                self.notes.append(f"{self.place}: {what}, and no version is required")
        words = [word for word in install.words if not self._is_tool(word)]
        files, constraints = install.values("requirement"), install.values("constraint")
        editable = install.values("editable")
        if not (words or files or editable):
            return None
        asked = NOTHING
        for name in files:
            asked = both(asked, self._file(name))
        for name in (one for value in constraints for one in value.split()):
            asked = both(asked, self._constraints(name))
        for word in (*words, *editable):
            asked = both(asked, self._word(word))
        return replace(
            asked,
            index=_index(install, asked.index, self),
            notes=[*asked.notes, *self.notes, *_flags(install, self.place)],
        )

    @staticmethod
    def _is_tool(word: str) -> bool:
        name = re.split(r"[\s\[<>=!~;@]", word, maxsplit=1)[0]
        return name.lower().replace("_", "-") in installs.TOOLS

    def _word(self, word: str) -> Asked:
        """A requirement, or a project or archive by its path."""
        if "$" in word or "`" in word:
            self.notes.append(f"{self.place}: `{printable(word, 80)}` is known only when it is run")
            return NOTHING
        path, bracket, extras = word.partition("[")
        if "://" in word:
            return requirements.of_words([word], self.context, self.place)
        if path.startswith((".", "/")) or path.endswith((".whl", ".tar.gz", ".zip")):
            return self._project(path, extras.rstrip("]") if bracket else "")
        return requirements.of_words([word], self.context, self.place)

    def _project(self, path: str, extras: str) -> Asked:
        """``pip install .[extra]``: what the copied project requires."""
        from envcheck.predict.inputs.subject import of_subject

        inside = posixpath.join(self.folder, path)
        is_archive = path.endswith((".whl", ".tar.gz", ".zip"))
        host = self._host(inside if is_archive else posixpath.join(inside, "pyproject.toml"))
        if host is None:
            what = f"{printable(path)} is not among the copied files, or has no pyproject.toml"
            self.notes.append(f"{self.place}: {what}: not taken")
            return NOTHING
        names = [name.strip() for name in extras.split(",") if name.strip()]
        name = os.path.relpath(host if is_archive else os.path.dirname(host), self.context)
        return of_subject(name, names, self.context)

    def _file(self, name: str) -> Asked:
        inside = posixpath.normpath(posixpath.join(self.folder, name))
        if inside in self.produced:
            return self.produced[inside]
        found = self._found(inside)
        if found is not None and found.stage is not None:
            return found.stage.produced[found.target]
        if found is None:
            self.notes.append(
                f"{self.place}: {printable(name)} is not among the copied files: not taken"
            )
            return NOTHING
        if found.text is not None:
            lines = [line for _, line in logical_lines(found.text) if not line.startswith("-")]
            return requirements.of_words(lines, self.context, self.place)
        host = os.path.join(self.context, found.source)
        if os.path.basename(host) == "pyproject.toml":
            from envcheck.predict.inputs import project

            return project.read(host, found.source)
        return requirements.read(host, found.source)

    def _constraints(self, name: str) -> Asked:
        found = self._found(posixpath.join(self.folder, name))
        if found is None or not found.source:
            self.notes.append(f"{self.place}: the constraints {printable(name)} were not read")
            return NOTHING
        host = os.path.join(self.context, found.source)
        return requirements.read(host, found.source, constraint=True)

    def _found(self, inside: str) -> Copied | None:
        return find(inside, self.run.copies, self.context)

    def _host(self, inside: str) -> str | None:
        found = self._found(inside)
        if found is None or not found.source:
            return None
        return os.path.join(self.context, found.source)

    def address(self, url: str) -> str:
        """Of an index, without credentials; empty if it cannot be known."""
        plain = without_credentials(url.partition("=")[2] if _is_named(url) else url)
        if "$" in plain or url_problem(plain, ("http", "https", "file")):
            self.notes.append(f"{self.place}: the address of an index is not known: not taken")
            return ""
        if "@" in url.partition("://")[2].partition("/")[0]:
            what = "the credentials of an index were left out: leave them to netrc"
            self.notes.append(f"{self.place}: {what}")
        return plain


def _is_named(url: str) -> bool:
    """Uv's ``--index name=https://…``."""
    return bool(re.match(r"[A-Za-z0-9_-]+=https?://", url))


def with_variables(
    install: Install, variables: dict[str, str], configured: dict[str, list[str]]
) -> Install:
    """Options of the command, else those of variables, else what was configured."""
    options = {name: tuple(values) for name, values in configured.items()}
    for name, option in _VARIABLES.items():
        value = variables.get(name, "")
        if value and (
            install.manager in ("pip", "uv") and name.lower().startswith(install.manager)
        ):
            options[option] = tuple(value.split()) if "url" in option else (value,)
    return install._replace(options={**options, **install.options})


def _index(install: Install, index: Index, asking: Asking) -> Index:
    """What the command says about indexes, on top of what its files say."""
    main = [asking.address(url) for url in install.values("index-url")]
    extra = [
        asking.address(url) for value in install.values("extra-index-url") for url in value.split()
    ]
    binary = [name for value in install.values("only-binary") for name in value.split(",")]
    source = [name for value in install.values("no-binary") for name in value.split(",")]
    pre = install.has("pre") or "allow" in install.values("prerelease")
    return replace(
        index,
        url=next((url for url in reversed(main) if url), index.url),
        extra_urls=list(dict.fromkeys([*index.extra_urls, *filter(None, extra)])),
        pre=index.pre or pre,
        only_binary=[*index.only_binary, *([":all:"] if install.has("no-build") else []), *binary],
        no_binary=[*index.no_binary, *source],
        exclude_newer=next(iter(install.values("exclude-newer")), index.exclude_newer)[:10],
    )


def _flags(install: Install, place: str) -> Iterator[str]:
    """Options that change what is installed, and are not followed."""
    known = {
        "no-deps": "--no-deps: what its requirements need is judged all the same",
        "no-index": "--no-index: the index was asked all the same",
        "ignore-requires-python": "--ignore-requires-python was not followed",
        "torch-backend": "--torch-backend was not followed: the builds of the index were judged",
        "find-links": "--find-links of an image is not known here: not taken",
    }
    for name, what in known.items():
        if install.has(name):
            yield f"{place}: {what}"
