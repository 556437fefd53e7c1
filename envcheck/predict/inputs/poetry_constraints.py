"""Version constraints as poetry writes them, in the words of the packaging specifications.

Poetry's documentation, "Dependency specification": caret, tilde, wildcard, exact and multiple
requirements, joined by ``,`` or blanks; alternatives by ``||`` or ``|``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>|=|\^|~)?\s*((?:\d+!)?[^\s,<>=!~^|]+)")


@lru_cache(maxsize=4096)
def alternatives(text: str) -> tuple[str, ...]:
    """PEP 440 specifiers, one of which must admit a version. An empty one admits all.

    Raises ValueError if the text is no constraint.
    """
    found = [_specifier(part.strip()) for part in re.split(r"\s*\|\|?\s*", text.strip())]
    if len(found) == 2 and (whole := _all_but_one(*found)):
        return (whole,)
    return tuple(dict.fromkeys(found))


def admits(text: str, version: str) -> bool:
    """Whether a constraint admits a version; one that cannot be read admits all."""
    try:
        return any(
            SpecifierSet(one).contains(version, prereleases=True) for one in alternatives(text)
        )
    except (ValueError, InvalidVersion):
        return True


def specifier(text: str) -> tuple[str, bool]:
    """(one specifier, whether it says the same): of alternatives the lowest bound and the highest.

    Raises ValueError.
    """
    found = alternatives(text)
    if len(found) == 1:
        return found[0], True
    clauses = [re.findall(r"(>=|<=|>|<|==|~=)([^,]+)", one) for one in found]
    lower = [
        (Version(v.removesuffix(".*")), op, v)
        for one in clauses
        for op, v in one
        if op in (">=", ">", "==", "~=")
    ]
    bounded = all(any(op in (">=", ">", "==", "~=") for op, _ in one) for one in clauses)
    if not bounded or not lower:
        return "", False
    version, op, _ = min(lower)
    return f"{'>' if op == '>' else '>='}{version}", False


def marker(text: str) -> str:
    """The marker that a constraint on Python is. Raises ValueError."""
    found = []
    for one in alternatives(text):
        terms = []
        for op, version in re.findall(r"(~=|===|==|!=|<=|>=|<|>)([^,]+)", one):
            is_feature = version.removesuffix(".*").count(".") == 1 and op not in ("<=", ">", "~=")
            if is_feature and (op in ("<", ">=") or version.endswith(".*")):
                terms.append(f"python_version {op} '{version.removesuffix('.*')}'")
            else:
                terms.append(f"python_full_version {op} '{version}'")
        if not terms:
            return ""
        found.append(" and ".join(terms))
    return " or ".join(found) if len(found) < 2 else " or ".join(f"({one})" for one in found)


def _specifier(text: str) -> str:
    """Of constraints that must all hold."""
    if text in ("*", "", "x", "X"):
        return ""
    position, clauses = 0, []
    while position < len(text):
        if text[position] in ", \t\n":
            position += 1
            continue
        match = _CLAUSE.match(text, position)
        if match is None:
            raise ValueError(f"`{text[:100]}` is no constraint on versions")
        clauses.append(_clause(match[1] or "", match[2]))
        position = match.end()
    joined = ",".join(filter(None, clauses))
    try:
        SpecifierSet(joined)
    except InvalidSpecifier as error:
        raise ValueError(f"`{text[:100]}` is no constraint on versions") from error
    return joined


def _clause(operator: str, text: str) -> str:
    if text == "*":
        return ""
    if operator in ("^", "~"):
        return _range(operator, text)
    if operator in ("", "="):
        return f"=={text}"
    if text.endswith(".*") and operator not in ("==", "!="):  # poetry takes >=1.* for >=1
        text = text.removesuffix(".*")
    return f"{operator}{text}"


def _range(operator: str, text: str) -> str:
    """``^1.2.3`` and ``~1.2.3``."""
    try:
        version = Version(text)
    except InvalidVersion as error:
        raise ValueError(f"`{text[:100]}` is no version") from error
    release = list(version.release)
    if operator == "~":
        place = min(1, len(release) - 1)
    else:
        place = next((n for n, part in enumerate(release) if part), len(release) - 1)
    upper = [*release[:place], release[place] + 1]
    upper += [0] * (len(release) - len(upper))
    epoch = f"{version.epoch}!" if version.epoch else ""
    return f">={text},<{epoch}{'.'.join(map(str, upper))}"


def _all_but_one(first: str, second: str) -> str:
    """``>=1,<1.5 || >1.5`` is how poetry writes ``>=1,!=1.5``."""
    left, right = first.split(","), second.split(",")
    for clause in left:
        if clause.startswith("<") and not clause.startswith("<="):
            version = clause[1:]
            if f">{version}" in right:
                rest = [one for one in left if one != clause]
                rest += [one for one in right if one != f">{version}"]
                return ",".join([*rest, f"!={version}"])
    return ""
