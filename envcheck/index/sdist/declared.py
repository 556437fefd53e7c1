"""Requirements of an sdist where its sources say them literally, so that no build is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envcheck.index.sdist.values import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from envcheck.index.sdist.archive import Archive
    from envcheck.index.sdist.script import Story

_MOST = 500  # requirements
_MARKERS = {"linux": "linux", "macos": "darwin", "windows": "win32"}
#: Arguments of ``setup`` by which something else says what is required.
_OTHERS = ("**", "pbr", "distclass", "use_pyscaffold", "dynamic_requires")


def by_project(project: Mapping[str, Any]) -> list[str] | None:
    """By the table ``[project]`` (PEP 621); None if it does not say it all."""
    table = project.get("project")
    if not isinstance(table, dict):
        return None
    dynamic = table.get("dynamic", [])
    if not isinstance(dynamic, list):
        return None
    if "dependencies" in dynamic or "optional-dependencies" in dynamic:
        return None
    return _written(table.get("dependencies", []), table.get("optional-dependencies", {}))


def by_setup(stories: Mapping[str, Story], archive: Archive) -> list[str] | None:
    """By the one call of ``setup`` on each of the systems; None if it does not say it all.

    What is required on some systems only gets a marker that says so.
    """
    found: dict[str, list[str]] = {}
    configured = _of_configuration(archive)
    for system, story in stories.items():
        if story.stopped is not None:
            continue
        calls = [setup for setup in story.setups if not setup.fallback]
        if len(calls) != 1 or not calls[0].sure or configured is None:
            return None
        given = calls[0].arguments
        if any(given.get(name) for name in _OTHERS):
            return None
        install = given.get("install_requires") or configured[0]
        extras = given.get("extras_require") or configured[1]
        written = _written(install, extras)
        if written is None:
            return None
        found[system] = written
    return _joined(found) if found else None


def _joined(found: Mapping[str, list[str]]) -> list[str]:
    every = dict.fromkeys(each for written in found.values() for each in written)
    joined = []
    for each in every:
        systems = [system for system, written in found.items() if each in written]
        if len(systems) == len(found):
            joined.append(each)
            continue
        here = " or ".join(f'sys_platform == "{_MARKERS[system]}"' for system in systems)
        joined.append(_marked(each, here))
    return [each for each in joined if each]


def _of_configuration(archive: Archive) -> tuple[Any, Any] | None:
    """(install_requires, extras_require) of setup.cfg; None if it cannot be read."""
    import configparser

    text = archive.texts.get("setup.cfg")
    if text is None:
        return None if not archive.complete and "setup.cfg" not in archive.absent else ([], {})
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
        install = parser.get("options", "install_requires", fallback="")
        extras = dict(parser.items("options.extras_require", raw=True)) if parser.has_section(
            "options.extras_require"
        ) else {}  # fmt: skip
    except configparser.Error:
        return None
    if "file:" in install or any("file:" in each for each in extras.values()):
        return None
    return install.replace(";\n", "\n"), extras


def _written(install: Any, extras: Any) -> list[str] | None:
    """As Requires-Dist says them; None if one is not known."""
    if not known(install) or not isinstance(extras, dict) or not known(extras):
        return None
    plain = _lines(install)
    if plain is None:
        return None
    found = [_marked(each, "") for each in plain]
    for name, each in extras.items():
        lines = _lines(each)
        if lines is None or not isinstance(name, str):
            return None
        extra, _, marker = name.partition(":")
        conditions = [f"({marker.strip()})"] if marker.strip() else []
        conditions += [f'extra == "{extra.strip()}"'] if extra.strip() else []
        found += [_marked(line, " and ".join(conditions)) for line in lines]
    return found if all(found) and len(found) <= _MOST else None


def _lines(value: Any) -> list[str] | None:
    """Requirements in a list or in the lines of a text."""
    if isinstance(value, str):
        value = value.splitlines()
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        return None
    parts: Iterable[str] = (line.strip() for each in value for line in each.splitlines())
    return [part for part in parts if part and not part.startswith("#")]


def _marked(text: str, condition: str) -> str:
    """A requirement that holds under a condition, too; empty if it is none."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
        if condition:
            old = f"({requirement.marker}) and " if requirement.marker else ""
            requirement = Requirement(f"{text.partition(';')[0].strip()} ; {old}({condition})")
    except (InvalidRequirement, RecursionError):
        return ""
    return str(requirement) if requirement.url is None else text if not condition else ""
