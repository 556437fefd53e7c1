"""How setuptools builds an sdist: by setup.py, setup.cfg and [tool.setuptools]."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from envcheck.index.sdist import build_files, calls, declared, includes, script_text
from envcheck.index.sdist.script import Story, story
from envcheck.index.sdist.signs import (
    Signs,
    all_known,
    brings,
    language_of,
    line,
    names_of,
    own_sources,
    rows,
    seen,
)  # fmt: skip
from envcheck.index.sdist.values import UNKNOWN, Dotted, Made, World, leaves

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator

    from envcheck.index.sdist.archive import Archive

_PLATFORMS = {"linux": "linux", "macos": "darwin", "windows": "win32"}
_HEAVY = ("torch", "numpy", "Cython", "pybind11", "skbuild", "tensorflow", "scipy", "jax", "paddle")


def read(archive: Archive, project: dict[str, Any], requires: list[str], signs: Signs) -> None:
    """Take in what says how it is built."""
    _tables(project, signs)
    text = archive.texts.get("setup.py")
    if text is not None:
        read_script(archive, "setup.py", requires, signs)
    elif "setup.py" in archive.names:
        signs.add("evidence", "setup.py: it is too long to be read")
    elif not archive.complete and "setup.py" not in archive.absent:
        signs.add("evidence", "setup.py was not among what was looked at")
    elif signs.pure is None:
        signs.pure = True
        signs.add("evidence", "there is no setup.py, and nothing names an extension")


def _tables(project: dict[str, Any], signs: Signs) -> None:
    """Extensions that pyproject.toml itself declares."""
    tool = project.get("tool")
    tool = tool if isinstance(tool, dict) else {}
    own, rust = tool.get("setuptools"), tool.get("setuptools-rust")
    modules = own.get("ext-modules") if isinstance(own, dict) else None
    for module in modules[:50] if isinstance(modules, list) else ():
        if isinstance(module, dict):
            sources = module.get("sources")
            named = sources if isinstance(sources, list) else []
            languages = [language_of(each) for each in named if isinstance(each, str)]
            kind = "optional" if module.get("optional") is True else "languages"
            _declared(signs, kind, languages or ["c"], "pyproject.toml: ext-modules")
    if isinstance(rust, dict) and (rust.get("ext-modules") or rust.get("bins")):
        _declared(signs, "languages", ["rust"], "pyproject.toml: setuptools-rust")


def _declared(signs: Signs, kind: str, languages: list[str], because: str) -> None:
    if kind == "languages":
        signs.compiled(*languages, because=because)
    else:
        signs.add("optional", *languages)
        signs.add("evidence", f"{because}, optional")


def read_script(
    archive: Archive, path: str, requires: list[str], signs: Signs, entry: str = ""
) -> None:
    """Take in a script that setuptools or Poetry runs; ``entry``: a function that is called."""
    text = seen(archive, path)
    tree = calls.parsed(text)
    if tree is None:
        if script_text.of_python_2(text):
            signs.refuses = f"its {path} is written for Python 2"
        else:
            signs.add("evidence", f"{path}: it cannot be read as Python")
        return

    def tell(system: str) -> Story:
        return story(tree, _world(archive, text, requires, system), entry)

    told = {"linux": tell("linux")}
    _stopped(told, tell, text, path, signs)
    if path == "setup.py":
        signs.requires = declared.by_setup(told, archive)
    tale = told["linux"]
    for system in signs.systems:
        if "linux" not in signs.systems:
            tale = told[system]
            break
    for module in tale.missing:
        signs.add("needs", module)
        signs.add("evidence", f"{path}: import {module}")
    refused = script_text.refusals(tree, tale.classes)
    if refused and not signs.systems:
        signs.systems = refused[0]
        signs.add("evidence", f"{path}: {refused[1]}")
    _conclude(archive, tree, tale, path, requires, signs)
    fetches(archive, path, signs)


def _world(archive: Archive, text: str, requires: list[str], system: str) -> World:
    names = names_of(requires) or {"setuptools"}
    names |= {"setuptools", "wheel"} if "setuptools" in names or not names else set()
    sources = _local(archive, anywhere="sys.path" in text)
    platform = _PLATFORMS[system]

    def has(module: str) -> bool:
        top = module.partition(".")[0]
        row = rows("module").get(top)
        if row:
            return bool(row["system"] == system)
        gone = rows("gone").get(module) or rows("gone").get(top)
        if gone:
            return not _newer(requires, gone["since"])
        if top in sys.stdlib_module_names or top in ("imp", "distutils", "asyncore", "six"):
            return top != "six" or brings("six", names)
        sure = archive.complete and all_known(names)
        return brings(top, names) or (not sure and top not in _HEAVY)

    def exists(path: str) -> bool | None:
        clean = path.removeprefix("./").rstrip("/")
        if clean.startswith(("/", "~", "..")) or "\\" in clean:
            return None
        if clean in archive.names:
            return True
        if clean.partition("/")[0] == ".git":
            return False
        if not archive.complete:
            return None
        return any(name.startswith(f"{clean}/") for name in archive.names) if clean else None

    return World(platform, has, sources, exists)


def _newer(requires: list[str], since: str) -> bool:
    """Whether a build has a setuptools of that version or newer: the newest that it admits."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.name.lower() == "setuptools" and not any(
            requirement.specifier.contains(version) for version in (since, f"{since}.999", "9999")
        ):
            return False
    return True


