"""``envcheck why`` for a terminal or a log: three lines, then files and ways out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envcheck.report.printable import ascii_only, line, no_command, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envcheck.model.why import Answer, Why

_GOOD = ("wheel", "sdist-pure")
_HINT = "hint: --files tells of every file why it is not taken"
_HEADS = {
    "older": "older release",
    "pre": "pre-release",
    "image": "other system",
    "python": "other Python",
    "extra": "extra",
    "sibling": "sibling",
    "compiler": "compiler",
    "package": "system package",
}


def render(why: Why, *, width: int = 100, colour: bool = False, unicode: bool = True) -> str:
    """The answers, one below the other."""
    lines: list[str] = []
    for answer in why.answers:
        lines += [*([""] if lines else []), *_answer(answer, width, colour)]
    lines += [f"note: {line(note)}" for note in why.notes]
    if any(answer.prediction.class_ not in _GOOD and not answer.files for answer in why.answers):
        lines += ["", _HINT]
    text = "".join(f"{no_command(part.rstrip())}\n" for part in lines)
    return text if unicode else ascii_only(text)


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
        yield from _entry(text[:9].rstrip(), text[9:], width)
    if prediction.platform:
        yield from _entry("target", prediction.platform, width)
    others = prediction.blockers if len(prediction.blockers) > 1 else []
    if others:
        yield ""
        yield "blocked by"
        for one in others:
            path = f" (by way of {' > '.join(one.path)})" if len(one.path) > 1 else ""
            yield from _item(f"{line(one.requirement)}{line(path)}: {line(one.sentence)}", width)
    for text in prediction.unread[:8]:
        yield from _entry("note", text, width)
    if answer.files:
        yield ""
        yield "files"
        for file in answer.files:
            mark = "taken" if file.taken else line(file.reason)
            yield from _item(f"{line(file.file)}: {mark}", width)
    if answer.ways:
        yield ""
        yield "ways out, tried on the index"
        for way in answer.ways:
            head = f"{_HEADS.get(way.kind, way.kind)}: {line(way.what)}"
            yield from _item(f"{head}: {line(way.text)}", width)


def _entry(label: str, text: str, width: int) -> Iterator[str]:
    for number, part in enumerate(wrap(line(text), width - 9)):
        yield f"{label if not number else '':9}{part}"


def _item(text: str, width: int) -> Iterator[str]:
    for number, part in enumerate(wrap(text, width - 4)):
        yield f"{'  ' if not number else '    '}{part}"
