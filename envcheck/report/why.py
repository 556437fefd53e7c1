"""``envcheck why`` for a terminal or a log: three lines, then files and ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.printable import ascii_only, line, no_command, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.prediction import Blocker
    from envcheck.model.why import Answer, WayOut, Why

_GOOD = ("wheel", "sdist-pure")
_HINT = "hint: --files says of every file of that release why it is not taken"
_FEW = 8  # blockers that are told at length
_HEADS = {
    "release": "other release",
    "older": "older release",
    "pre": "pre-release",
    "image": "other system",
    "python": "other Python",
    "extra": "extra",
    "sibling": "sibling",
}


def render(why: Why, *, width: int = 100, colour: bool = False, unicode: bool = True) -> str:
    """The answers, one below the other."""
    lines: list[str] = []
    for answer in why.answers:
        lines += [*([""] if lines else []), *_answer(answer, width, colour)]
    for note in why.notes:
        lines += wrap(f"note: {line(note)}", width)
    if any(_has_files(answer) and not answer.files for answer in why.answers):
        lines += ["", *wrap(_HINT, width)]
    text = "".join(f"{no_command(part.rstrip())}\n" for part in lines)
    return text if unicode else ascii_only(text)


def _has_files(answer: Answer) -> bool:
    """Whether there are files to be told of, and a reason to."""
    prediction = answer.prediction
    kind = prediction.blockers[0].kind if prediction.blockers else prediction.class_
    refused = ("no-file", "requires-python", "older-release", "pre-release", "sdist-build")
    return kind in refused


def _answer(answer: Answer, width: int, colour: bool) -> Iterator[str]:
    prediction = answer.prediction
    style = "32" if prediction.class_ in _GOOD else "1;31"
    if prediction.class_ in ("unknown", "yanked", "older-release", "pre-release", "sdist-build"):
        style = "1;33"
    head, *rest = prediction.lines or [prediction.class_]
    for row, part in enumerate(wrap(line(head), width - 2)):
        shown = f"  {part}" if row else part
        yield f"\x1b[{style}m{shown}\x1b[0m" if colour else shown
    for text in rest:
        yield from _entry(line(text[:9]).rstrip(), text[9:], width)
    if prediction.platform:
        yield from _entry("target", prediction.platform, width)
    if len(prediction.blockers) > 1:
        yield ""
        yield from _blocked(prediction.blockers, width)
    for text in prediction.unread[:8]:
        yield from _entry("note", text, width)
    if answer.files:
        yield ""
        yield "files"
        for file in answer.files:
            mark = "taken" if file.taken else line(file.reason)
            yield from _item(f"{line(file.file)}: {mark}", width)
    tried = [way for way in answer.ways if way.kind != "package"]
    if tried:
        yield ""
        yield "ways out, tried on the index"
        for (kind, text), names in _together(tried).items():
            head = f"{_HEADS.get(kind) or line(kind)}: {', '.join(names)}"
            yield from _item(f"{head}: {line(text)}", width)
    packages = [way for way in answer.ways if way.kind == "package"]
    packages = [way for way in packages if f"remedy   {way.what}" not in prediction.lines]
    if packages:
        yield ""
        yield from wrap("packages of the system, by their names and not tried", width)
        for way in packages:
            yield from _item(f"{line(way.what)}: {line(way.text)}", width)


def _blocked(blockers: list[Blocker], width: int) -> Iterator[str]:
    """The first few at length, of the others their names."""
    what = "these will not import:" if blockers[0].kind == "will-not-import" else "blocked by"
    yield f"{what} {len(blockers)}"
    for one in blockers[:_FEW]:
        path = f" (by way of {' > '.join(one.path)})" if len(one.path) > 1 else ""
        yield from _item(f"{line(one.requirement)}{line(path)}: {line(one.sentence)}", width)
    if rest := [line(one.requirement) for one in blockers[_FEW:]]:
        yield from _item(f"also {', '.join(rest)} (--json says why)", width)


def _together(ways: list[WayOut]) -> dict[tuple[str, str], list[str]]:
    """Those of which the same is to be said: kind and text -> what to ask for, or where."""
    found: dict[tuple[str, str], list[str]] = {}
    for way in ways:
        found.setdefault((way.kind, way.text), []).append(line(way.what))
    return found


def _entry(label: str, text: str, width: int) -> Iterator[str]:
    for number, part in enumerate(wrap(line(text), width - 9)):
        yield f"{label if not number else '':9}{part}"


def _item(text: str, width: int) -> Iterator[str]:
    for number, part in enumerate(wrap(text, width - 4)):
        yield f"{'  ' if not number else '    '}{part}"
