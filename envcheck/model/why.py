"""The document of ``envcheck why``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from envcheck.model.prediction import Prediction  # noqa: TC001  # msgspec reads the annotations

SCHEMA = "envcheck.why/1"


class FileAnswer(Struct, frozen=True, kw_only=True):
    """One file of the release. ``reason``: why it is not taken."""

    file: str
    taken: bool
    reason: str = ""


class WayOut(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would help; it was tried on the index."""

    kind: Annotated[
        str, Meta(description="release, older, pre, image, python, extra, sibling or package")
    ]
    what: str
    text: str
    targets: list[str] = field(default_factory=list)


class Answer(Struct, frozen=True, kw_only=True):
    """One requirement on one target."""

    prediction: Prediction
    files: list[FileAnswer] = field(default_factory=list)
    ways: list[WayOut] = field(default_factory=list)


class Why(Struct, frozen=True, kw_only=True):
    """All that was asked."""

    schema: Literal["envcheck.why/1"] = "envcheck.why/1"
    envcheck: str
    asked: Annotated[str, Meta(description="UTC")]
    answers: list[Answer]
    notes: list[str] = field(default_factory=list)
