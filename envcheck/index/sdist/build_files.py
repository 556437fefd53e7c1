"""What CMakeLists.txt, meson.build and Cargo.toml say is compiled. Read, not run."""

from __future__ import annotations

import re
from typing import NamedTuple

_CMAKE_COMMENT = re.compile(r"#\[\[.*?\]\]|#[^\n]*", re.S)
_CMAKE_CALL = re.compile(r"\b(\w+)\s*\(([^()]{0,4000}(?:\([^()]{0,1000}\)[^()]{0,4000}){0,20})\)")
_CMAKE_OPEN = re.compile(r"\b(if|foreach|while|function|macro|block)\s*\(", re.I)
_CMAKE_CLOSE = re.compile(r"\b(endif|endforeach|endwhile|endfunction|endmacro|endblock)\s*\(", re.I)
_LANGUAGES = {
    "C": "c", "CXX": "c++", "CUDA": "cuda", "FORTRAN": "fortran", "HIP": "hip", "ASM": "",
    "OBJC": "objective-c", "OBJCXX": "objective-c", "CSHARP": "c#", "JAVA": "java", "NONE": "",
    "SWIFT": "swift", "ISPC": "ispc", "RUST": "rust",
}  # fmt: skip
_MESON = {
    "c": "c", "cpp": "c++", "cuda": "cuda", "fortran": "fortran", "cython": "c", "rust": "rust",
    "objc": "objective-c", "objcpp": "objective-c", "d": "d", "java": "java", "nasm": "",
}  # fmt: skip
_TEXT = r"'([^'\n]{0,200})'"


class Built(NamedTuple):
    """``languages``: that are compiled whatever is switched on. ``packages``: of pkg-config, that
    are required. ``fetches``: what brings something from elsewhere.
    """

    languages: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    fetches: tuple[str, ...] = ()


def cmake(text: str, default: tuple[str, ...]) -> Built:
    """``default``: the languages of a ``project()`` that names none."""
    text = _CMAKE_COMMENT.sub("", text[:400_000])
    languages: list[str] = []
    packages: list[str] = []
    fetches: list[str] = []
    depth = at = 0
    named = False
    for match in _CMAKE_CALL.finditer(text):
        between = text[at : match.end(1) + 1]
        at = match.end(1) + 1
        depth += len(_CMAKE_OPEN.findall(between)) - len(_CMAKE_CLOSE.findall(between))
        command, words = match[1].lower(), match[2].replace('"', " ").split()
        if depth > 0 or not words:
            continue
        if command == "project" and not named:
            named = True
            languages += _project(words, default)
        elif command == "enable_language" and "OPTIONAL" not in words:
            languages += [_LANGUAGES.get(word.upper(), "") for word in words]
        elif command in ("pkg_check_modules", "pkg_search_module") and "REQUIRED" in words:
            packages += _modules(words[words.index("REQUIRED") + 1 :])
        elif command == "find_package" and words[0] == "CUDAToolkit" and "REQUIRED" in words:
            languages.append("cuda")
        elif command in ("fetchcontent_declare", "externalproject_add", "cpmaddpackage"):
            if re.search(r"GIT_REPOSITORY|\bURL\b|GITHUB_REPOSITORY|gh:", match[2]):
                fetches.append(f"{match[1]}({words[0]})")
        elif command == "file" and words[0] == "DOWNLOAD":
            fetches.append("file(DOWNLOAD)")
    if not named and not languages:
        languages += default
    return Built(_distinct(languages), _distinct(packages), _distinct(fetches))


def _project(words: list[str], default: tuple[str, ...]) -> list[str]:
    """Languages of ``project(name VERSION 1 LANGUAGES C CXX)``, or ``project(name C)``."""
    if "LANGUAGES" in words:
        named = words[words.index("LANGUAGES") + 1 :]
    else:
        named = []
        skip = True  # the name, and what a keyword says
        for word in words:
            if skip:
                skip = False
            elif word in ("VERSION", "DESCRIPTION", "HOMEPAGE_URL", "COMPAT_VERSION"):
                if word != "VERSION":
                    break
                skip = True
            else:
                named.append(word)
        named = [word for word in named if word.upper() in _LANGUAGES]
        if not named:
            return list(default)
    found = [_LANGUAGES[word.upper()] for word in named if word.upper() in _LANGUAGES]
    if found or not any("$" in word for word in named):
        return found
    return list(default)  # a variable: something is compiled


def _modules(words: list[str]) -> list[str]:
    return [
        re.split(r"[<>=]", word)[0]
        for word in words
        if word not in ("QUIET", "IMPORTED_TARGET", "GLOBAL") and re.match(r"[\w.+-]+$", word[:1])
    ]


def meson(text: str) -> Built:
    """Of a ``meson.build``."""
    text = re.sub(r"#[^\n]*", "", text[:400_000])
    languages: list[str] = []
    match = re.search(r"\bproject\s*\(\s*(.{0,3000}?)(?:\)\s*\n|\Z)", text, re.S)
    for named in re.findall(_TEXT, _positional(match[1])) if match else []:
        languages.append(_MESON.get(named.lower(), ""))
    for call in re.findall(r"^add_languages\s*\(([^)]{0,500})\)", text, re.M):
        if not re.search(r"required\s*:\s*(false|get_option)", call):
            languages += [_MESON.get(word.lower(), "") for word in re.findall(_TEXT, call)]
    packages = []
    for call in re.findall(r"^\w+\s*=\s*dependency\s*\(([^)]{0,500})\)", text, re.M):
        named = re.match(rf"\s*{_TEXT}", call)
        if named and not re.search(r"required\s*:\s*(false|get_option)|fallback\s*:", call):
            packages.append(named[1])
    ours = [name for name in packages if name not in _OF_MESON]
    return Built(_distinct(languages), _distinct(ours), ())


#: Dependencies that Meson finds itself or that Python distributions bring.
_OF_MESON = frozenset(
    ("python3", "python", "threads", "openmp", "mpi", "pybind11", "numpy", "cython", "dl", "iconv",
     "intl", "cuda", "boost")
)  # fmt: skip


def _positional(arguments: str) -> str:
    """``'name', 'c', 'cpp'`` of a call, without the name and what is named ``key: value``."""
    head = re.split(r"\b\w+\s*:", arguments)[0]
    return head.partition(",")[2]


def crates(text: str) -> dict[str, str]:
    """Dependencies in a ``Cargo.toml``, each with the rest of its line."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^\s*([\w-]{1,80})\s*=\s*([^\n]{0,300})", text[:200_000], re.M):
        found.setdefault(match[1], match[2])
    return found


def _distinct(words: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))