def _local(archive: Archive, *, anywhere: bool) -> dict[str, str]:
    """The sdist's own modules by the names by which its setup.py may import them; the texts of
    those that have to do with building.
    """
    found: dict[str, str] = {}
    for name in archive.names:
        if not name.endswith(".py") or name == "setup.py":
            continue
        dotted = name[:-3].replace("/", ".").removesuffix(".__init__")
        found[dotted] = seen(archive, name)
        if dotted.startswith("src."):
            found.setdefault(dotted[4:], found[dotted])
        last = dotted.rpartition(".")[2]
        if anywhere and last not in _HEAVY:
            found.setdefault(last, found[dotted])
        found.setdefault(dotted.partition(".")[0], "")
    return found


def _stopped(
    told: dict[str, Story], tell: Callable[[str], Story], text: str, path: str, signs: Signs
) -> None:
    """On which systems it goes on, if it ends itself on one."""
    if told["linux"].stopped is None and not script_text.speaks_of_systems(text):
        return
    for system in ("macos", "windows"):
        told[system] = tell(system)
    good = [system for system in told if told[system].stopped is None]
    said = next((each.stopped for each in told.values() if each.stopped is not None), None)
    if said is None:
        missing = {system: set(each.missing) for system, each in told.items()}
        native = {name for name, row in rows("module").items() if row["system"] in told}
        good = [system for system in told if not missing[system] & native]
        said = ", ".join(sorted(missing["linux"] & native))
        if len(good) < 3 and "linux" not in good and good:
            signs.systems = good
            signs.add("evidence", f"{path}: import {said}")
        return
    words = line(said, 120)
    signs.add("evidence", f"{path}: {words}")
    wanted = script_text.wanted_by(words)
    if not good and wanted:  # it would go on if that were there
        signs.add("programs", wanted)
        signs.compiled(*rows("program")[wanted].get("languages", ()), because="")
    elif not good:
        signs.refuses = f"its {path} ends with: {words}"
    elif len(good) < 3:
        signs.systems = good


def _conclude(
    archive: Archive, tree: ast.Module, tale: Story, path: str, requires: list[str], signs: Signs
) -> None:
    forgiving = script_text.forgiving(tale.classes)
    retried = any(
        setup.fallback and not any(True for _ in _extensions(setup.arguments))
        for setup in tale.setups
    )
    first = [setup for setup in tale.setups if not setup.fallback]
    for key, row in rows("refused").items():
        given = any(setup.sure and setup.arguments.get(key) is True for setup in first)
        if given and _newer(requires, row["since"]):
            signs.refuses = f"setuptools {row['since']} and newer refuse its {key}"
    possible: list[tuple[str, list[str]]] = []
    everywhere = all(  # whichever of them is reached
        any(sure for _, _, sure in _extensions(setup.arguments)) for setup in first
    )
    if everywhere and not any(setup.sure for setup in first):
        first = first[:1]
    for setup in first:
        if setup.by.startswith("skbuild."):
            _by_cmake(archive, setup.arguments, signs)
        for key, value, sure in _extensions(setup.arguments):
            languages, optional, sources = _languages(value, key)
            because = f"{path}: {_named(value, key)}"
            if optional or forgiving or retried:
                signs.add("optional", *languages)
                signs.add("evidence", f"{because}, optional")
            elif sure and (setup.sure or everywhere):
                _compiled(languages, sources, because, signs)
            else:
                possible.append((because, languages))
    commands = script_text.compiling_commands(tale.classes, names_of(requires))
    for program, languages, where in commands:
        if signs.pure is not False or program not in signs.programs:
            signs.compiled(*languages, because=f"{path}: {where} runs {program}")
        if program in rows("program") and not rows("program")[program].get("compiler"):
            signs.add("programs", program)
    if signs.pure is False:
        found = script_text.programs(tree, names_of(requires))
        signs.add("programs", *(each for each in found if _called_for(each, signs)))
        if "pkgconfig" in names_of(requires):  # a distribution that runs it
            signs.add("programs", "pkg-config")
        _headers(archive, tale, signs)
    elif possible:
        _possibly(possible, signs)
    elif first and not tale.missing:
        _pure(archive, first, path, signs)
    elif tale.made and not signs.optional:
        for each in tale.made:
            _possibly([(f"{path}: {_named(each, '')}", _languages(each, "")[0])], signs)
    elif archive.complete and not own_sources(archive):
        signs.pure = True
        signs.add("evidence", "no source of a compiled language is in it")
    elif first:
        _pure(archive, first, path, signs)


def _called_for(program: str, signs: Signs) -> bool:
    """Not what compiles a language that is not compiled: ``nvcc`` where it is for a switch."""
    languages = rows("program")[program].get("languages")
    return not languages or bool({*languages} & {*signs.languages})


