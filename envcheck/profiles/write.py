"""Profiles as TOML text that the loader reads again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from envcheck.model.profile import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from envcheck.model.profile import Profile

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def document(
    head: Mapping[str, Any],
    tables: Iterable[tuple[str, Mapping[str, Any]]],
    comments: Sequence[str] = (),
) -> str:
    """A profile of these keys and tables; a table is (kind, its keys)."""
    lines = [f"# {_visible(comment)}".rstrip() for comment in comments]
    lines += [""] if lines else []
    lines += [f"{key} = {value(v)}" for key, v in {"schema": SCHEMA, **head}.items()]
    for kind, keys in tables:
        lines += ["", f"[[{kind}]]", *(f"{key} = {value(v)}" for key, v in keys.items())]
    return "\n".join(lines) + "\n"


def resolved(profile: Profile) -> str:
    """``profile`` with all that it extends, as one document; what is default is left out."""
    tables: list[tuple[str, Mapping[str, Any]]] = []
    for placed in profile.requirements:
        tables.append((placed.kind, _differing(placed.written)))
    for rule in profile.waivers:
        keys: dict[str, Any] = {"code": rule.code, "reason": rule.reason}
        if rule.subject:
            keys["subject"] = rule.subject
        if rule.expires:
            keys["expires"] = dt.date.fromisoformat(rule.expires)
        tables.append(("waiver", keys))
    head = {"name": profile.names[0] if len(profile.names) == 1 else "-".join(profile.names)}
    if profile.summary:
        head["summary"] = profile.summary
    return document(head, tables)


def _differing(requirement: msgspec.Struct) -> dict[str, Any]:
    """The fields of a requirement that are not as by default, the common ones last."""
    keys = {}
    for part in msgspec.structs.fields(requirement):
        value = getattr(requirement, part.encode_name)
        if part.required or value not in (part.default, None, [], ""):
            keys[part.encode_name] = value
    common = ("severity", "when", "reason", "source")
    ordered = sorted(keys, key=lambda key: common.index(key) + 1 if key in common else 0)
    return {key: keys[key] for key in sorted(ordered, key=lambda key: key != "id")}


def value(item: Any) -> str:
    """One TOML value: string, boolean, integer, float, date or list of these."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, float):
        return repr(int(item)) if item.is_integer() else repr(item)
    if isinstance(item, int):
        return repr(item)
    if isinstance(item, dt.date):
        return item.isoformat()
    if isinstance(item, (list, tuple)):
        return f"[{', '.join(value(part) for part in item)}]"
    return '"' + "".join(_ESCAPES.get(c) or _escaped(c) for c in str(item)) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:  # half of a pair has no place in UTF-8
        return "\\uFFFD"
    return character if character.isprintable() else f"\\U{code:08X}"


def _visible(comment: str) -> str:
    return "".join(
        c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else "?" for c in comment
    )