def _possibly(possible: list[tuple[str, list[str]]], signs: Signs) -> None:
    """Extensions that may be asked for, depending on what is not known here."""
    for because, languages in possible:
        signs.add("languages", *languages)
        signs.add("evidence", f"{because}, perhaps")


def _pure(archive: Archive, setups: list[Any], path: str, signs: Signs) -> None:
    """No call of ``setup`` names an extension. Whether it is sure of that."""
    open_ended = any("**" in each.arguments or not each.sure for each in setups)
    if open_ended and own_sources(archive):
        signs.add("evidence", f"{path}: not all arguments of setup() are known")
        return
    if (
        any(_own_commands(each.arguments) for each in setups)
        and own_sources(archive)
        and not signs.optional
    ):
        signs.add("evidence", f"{path}: commands of its own may compile what is there")
        return
    signs.pure = True
    signs.add("evidence", f"{path}: setup() names no extension module")


def _own_commands(arguments: dict[str, Any]) -> bool:
    """Whether what compiles is put in the place of what setuptools has."""
    commands = arguments.get("cmdclass")
    named = commands if isinstance(commands, dict) else {}
    return "distclass" in arguments or bool({"build_ext", "build_clib"} & named.keys())


def _extensions(arguments: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """(argument, what it holds, whether for certain) of whatever is to be compiled."""
    for key in rows("keyword"):
        value = arguments.get(key)
        if value is None or value in ([], (), "", {}):
            continue
        for each, sure in leaves(value):
            if isinstance(each, Made) or (isinstance(each, str) and each and key != "ext_modules"):
                yield key, each, sure
            elif each is UNKNOWN or isinstance(each, Dotted | dict):
                yield key, UNKNOWN, False


def _languages(value: Any, key: str) -> tuple[list[str], bool, list[str]]:
    """(languages, whether it is optional, sources) of an extension."""
    default = list(rows("keyword")[key]["languages"]) if key in rows("keyword") else ["c"]
    if not isinstance(value, Made):
        return default, False, []
    last = value.of.rpartition(".")[2]
    if last.startswith("Rust"):
        return ["rust"], value.named.get("optional") is True, []
    given = value.named.get("sources")
    if given is None and len(value.arguments) > 1:
        given = value.arguments[1]
    sources = [each for each, _ in leaves(given) if isinstance(each, str)]
    languages = [language_of(each) for each in sources]
    said = value.named.get("language")
    if said == "c++" or last in ("Pybind11Extension", "CppExtension", "SyclExtension"):
        languages = ["c++" if each in ("c", "") else each for each in languages] or ["c++"]
    if "CMake" in last:
        languages = ["c", "c++"]
    if "CUDA" in last:
        languages = ["c++", "cuda"]
    known = list(dict.fromkeys(each for each in languages if each))
    return known or default, value.named.get("optional") is True, sources


def _named(value: Any, key: str) -> str:
    if not isinstance(value, Made):
        return key
    name = value.named.get("name", value.arguments[0] if value.arguments else "")
    last = value.of.rpartition(".")[2]
    return f'{last}("{name}")' if isinstance(name, str) and name else f"{last}(…)"


def _compiled(languages: list[str], sources: list[str], because: str, signs: Signs) -> None:
    signs.compiled(*languages, because=because)
    if "cuda" in languages:
        signs.add("programs", "nvcc")
    if any(each.endswith(".i") for each in sources):
        signs.add("programs", "swig")


def _by_cmake(archive: Archive, arguments: dict[str, Any], signs: Signs) -> None:
    """scikit-build's ``setup``."""
    folder = arguments.get("cmake_source_dir")
    path = f"{folder.strip('./')}/CMakeLists.txt" if isinstance(folder, str) else "CMakeLists.txt"
    text = archive.texts.get(path.lstrip("/"), "")
    built = build_files.cmake(text, ("c", "c++"))
    signs.compiled(*built.languages, because=f"{path.lstrip('/')}, built by scikit-build")
    if "cuda" in built.languages:
        signs.add("programs", "nvcc")


def _headers(archive: Archive, tale: Story, signs: Signs) -> None:
    sources: list[str] = []
    made = tale.made[:1] if script_text.prunes(tale.classes) else tale.made
    for value in made:
        sources += _languages(value, "")[2]
    clean = [each.removeprefix("./") for each in sources]
    starts = [each for each in clean if each in archive.sources]
    starts += [
        f"{e[:-4]}.c" for e in clean if e.endswith(".pyx") and f"{e[:-4]}.c" in archive.names
    ]
    if any("CMake" in each.of for each in tale.made) or "cmake" in signs.programs:
        return  # it finds out itself what there is, and does without the rest
    guessed = not starts
    if guessed:
        starts = own_sources(archive)[:50]
    includes.wanted(archive, starts, signs, known_only=guessed or "make" in signs.programs)


def fetches(archive: Archive, path: str, signs: Signs) -> None:
    """What a script fetches from elsewhere."""
    tree = calls.parsed(seen(archive, path))
    for what in script_text.fetches(tree) if tree is not None else ():
        signs.add("downloads", f"{path}: {what}")
